"""What was pasted is told by itself; what can't be read is refused with a way out."""

import json
from typing import Any

import pytest

from policies.errors import InvalidError, TooLargeError
from policies.tlp import TLP
from sharing.formats.recognise import recognise
from sharing.formats.recognised import LIMIT_BYTES, TEXT_LIMIT_BYTES, Form, Kind

INDICATOR: dict[str, Any] = {
    "type": "indicator",
    "spec_version": "2.1",
    "id": "indicator--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001",
    "created": "2026-02-01T10:00:00.000Z",
    "modified": "2026-02-01T10:00:00.000Z",
    "pattern": "[domain-name:value = 'evil.com']",
    "pattern_type": "stix",
    "valid_from": "2026-02-01T10:00:00Z",
}
BUNDLE = {"type": "bundle", "id": "bundle--1", "objects": [INDICATOR]}
EVENT = {
    "Event": {
        "info": "x",
        "Attribute": [{"type": "domain", "value": "evil.com", "to_ids": True}],
    }
}


@pytest.mark.parametrize(
    ("data", "form"),
    [
        ("evil.com", Form.TEXT),
        ("", Form.TEXT),
        ("[evil.com]", Form.TEXT),
        ("[+] found evil.com", Form.TEXT),
        ("{evil.com", Form.TEXT),
        (json.dumps(BUNDLE), Form.STIX),
        (json.dumps([INDICATOR, INDICATOR]), Form.STIX),
        (json.dumps(INDICATOR, indent=4), Form.STIX),
        (json.dumps({"objects": [INDICATOR]}), Form.STIX),
        (json.dumps(EVENT), Form.MISP),
        (json.dumps([EVENT, EVENT]), Form.MISP),
        (json.dumps({"response": [EVENT]}), Form.MISP),
        ('{"domain": "evil.com"}', Form.TEXT),
        ('{"Event": {"System": {"Computer": "evil.com"}}}', Form.TEXT),
        ("[]", Form.TEXT),
    ],
)
def test_the_form_is_told_by_itself(data: str, form: Form) -> None:
    for given in (data, data.encode(), b"\xef\xbb\xbf  \n" + data.encode(), data.encode("utf-16")):
        recognised = recognise(given)
        assert recognised.form is form
        found = [(one.kind, one.value) for one in recognised.findings]
        assert found == ([(Kind.DOMAIN, "evil.com")] if "evil.com" in data else [])


def test_json_of_another_form_is_read_without_its_escapes() -> None:
    data = (
        r'{"a": ["http:\/\/evil.com\/x?a=1\u0026b=2", {"hxxp://other[.]com/": "\ud800"}], "n": 1}'
    )
    assert [one.value for one in recognise(data).findings] == [
        "http://evil.com/x?a=1&b=2",
        "http://other.com/",
    ]


def test_what_stands_in_a_deep_document_of_another_form_is_found_all_the_same() -> None:
    data = "[" * 1000 + '"evil.com"' + "]" * 1000
    assert [one.value for one in recognise(data).findings] == ["evil.com"]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (json.dumps(BUNDLE)[:-3], "not JSON"),
        (json.dumps(INDICATOR) + json.dumps(INDICATOR), "not JSON"),
        (json.dumps(EVENT)[:-1] + ', "Orgc": 1', "not JSON"),
        ('{"spec_version": "2.1", "spec_version": "2.1"}', "stands twice"),
        ('{"spec_version": "2.1", "x": NaN}', "NaN"),
        ('{"spec_version": "2.1", "x": 9007199254740993}', "integer beyond"),
        ('{"spec_version": ' + "[" * 40 + "]" * 40 + "}", "deeper than 36"),
    ],
)
def test_broken_stix_and_misp_are_refused_and_not_searched_like_text(data: str, wrong: str) -> None:
    """Else the marking that came with it would be lost."""
    with pytest.raises(InvalidError, match=wrong) as refusal:
        recognise(data)
    assert refusal.value.message.startswith("this looks like STIX or MISP, but can't be read:")
    assert refusal.value.hint == "Take the whole file, as it was exported."


@pytest.mark.parametrize(
    ("data", "sentence", "hint"),
    [
        (b"%PDF-1.7 ...", "this is a PDF document, and no text", "paste the text"),
        (b"PK\x03\x04...", "this is an archive or an Office document", "paste the text"),
        (b"\x1f\x8b\x08", "this is a compressed file", "paste the text"),
        (b"\xd0\xcf\x11\xe0", "this is an Office document or a message", "paste the text"),
        ("{\\rtf1 evil.com}", "this is a document in Rich Text Format", "paste the text"),
        (b"\x7fELF\x00", "this is a file of a program", "paste the text"),
        (b"evil.com\xff", "byte 9 is no text in UTF-8", "UTF-8"),
        (b"caf\xe9", "byte 4 is no text in UTF-8", "UTF-8"),
        (b"\xff\xfea", "is no text in UTF-16", "UTF-8"),
        ("half \ud800", "byte 6 is no text in UTF-8", "UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_with_a_way_out(
    data: bytes | str, sentence: str, hint: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        recognise(data)
    assert sentence in refusal.value.message
    assert hint in str(refusal.value.hint)
    assert refusal.value.field == "data"


def test_what_is_too_large_is_refused_before_it_is_parsed() -> None:
    for data in ("[" * (LIMIT_BYTES + 1), b"\xff" * (LIMIT_BYTES + 1)):
        with pytest.raises(
            TooLargeError, match="8388609 bytes are more than the 8388608"
        ) as refusal:
            recognise(data)
        assert refusal.value.hint == "Split it, and take the parts one after another."


def test_text_has_a_limit_of_its_own() -> None:
    text = "x " * (TEXT_LIMIT_BYTES // 2)
    assert recognise(text).findings == ()
    for data in (f"{text}é", json.dumps([f"{text}é"])):
        with pytest.raises(TooLargeError, match="2097154 bytes of text are more than the 2097152"):
            recognise(data)


def test_stix_and_misp_keep_their_markings() -> None:
    marked = {**INDICATOR, "object_marking_refs": [TLP.RED.marking_id]}
    assert recognise(json.dumps(marked)).marking.tlp is TLP.RED
    event = {"Event": {**EVENT["Event"], "Tag": [{"name": "tlp:red"}]}}
    assert recognise(json.dumps(event)).marking.tlp is TLP.RED


def test_a_signed_bundle_is_refused() -> None:
    with pytest.raises(InvalidError, match="signed bundle"):
        recognise(json.dumps({"type": "signed-bundle", "id": "signed-bundle--1"}))
