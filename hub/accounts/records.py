"""What is remembered of people and their ways in. Own matters: no ledger touches them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from policies.roles import PersonRole
from sharing.orm import Base


class User(Base):
    """One person's account."""

    __tablename__ = "user"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    """The name as it is compared: two people never differ by case or form alone."""
    password_hash: Mapped[str | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_changed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    role_rows: Mapped[list[UserRole]] = relationship(
        back_populates="user", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}  # type: ignore[misc]

    @property
    def roles(self) -> frozenset[PersonRole]:
        """The roles of this person."""
        return frozenset(row.role for row in self.role_rows)

    @property
    def active(self) -> bool:
        """Tell whether this person may come in."""
        return self.disabled_at is None


class UserRole(Base):
    """One role that one person has."""

    __tablename__ = "user_role"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[PersonRole] = mapped_column(primary_key=True)
    user: Mapped[User] = relationship(back_populates="role_rows")


class SignIn(Base):
    """One session of one person, found by the hash of what the browser holds."""

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None]
    agent: Mapped[str | None]


class ApiToken(Base):
    """One personal token: shown once, then known by its hash alone."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("expires_at > created_at", name="expires_later"),
        Index("ix_api_token_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    beginning: Mapped[str]
    """The first characters, by which its owner knows it again."""
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    name: Mapped[str]
    scopes: Mapped[list[str]]
    networks: Mapped[list[str]]
    """CIDR; empty: from anywhere."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_used_address: Mapped[str | None]


class ThrottleKind(StrEnum):
    """What failed sign-ins are counted by."""

    ACCOUNT = "account"
    ADDRESS = "address"


class Throttle(Base):
    """How often sign-in failed of late, for one name or from one address.

    The subject is a hash, since people type passwords into the field for the name.
    """

    __tablename__ = "throttle"

    kind: Mapped[ThrottleKind] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    failure_count: Mapped[int] = mapped_column(default=0)
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime | None]
