from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.partners.heads import MAX_CHANNELS, Head, Heads, etag_of, heads_document, read_heads
from policies.errors import InvalidError

CHANNEL = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
GOOD: dict[str, Any] = {
    "descriptor": {"version": 1, "sha256": "ab" * 32},
    "channels": [{"channel": CHANNEL, "epoch": 1, "seq": 0, "sha256": "cd" * 32}],
}

HEADS = st.builds(
    Heads,
    descriptor_version=st.integers(1, 1000),
    descriptor_sha256=st.just("ab" * 32),
    channels=st.lists(
        st.builds(
            Head,
            channel=st.uuids().map(str),
            epoch=st.integers(1, 9),
            seq=st.integers(0, 2**53 - 1),
            sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
        ),
        unique_by=lambda head: head.channel,
    ).map(tuple),
)


@given(HEADS)
def test_heads_read_as_they_were_written_whatever_their_order(heads: Heads) -> None:
    document = heads_document(heads)
    read = read_heads(json.loads(document), etag="x")
    assert set(read.channels) == set(heads.channels)
    turned = Heads(
        heads.descriptor_version, heads.descriptor_sha256, tuple(reversed(heads.channels))
    )
    assert heads_document(turned) == document
    assert etag_of(heads_document(turned)) == etag_of(document)


def change(path: str, value: object) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(GOOD))
    *parents, last = path.split(".")
    target: Any = copy
    for name in parents:
        target = target[int(name)] if name.isdigit() else target[name]
    target[last] = value
    return copy


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        change("descriptor", None),
        change("descriptor.version", 0),
        change("descriptor.version", value=True),
        change("descriptor.version", "1"),
        change("descriptor.sha256", "AB" * 32),
        change("channels", None),
        change("channels", "abc"),
        change("channels", [7]),
        change("channels", GOOD["channels"] * 2),
        change("channels", GOOD["channels"] * (MAX_CHANNELS + 1)),
        change("channels.0.channel", CHANNEL.upper()),
        change("channels.0.channel", "../../etc"),
        change("channels.0.channel", 7),
        change("channels.0.epoch", 0),
        change("channels.0.seq", -1),
        change("channels.0.seq", 2**53),
        change("channels.0.seq", 1.5),
        change("channels.0.sha256", "cd" * 31),
    ],
)
def test_heads_out_of_their_bounds_are_refused(value: object) -> None:
    with pytest.raises(InvalidError):
        read_heads(value)


def test_members_that_we_do_not_know_are_passed_over() -> None:
    assert read_heads(change("more", 1)).channels[0].channel == CHANNEL
