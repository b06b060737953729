"""Cases that have to do with each other, and hosts that reports name."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0010"
down_revision: Final = "20261129_0009"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "case_link",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("by_channel", sa.Boolean(), nullable=False),
        sa.Column(
            "relation",
            sa.Enum(
                "duplicate",
                "same-cause",
                "led-to",
                "related",
                name="relation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "linked_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_case_link_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "other", name=op.f("pk_case_link")),
    )
    with op.batch_alter_table("case_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_link_other"), ["other"], unique=False)

    op.add_column("report_indicator", sa.Column("host", sa.Text(), nullable=True))
    with op.batch_alter_table("report_indicator", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_indicator_host"), ["host"], unique=False)

    op.add_column("case_view", sa.Column("merged_into", sa.Text(), nullable=True))
    with op.batch_alter_table("case_view", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_view_merged_into"), ["merged_into"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("report_indicator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_indicator_host"))
        batch_op.drop_column("host")

    with op.batch_alter_table("case_view", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_view_merged_into"))
        batch_op.drop_column("merged_into")

    with op.batch_alter_table("case_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_link_other"))

    op.drop_table("case_link")
