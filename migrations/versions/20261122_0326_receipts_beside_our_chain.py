"""Receipts beside our chain."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0326"
down_revision: Final = "20261122_0312"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("beside", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch_op.create_index(
            "ix_receipt_beside",
            ["channel"],
            unique=False,
            sqlite_where=sa.text("beside = 1"),
            postgresql_where=sa.text("beside"),
        )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.alter_column("beside", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_receipt_beside",
            sqlite_where=sa.text("beside = 1"),
            postgresql_where=sa.text("beside"),
        )
        batch_op.drop_column("beside")
