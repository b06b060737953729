"""Bitcoin addresses, with the examples of their specifications.

Source: BIP 173, *Test vectors*; BIP 350, *Test vectors for v0-v16 native segregated witness
addresses*.
"""

import pytest

from sharing.formats.bitcoin import checksum_holds, looks_like_address


@pytest.mark.parametrize(
    "address",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "BC1SW50QGDZ25J",
        "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ],
)
def test_true_addresses(address: str) -> None:
    assert looks_like_address(address)
    assert checksum_holds(address)


@pytest.mark.parametrize(
    "address",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "11A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        # BIP 350: Bech32 instead of Bech32m, Bech32m instead of Bech32, checksum, version, lengths
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
        "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
        "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
        "bc1pw5dgrnzv",
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    ],
)
def test_false_addresses(address: str) -> None:
    assert not (looks_like_address(address) and checksum_holds(address))


@pytest.mark.parametrize(
    "word",
    ["", "1", "bc1", "1234567890123456789012345678", "1lI0OABCDEFGHJKLMNPQRSTUVWXYZ",
     "bc1Qw508d6qejx", "0A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"],
)  # fmt: skip
def test_words_that_do_not_look_like_one(word: str) -> None:
    assert not looks_like_address(word)
