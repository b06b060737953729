from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.identity.keys import b64
from federation.partners.invitations import Invitation, read_invitation, secret_sha256
from federation.partners.phrase import _words, phrase_digest, phrase_of
from policies.errors import InvalidError

THUMBPRINTS = st.binary(min_size=32, max_size=32).map(b64)
LINE = (
    "coordination-invitation/1 https://cert.example "
    "71fI5vnDA6ilFwHHle44_JBjsh0jz1PI1IZzE1XYQcU AAECAwQFBgcICQoLDA0ODw"
)


@given(THUMBPRINTS, st.binary(min_size=16, max_size=16))
def test_an_invitation_reads_as_it_was_written(thumbprint: str, secret: bytes) -> None:
    invitation = Invitation("https://cert.example", thumbprint, secret)
    assert read_invitation(invitation.line) == invitation
    assert read_invitation("\n  " + invitation.line.replace(" ", "\r\n\t ") + " \n") == invitation
    assert "secret" not in repr(invitation)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        LINE.replace("/1", "/2"),
        LINE[:-1],
        LINE + "A",
        LINE + " more",
        LINE.replace("https", "ftp"),
        LINE.replace("cert.example", "cert.example/path"),
        LINE.replace("71fI", "71f!"),
        LINE.replace("cU AAEC", "cV AAEC"),
        LINE + "==",
        "coordination-invitation/1 " * 100,
    ],
)
def test_a_damaged_invitation_is_refused(line: str) -> None:
    with pytest.raises(InvalidError):
        read_invitation(line)


def test_a_secret_is_remembered_by_a_hash_that_is_not_that_of_its_text() -> None:
    assert secret_sha256(bytes(16)) != secret_sha256(bytes(15) + b"\x01")
    assert len(secret_sha256(bytes(16))) == 64


def test_the_word_list_is_bip_39() -> None:
    words = _words()
    assert len(words) == len(set(words)) == 2048
    assert (words[0], words[-1]) == ("abandon", "zoo")
    assert list(words) == sorted(words)
    assert len({word[:4] for word in words}) == 2048


@given(THUMBPRINTS, THUMBPRINTS)
def test_both_sides_see_the_same_eight_words(one: str, other: str) -> None:
    if one == other:
        with pytest.raises(InvalidError):
            phrase_of(one, other)
        return
    words = phrase_of(one, other)
    assert words == phrase_of(other, one)
    assert len(words) == 8
    digest = phrase_digest(one, other)
    bits = "".join(f"{_words().index(word):011b}" for word in words)
    assert int(bits, 2).to_bytes(11, "big") == digest[:11]
