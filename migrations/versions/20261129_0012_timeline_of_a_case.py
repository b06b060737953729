"""The timeline of a case, and what there is to look for in it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0012"
down_revision: Final = "20261129_0010"
branch_labels: Final = None
depends_on: Final = None

LABELS: Final = ("clear", "green", "amber", "amber+strict", "red")


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
        sa.Column("tlp", _one_of("tlp", *LABELS), nullable=True),
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
    op.create_table(
        "case_intel",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column(
            "kind", _one_of("intelkind", "indicator", "other", "sighting", "note"), nullable=False
        ),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("relayed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("pattern", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column(
            "verdict", _one_of("verdict", "seen", "not-found", "false-positive"), nullable=True
        ),
        sa.Column("valid_until", time, nullable=True),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("recalled", sa.Boolean(), nullable=False),
        sa.Column("tlp", _one_of("tlp", *LABELS), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("said_at", time, nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_case_intel_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "ref", name=op.f("pk_case_intel")),
    )
    op.create_index(
        op.f("ix_case_intel_channel_said_at_ref"), "case_intel", ["channel", "said_at", "ref"]
    )
    op.create_index(op.f("ix_case_intel_channel_about"), "case_intel", ["channel", "about"])


def downgrade() -> None:
    op.drop_table("case_intel")
    op.drop_table("case_moment")
