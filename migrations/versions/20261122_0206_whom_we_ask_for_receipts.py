"""Whom we ask for receipts, and what the owner has shown of them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0206"
down_revision: Final = "20261122_0204"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "witness",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column(
            "searched_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_witness_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "organisation", name=op.f("pk_witness")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("shown_by_owner", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.create_index(
            batch_op.f("ix_receipt_channel_author_id"), ["channel", "author", "id"], unique=False
        )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.alter_column("shown_by_owner", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_channel_author_id"))
        batch_op.drop_column("shown_by_owner")

    op.drop_table("witness")
