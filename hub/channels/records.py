"""Views that the reducers of channels fill; `rebuild` makes them again from the ledgers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from policies.acts import ChannelKind
from policies.tlp import TLP
from sharing.orm import Base


class MemberView(Base):
    """A view: one organisation's part in a channel, as the ledger tells it."""

    __tablename__ = "channel_member"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True, index=True)
    name: Mapped[str | None]
    roles: Mapped[list[str]]
    state: Mapped[str]
    since: Mapped[datetime]
    reply_by: Mapped[datetime | None]
    without_node: Mapped[bool] = mapped_column(server_default=false())
    """It takes part through the coordinator."""
    replaced_by: Mapped[str | None]
    """Who took its place: the same organisation, with a node of its own."""
    changed_at_epoch: Mapped[int]
    changed_at_seq: Mapped[int]


class Answer(StrEnum):
    """How an invitation that we received stands."""

    OPEN = "open"
    JOINED = "joined"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class InvitationView(Base):
    """A view: an invitation that we received, as its author's direct channel tells it.

    Several organisations may name one channel, and one alone can be its coordinator: each is kept
    and answered by itself, so that nobody's word replaces another's. Whether we answered is read
    from the outbox and from the channel itself; here stands only what the direct channel says.
    """

    __tablename__ = "received_invitation"

    channel: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(primary_key=True)
    """Who invites, and says that it coordinates."""
    direct: Mapped[str] = mapped_column(ForeignKey("channel.id"), index=True)
    """The direct channel that it was read in."""
    kind: Mapped[ChannelKind]
    name: Mapped[str]
    roles: Mapped[list[str]]
    reason: Mapped[str | None]
    ceiling: Mapped[TLP]
    older: Mapped[str]
    genesis: Mapped[str]
    head_epoch: Mapped[int]
    head_seq: Mapped[int]
    head_sha256: Mapped[str]
    reply_by: Mapped[datetime]
    received_at: Mapped[datetime]
    """Ledger time of the entry that brought it."""
    bundle: Mapped[str]
    """Hash of the bundle that brought it: what an answer names."""
    withdrawn: Mapped[bool] = mapped_column(default=False)
    charter: Mapped[dict[str, Any] | None]
    """The version of the community's charter that binds there, as the invitation names it."""
    charter_text: Mapped[str | None]
    """Its words, where they came along and are those that the invitation names."""
