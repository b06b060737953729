"""What a stolen key has said: which bundle brought what, and views that are to be made again."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0060"
down_revision: Final = "20261129_0040"
branch_labels: Final = None
depends_on: Final = None

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
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in BUNDLES.get(table, ()):
                batch_op.add_column(sa.Column(name, sa.Text(), nullable=True))
            if table in FLAGS:
                batch_op.add_column(
                    sa.Column(FLAGS[table], sa.Boolean(), nullable=False, server_default=sa.false())
                )
    for table, name in FLAGS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(name, server_default=None)
    # `tocsin upgrade` makes them again: which bundle brought what stands in the ledgers alone, and
    # so does what was said before there were views of it.
    channel = sa.table("channel", sa.column("state"), sa.column("views_are_old", sa.Boolean()))
    op.execute(channel.update().where(channel.c.state.is_not(None)).values(views_are_old=True))


def downgrade() -> None:
    for table in sorted({*BUNDLES, *FLAGS}):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in BUNDLES.get(table, ()):
                batch_op.drop_column(name)
            if table in FLAGS:
                batch_op.drop_column(FLAGS[table])
