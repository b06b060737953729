"""What a stolen key has said: which bundle brought what, and views that are to be made again."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0060"
down_revision: Final = "20261129_0040"
branch_labels: Final = None
depends_on: Final = None

_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BUNDLES: Final = {
    "case_view": ("told_in", "joined_in"),
    "case_link": ("bundle",),
    "decision": ("asked_in", "taken_in"),
    "vote": ("bundle",),
    "charter_version": ("proposed_in", "step_in"),
    "charter_answer": ("bundle",),
}
FLAGS: Final = {
    "decision": "disowned",
    "vote": "disowned",
    "charter_version": "disowned",
    "charter_answer": "disowned",
    "channel": "views_are_old",
}


def upgrade() -> None:
    for table in sorted({*BUNDLES, *FLAGS}):
        for name in BUNDLES.get(table, ()):
            op.add_column(table, sa.Column(name, sa.Text(), nullable=True))
        if table in FLAGS:
            flag: sa.Column[bool] = sa.Column(
                FLAGS[table], sa.Boolean(), nullable=False, server_default=sa.false()
            )
            op.add_column(table, flag)
    op.create_table(
        "published_near_miss",
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("epoch", _INTEGER, nullable=False),
        sa.Column("seq", _INTEGER, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_published_near_miss_channel_channel")
        ),
        sa.ForeignKeyConstraint(
            ["community"], ["channel.id"], name=op.f("fk_published_near_miss_community_channel")
        ),
        sa.PrimaryKeyConstraint("bundle", name=op.f("pk_published_near_miss")),
    )
    op.create_index("ix_published_near_miss_report", "published_near_miss", ["report"])
    # `tocsin upgrade` makes them again: which bundle brought what stands in the ledgers alone, and
    # so does what was said before there were views of it.
    channel = sa.table("channel", sa.column("state"), sa.column("views_are_old", sa.Boolean()))
    op.execute(channel.update().where(channel.c.state.is_not(None)).values(views_are_old=True))


def downgrade() -> None:
    op.drop_table("published_near_miss")
    # Not in a batch, which would copy tables that others point to: SQLite drops columns as well.
    for table in sorted({*BUNDLES, *FLAGS}):
        for name in BUNDLES.get(table, ()):
            op.drop_column(table, name)
        if table in FLAGS:
            op.drop_column(table, FLAGS[table])
