"""Heads: where each channel stands, as one small answer that costs nothing when nothing moved.

Source: protocol, 9; wire format, 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from policies.errors import InvalidError
from sharing.canonical import MAX_INTEGER, canonical, sha256_hex

MAX_CHANNELS: Final = 20_000

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """The newest entry of one channel."""

    channel: str
    epoch: int
    seq: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Heads:
    """What one node answers: its newest descriptor, and the heads that the caller may read."""

    descriptor_version: int
    descriptor_sha256: str
    channels: tuple[Head, ...]
    etag: str | None = None


def heads_document(heads: Heads) -> bytes:
    """Give the answer's bytes; the same heads always give the same bytes."""
    return canonical(
        {
            "descriptor": {
                "version": heads.descriptor_version,
                "sha256": heads.descriptor_sha256,
            },
            "channels": [head_document(head) for head in sorted(heads.channels)],
        }
    )


def head_document(head: Head) -> dict[str, Any]:
    """Give one head as it stands in an answer or a bell."""
    return {
        "channel": head.channel,
        "epoch": head.epoch,
        "seq": head.seq,
        "sha256": head.sha256,
    }


def etag_of(document: bytes) -> str:
    """Give the strong ETag of an answer, without its quotes."""
    return sha256_hex(document)[:32]


def read_heads(value: Any, *, etag: str | None = None) -> Heads:
    """Read a partner's answer. Members that we do not know are passed over.

    Raises:
        InvalidError: a member is missing or out of its bounds.
    """
    if not isinstance(value, Mapping):
        raise InvalidError("the answer is no object", field="heads")
    descriptor, channels = value.get("descriptor"), value.get("channels")
    if not isinstance(descriptor, Mapping):
        raise InvalidError("the answer names no descriptor", field="descriptor")
    if not isinstance(channels, Sequence) or isinstance(channels, str):
        raise InvalidError("the answer holds no list of channels", field="channels")
    if len(channels) > MAX_CHANNELS:
        raise InvalidError(f"more than {MAX_CHANNELS} channels", field="channels")
    heads = tuple(
        read_head(channel, field=f"channels[{place}]") for place, channel in enumerate(channels)
    )
    if len({head.channel for head in heads}) != len(heads):
        raise InvalidError("a channel stands twice", field="channels")
    return Heads(
        descriptor_version=_read_count(descriptor, "version", 1, "descriptor"),
        descriptor_sha256=_read_sha256(descriptor, "descriptor"),
        channels=heads,
        etag=etag,
    )


def read_head(value: Any, *, field: str) -> Head:
    """Read one head.

    Raises:
        InvalidError: a member is missing or out of its bounds.
    """
    if not isinstance(value, Mapping):
        raise InvalidError("a head is an object", field=field)
    return Head(
        channel=read_channel_id(value.get("channel"), field=f"{field}.channel"),
        epoch=_read_count(value, "epoch", 1, field),
        seq=_read_count(value, "seq", 0, field),
        sha256=_read_sha256(value, field),
    )


def read_channel_id(value: Any, *, field: str) -> str:
    """Read a channel's UUID in its one spelling.

    Raises:
        InvalidError: it is none.
    """
    try:
        if isinstance(value, str) and str(UUID(value)) == value:
            return value
    except ValueError:
        pass
    raise InvalidError("not the id of a channel: a UUID in lower case", field=field)


def _read_count(value: Mapping[str, Any], name: str, least: int, field: str) -> int:
    count = value.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or not least <= count <= MAX_INTEGER:
        raise InvalidError(f"not a whole number from {least}", field=f"{field}.{name}")
    return count


def _read_sha256(value: Mapping[str, Any], field: str) -> str:
    text = value.get("sha256")
    if not isinstance(text, str) or _SHA256.fullmatch(text) is None:
        raise InvalidError("not a SHA-256 in lower-case hex", field=f"{field}.sha256")
    return text
