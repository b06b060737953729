"""The directory: how to reach each organisation, and for whom it answers."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: Final = "20261129_0009"
down_revision: Final = "20261129_0003"
branch_labels: Final = None
depends_on: Final = None

_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT: Final = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_DOCUMENT: Final = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _tlp() -> sa.Enum:
    return sa.Enum(
        "clear",
        "green",
        "amber",
        "amber+strict",
        "red",
        name="tlp",
        native_enum=False,
        create_constraint=True,
        length=40,
    )


def upgrade() -> None:
    op.create_table(
        "contact_point",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("place", _INTEGER, autoincrement=False, nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column(
            "duty",
            sa.Enum(
                "primary",
                "deputy",
                "technical",
                "executive",
                "data-protection",
                "legal",
                "press",
                name="duty",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("escalation", _INTEGER, nullable=False),
        sa.Column("hours", _DOCUMENT, nullable=True),
        sa.Column("ways", _DOCUMENT, nullable=False),
        sa.Column("verified_at", _INSTANT, nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("lines", _DOCUMENT, nullable=True),
        sa.Column("tlp", _tlp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_contact_point_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "organisation", "place", name=op.f("pk_contact_point")),
    )
    op.create_index(op.f("ix_contact_point_organisation"), "contact_point", ["organisation"])
    op.create_table(
        "described_member",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("described_at", _INSTANT, nullable=False),
        sa.Column("constituency", sa.Text(), nullable=True),
        sa.Column("sectors", _DOCUMENT, nullable=False),
        sa.Column("as_numbers", _DOCUMENT, nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("tlp", _tlp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_described_member_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "organisation", name=op.f("pk_described_member")),
    )
    op.create_index(op.f("ix_described_member_organisation"), "described_member", ["organisation"])


def downgrade() -> None:
    op.drop_table("described_member")
    op.drop_table("contact_point")
