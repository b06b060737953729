"""Entries by author and key, and which of the doubtful ones our people know as ours."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0305"
down_revision: Final = "20261122_0303"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "affirmed_at",
                sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
                nullable=True,
            )
        )
        batch_op.create_index(
            batch_op.f("ix_ledger_entry_author_kid"), ["author", "kid"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entry_author_kid"))
        batch_op.drop_column("affirmed_at")
