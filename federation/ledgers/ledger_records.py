"""What this node keeps of channels: ledgers, what they cover, what is staged, what waits to go out.

The entries' and objects' bytes lie in the store; these rows say where they stand.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from policies.acts import ChannelKind
from policies.tlp import TLP
from sharing.canonical import read_instant
from sharing.orm import Base


class Standing(StrEnum):
    """How our copy of a channel's ledger stands."""

    JOINING = "joining"
    """We answered an invitation and have read nothing yet."""
    CURRENT = "current"
    WAITING = "waiting"
    """Something is missing; the node pulls again by itself."""
    FROZEN = "frozen"
    """Nothing more is applied until an administrator chooses."""
    BEHIND = "behind"
    """Ours, and others hold, or may hold, entries of it that we have lost: nothing is written
    before they are back, or an administrator opens a new epoch."""
    ENDED = "ended"
    """We left, were removed or declined: nothing more comes."""


class ChannelRecord(Base):
    """One channel: where its ledger stands here."""

    __tablename__ = "channel"
    __table_args__ = (
        CheckConstraint("(head_sha256 IS NULL) = (state IS NULL)", name="head_has_state"),
        CheckConstraint("standing <> 'frozen' OR doubt IS NOT NULL", name="frozen_for_a_reason"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[ChannelKind]
    name: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)
    """Who owns the epoch that we stand in."""
    is_ours: Mapped[bool]
    genesis: Mapped[str | None]
    """Hash of the first entry; pinned by the invitation before it arrives."""
    state: Mapped[dict[str, Any] | None]
    epoch: Mapped[int | None]
    seq: Mapped[int | None]
    head_sha256: Mapped[str | None]
    head_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    """When this node applied its newest entry."""
    standing: Mapped[Standing]
    doubt: Mapped[str | None]
    sentence: Mapped[str | None]
    doubted_at: Mapped[datetime | None]
    cursor: Mapped[str | None]
    """How far we have pulled, in the words of the server that `cursor_server` names."""
    cursor_server: Mapped[str | None]
    next_nth: Mapped[int] = mapped_column(default=1)
    lost_epoch: Mapped[int | None]
    lost_seq: Mapped[int | None]
    """The furthest place that somebody has signed to have seen, while it is not here."""
    restored_at: Mapped[datetime | None]
    """When it was put back from a backup; until it was compared with what others hold."""
    opened_at: Mapped[datetime]
    views_are_old: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A migration says that its views are to be made again; `rebuild` takes that back."""


class DescribedRecord(Base):
    """One descriptor that stands in a ledger: keys are state of the ledger."""

    __tablename__ = "channel_descriptor"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    jws: Mapped[bytes]


class EntryRecord(Base):
    """One entry of a ledger, with what people and rules look up of it."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("channel", "contribution_sha256"),
        Index(None, "channel", "date_added"),
        Index(None, "author", "kid"),
        Index(None, "admitted_by", "admitted_kid"),
        Index(None, "applied_at"),
    )

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str]
    object_sha256: Mapped[str]
    """Under which the store holds the entry's bytes, signature included."""
    act: Mapped[str]
    """What it does: the contribution's act where it admits one."""
    author: Mapped[str]
    contribution_sha256: Mapped[str | None]
    contribution_object: Mapped[str | None]
    created_at: Mapped[datetime]
    """Ledger time."""
    applied_at: Mapped[datetime]
    date_added: Mapped[int]
    void: Mapped[str | None]
    sentence: Mapped[str | None]
    known: Mapped[bool]
    kid: Mapped[str]
    """The key that its act was signed with."""
    created_text: Mapped[str]
    """Ledger time as it was signed: what a revocation is compared with."""
    disowned: Mapped[bool] = mapped_column(default=False)
    """Its author has said since that somebody else signed it, with a key that was stolen."""

    admitted_by: Mapped[str | None]
    """Who admitted it; none where the entry is its author's own act."""
    admitted_kid: Mapped[str | None]
    """The key that admitted it: who holds that says when it came, and in which order."""

    affirmed_at: Mapped[datetime | None]
    """When our people said that it is ours although its key was revoked; never sent."""

    @property
    def created_ns(self) -> int:
        """Ledger time, in nanoseconds since 1970."""
        return read_instant(self.created_text)


class CoveredRecord(Base):
    """One object that an effective entry covers."""

    __tablename__ = "covered_object"
    __table_args__ = (
        Index(None, "channel", "ref", "version_ns"),
        Index(None, "channel", "sha256"),
    )

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ref: Mapped[str]
    version_ns: Mapped[str]
    """Nanoseconds since 1970, as text: versions beyond 2262 do not fit 64 bits."""
    sha256: Mapped[str]
    author: Mapped[str]
    claimed: Mapped[TLP | None]
    recalled: Mapped[bool] = mapped_column(default=False)
    disowned: Mapped[bool] = mapped_column(default=False)
    """Nobody has covered it but bundles that their author disowned."""


class StagedRecord(Base):
    """An object that a page brought and no entry has covered yet; shown to nobody."""

    __tablename__ = "staged_object"
    __table_args__ = (
        Index(None, "channel", "stix_id"),
        Index(None, "channel", "bundle_sha256"),
        Index(None, "channel", "epoch", "seq"),
    )

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    stix_id: Mapped[str]
    version_ns: Mapped[str]
    bundle_sha256: Mapped[str | None]
    epoch: Mapped[int | None]
    seq: Mapped[int | None]
    content: Mapped[bytes]
    staged_at: Mapped[datetime] = mapped_column(index=True)


class ReissuedRecord(Base):
    """What an observable is called in one channel, where its own id could be guessed or is taken.

    Written again, it is the same object again.
    """

    __tablename__ = "reissued_object"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    """Of the object as it was handed in."""
    new_ref: Mapped[str]
    nonce: Mapped[str]


class Delivery(StrEnum):
    """How far a contribution of ours has come."""

    PENDING = "pending"
    ADMITTED = "admitted"
    """The owner said so; we have not seen it in the ledger yet."""
    CONFIRMED = "confirmed"
    """We have verified the entry that covers it."""
    REFUSED = "refused"


class ContributionRecord(Base):
    """The outbox: a bundle of ours on its way into somebody else's ledger."""

    __tablename__ = "contribution"
    __table_args__ = (
        UniqueConstraint("channel", "nth"),
        CheckConstraint("state <> 'refused' OR doubt IS NOT NULL", name="refused_for_a_reason"),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"))
    nth: Mapped[int]
    act: Mapped[str]
    bundle: Mapped[bytes]
    objects: Mapped[list[str]]
    """Hashes of what it covers; the bytes lie in the store."""
    state: Mapped[Delivery] = mapped_column(index=True)
    written_by: Mapped[str]
    written_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    answered_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    doubt: Mapped[str | None]
    sentence: Mapped[str | None]
    seen_at: Mapped[datetime | None]
    """When a person took note of the refusal."""


class EvidenceRecord(Base):
    """What a channel's freeze rests on: bytes as they came, never changed."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("channel", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"))
    doubt: Mapped[str]
    sentence: Mapped[str]
    sha256: Mapped[str]
    content: Mapped[bytes]
    kept_at: Mapped[datetime]
