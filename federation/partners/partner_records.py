"""What this node remembers of its partners: invitations, partnerships, descriptors, assertions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sharing.orm import Base


class PartnerState(StrEnum):
    """Where a partnership stands.

    Source: protocol, 3.
    """

    INVITED = "invited"
    """We hold their invitation; they have not answered yet."""
    TO_CONFIRM = "to confirm"
    """Each has the other's descriptors; an administrator of either side has not confirmed yet."""
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class StopReason(StrEnum):
    """Why the node itself stopped a partnership; only proof to the contrary starts it again."""

    DESCRIPTOR_FORK = "descriptor_fork"


class PartnerRecord(Base):
    """One organisation that we relate to, and how far that has come."""

    __tablename__ = "partner"
    __table_args__ = (
        CheckConstraint(
            "state <> 'active' OR (confirmed_at IS NOT NULL AND their_confirmation IS NOT NULL)",
            name="active_is_confirmed_by_both",
        ),
        CheckConstraint("stopped_by IS NULL OR state <> 'active'", name="stopped_is_not_active"),
    )

    organisation: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    base_url: Mapped[str]
    recovery_thumbprint: Mapped[str]
    """Of the recovery key in their version 1: what the phrase was made from."""
    state: Mapped[PartnerState]
    stopped_by: Mapped[StopReason | None]
    reason: Mapped[str | None]
    """What an administrator wrote on suspending or ending; never sent."""
    we_invited: Mapped[bool]
    paired_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    phrase_compared: Mapped[bool | None]
    """Whether our administrator compared the phrase; none until confirmed."""
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    our_confirmation: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    """When they took our confirmation."""
    their_confirmation: Mapped[str | None]
    their_confirmation_at: Mapped[datetime | None]

    heard_at: Mapped[datetime | None]
    """When their node last answered us, or asked us something as itself."""
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]

    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy reads it so

    descriptors: Mapped[list[PartnerDescriptorRecord]] = relationship(
        back_populates="partner", order_by="PartnerDescriptorRecord.version"
    )


class PartnerDescriptorRecord(Base):
    """One descriptor of a partner, as we proved it; forks are kept as evidence."""

    __tablename__ = "partner_descriptor"

    organisation: Mapped[str] = mapped_column(ForeignKey("partner.organisation"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[PartnerRecord] = relationship(back_populates="descriptors")
    version: Mapped[int]
    jws: Mapped[bytes]
    evidence: Mapped[bool] = mapped_column(default=False)
    """Not part of the chain we walk: the other side of a fork."""
    seen_at: Mapped[datetime]


class InvitationRecord(Base):
    """An invitation that we gave out: one use, and only the hash of its secret."""

    __tablename__ = "invitation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    note: Mapped[str | None]
    """For whom it is meant, in our administrator's words; never sent."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]


class UsedAssertionRecord(Base):
    """A token assertion that was taken once and never again."""

    __tablename__ = "used_assertion"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    forget_at: Mapped[datetime] = mapped_column(index=True)
