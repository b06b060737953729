"""The timeline of a case: events with uncertain times, and what the ledger tells."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0012"
down_revision: Final = "20261129_0010"
branch_labels: Final = None
depends_on: Final = None


def _one_of(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    time = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
    kinds = ("event", "course", "crisis", "severity", "member", "response", "warning", "decision")
    op.create_table(
        "case_moment",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", _one_of("momentkind", *kinds), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("relayed", sa.Boolean(), nullable=False),
        sa.Column("earliest", time, nullable=False),
        sa.Column("latest", time, nullable=False),
        sa.Column(
            "precision",
            _one_of(
                "precision",
                *("exact", "second", "minute", "hour", "day", "month", "year"),
                *("between", "lasting", "unknown", "ledger"),
            ),
            nullable=False,
        ),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("more", sa.Text(), nullable=True),
        sa.Column(
            "tlp", _one_of("tlp", "clear", "green", "amber", "amber+strict", "red"), nullable=True
        ),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("said_at", time, nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_case_moment_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_case_moment")),
    )
    op.create_index(
        op.f("ix_case_moment_channel_earliest_key"),
        "case_moment",
        ["channel", "earliest", "key"],
    )
    op.create_index(op.f("ix_case_moment_channel_ref"), "case_moment", ["channel", "ref"])


def downgrade() -> None:
    op.drop_table("case_moment")
