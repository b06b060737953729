from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from hub.accounts import passwords
from policies.errors import InvalidError


@pytest.fixture(autouse=True)
def in_earnest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hash cost here what it costs a node."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher())


@pytest.mark.parametrize(
    "password", ["correct horse", "ааббввггддее", "a" * 8 + "bcde", "x1!" * 60 + "yz"]
)
def test_length_is_enough(password: str) -> None:
    passwords.check_password(password, name="ada")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least 12"),
        ("short", "at least 12"),
        ("x1!" * 67, "at most 200"),
        ("abababababab", "different"),
        ("Ada.Lovelace", "the name again"),
        ("ada.lovelaceADA.LOVELACE", "the name again"),
    ],
)
def test_what_is_easily_guessed_is_refused(password: str, reason: str) -> None:
    with pytest.raises(InvalidError, match=reason) as caught:
        passwords.check_password(password, name="ada.lovelace")
    assert caught.value.field == "password"


def test_a_password_is_known_again_however_it_is_typed() -> None:
    kept = passwords.hash_password("cafe\u0301 au lait")
    assert kept.startswith("$argon2id$")
    assert passwords.verify_password("caf\u00e9 au lait", kept)
    assert not passwords.verify_password("cafe au lait", kept)
    assert not passwords.needs_new_hash(kept)


def test_nobody_has_no_password_and_it_costs_the_same_to_find_out() -> None:
    assert not passwords.verify_password("anything at all", None)
    # Were its cost another than ours, the time would tell that there is no such account.
    assert not passwords.needs_new_hash(passwords.NOBODYS_HASH)


def test_what_is_not_a_hash_fits_nothing() -> None:
    assert not passwords.verify_password("anything at all", "plain text")
    assert not passwords.verify_password("x" * 100_000, passwords.NOBODYS_HASH)
