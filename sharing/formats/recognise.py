"""Recognises what was pasted: STIX, a MISP event, or text with indicators in it.

Pure and total: whatever comes in, a `Recognised` comes out, or an `InvalidError` that says what is
wrong, which limit it breaks and what to do. Size is bounded before anything is parsed, depth while
it is parsed, counts before anything is built.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.errors import InvalidError
from sharing.canonical import MalformedError, read_json
from sharing.formats.misp import find_events, read_events
from sharing.formats.recognised import LIMIT_BYTES, TEXT_LIMIT_BYTES, Recognised, too_large
from sharing.formats.stix_objects import find_objects, read_objects
from sharing.formats.text import read_text

MAX_DEPTH: Final = 36
"""What an object may have, 32, in a bundle in a list."""

_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BINARIES: Final[Mapping[bytes, str]] = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "an archive or an Office document",
    b"\x1f\x8b": "a compressed file",
    b"{\\rtf": "a document in Rich Text Format",
    b"\xd0\xcf\x11\xe0": "an Office document or a message of Outlook",
}
_WAY_OUT: Final = "Open it, and paste the text that it shows."
_JSON_BEGINS: Final = re.compile(r"[\s\ufeff]*[\[{]")
_MEANT_AS_JSON: Final = re.compile(
    r'"(?:spec_version|object_marking_refs|pattern_type|Attribute|Orgc|to_ids)"[ \t\r\n]{0,20}:'
)


def recognise(data: bytes | str) -> Recognised:
    """Tell what data are, and what can be detected by them.

    Args:
        data: a text, or a file as it is.

    Raises:
        InvalidError: they can't be read, or break a limit; the sentence says which.
    """
    text = _read_characters(data)
    if _JSON_BEGINS.match(text):
        recognised = _read_json_text(text)
        if recognised is not None:
            return recognised
    return _search(text)


def _read_characters(data: bytes | str) -> str:
    """Read bytes as text, within bounds."""
    written = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(written) > LIMIT_BYTES:
        raise too_large(len(written), LIMIT_BYTES)
    for beginning, name in _BINARIES.items():
        if written.startswith(beginning):
            raise InvalidError(f"this is {name}, and no text", field="data", hint=_WAY_OUT)
    encoding = "utf-16" if written.startswith(_UTF16) else "utf-8-sig"
    try:
        text = written.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"byte {error.start + 1} is no text in {encoding.removesuffix('-sig').upper()}",
            field="data",
            hint="Save the file as text in UTF-8, or paste the text itself.",
        ) from None
    if "\x00" in text:
        raise InvalidError("this is a file of a program, and no text", field="data", hint=_WAY_OUT)
    return text


def _read_json_text(text: str) -> Recognised | None:
    """Read JSON as what it is; `None` where it is no JSON, and not meant as STIX or MISP."""
    try:
        document = read_json(
            text.strip("\ufeff").encode(),
            limit_bytes=LIMIT_BYTES,
            field="data",
            max_depth=MAX_DEPTH,
        )
    except MalformedError as error:
        if _MEANT_AS_JSON.search(text) is None:
            return None
        # Read as text it would lose the marking that it came with.
        raise InvalidError(
            f"this looks like STIX or MISP, but can't be read: {error.message}",
            field="data",
            hint="Take the whole file, as it was exported.",
        ) from None
    events = find_events(document)
    if events is not None:
        return read_events(events)
    items = find_objects(document)
    if items is not None:
        return read_objects(items)
    # JSON may hold halves of characters, which no text does.
    return _search("\n".join(_texts(document)).encode("utf-8", "replace").decode())


def _search(text: str) -> Recognised:
    size = len(text.encode())
    if size > TEXT_LIMIT_BYTES:
        raise too_large(size, TEXT_LIMIT_BYTES, " of text")
    return read_text(text)


def _texts(value: Any) -> Iterator[str]:
    """Give all names and texts in JSON of another form, without its escapes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _texts(item)
