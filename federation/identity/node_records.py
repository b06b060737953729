"""What this node remembers of itself: one row, and every descriptor it ever published."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sharing.orm import Base

OWN_NODE: Final = 1


class NodeRecord(Base):
    """Our own identity; there is one row or none."""

    __tablename__ = "node"
    __table_args__ = (CheckConstraint(f"id = {OWN_NODE}", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organisation: Mapped[str]
    name: Mapped[str]
    base_url: Mapped[str]
    recovery_thumbprint: Mapped[str]
    """Of the recovery key in version 1: what invitations and the phrase name."""
    created_at: Mapped[datetime]
    descriptors: Mapped[list[NodeDescriptorRecord]] = relationship(
        back_populates="node", order_by="NodeDescriptorRecord.version"
    )


class NodeDescriptorRecord(Base):
    """One version of our own descriptor, as it was signed."""

    __tablename__ = "node_descriptor"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"))
    node: Mapped[NodeRecord] = relationship(back_populates="descriptors")
    sha256: Mapped[str] = mapped_column(unique=True)
    jws: Mapped[bytes]
    """The general JSON form, canonical bytes: served as it stands."""
    issued_at: Mapped[datetime]
