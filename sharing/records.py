"""Records of the store: objects by hash, collections, what a collection holds, TAXII statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from policies.tlp import TLP
from sharing.orm import Base

CURRENT_SPEC_VERSION: Final = "2.1"


class StoredObject(Base):
    """One STIX object's canonical bytes, kept once under their SHA-256."""

    __tablename__ = "stix_object"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    stix_id: Mapped[str] = mapped_column(index=True)
    content: Mapped[bytes]

    __table_args__ = (CheckConstraint("length(sha256) = 64", name="sha256_length"),)


class Collection(Base):
    """A TAXII collection. Its row is what writers lock."""

    __tablename__ = "collection"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    description: Mapped[str | None]
    last_added: Mapped[int] = mapped_column(default=0)
    """Microseconds since 1970 of the newest row; no row ever gets this value or less again."""
    mixed: Mapped[bool] = mapped_column(default=False)
    """Whether an object of another STIX version than 2.1 has ever been added."""


class CollectionRow(Base):
    """One object in one collection, with what TAXII filters and withholding ask about.

    It names its object by hash, without a foreign key: after a recall the row stays, hidden,
    and the bytes are gone.
    """

    __tablename__ = "collection_row"

    collection_id: Mapped[str] = mapped_column(ForeignKey("collection.id"), primary_key=True)
    date_added: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    stix_id: Mapped[str]
    stix_type: Mapped[str]
    spec_version: Mapped[str]
    version: Mapped[str | None]
    version_ns: Mapped[int]
    claimed: Mapped[TLP | None]
    """The label that withholding goes by; none for what is always served."""
    released_from: Mapped[int | None]
    """The `date_added` from which later members are served it, whatever its label."""
    hidden: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        UniqueConstraint("sha256", "collection_id"),
        Index(None, "collection_id", "stix_id", "version_ns", "date_added"),
        Index(None, "collection_id", "stix_type", "date_added"),
        Index(None, "collection_id", "version_ns", "date_added"),
        Index(None, "collection_id", "spec_version", "date_added"),
        {"sqlite_with_rowid": False},
    )


class TaxiiStatus(Base):
    """What became of one submission, as its submitter may ask for a while."""

    __tablename__ = "taxii_status"

    id: Mapped[str] = mapped_column(primary_key=True)
    submitter: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(index=True)
    document: Mapped[bytes]
