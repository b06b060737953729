"""Charters: their versions, what each member says, and what cases took over."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: Final = "20261129_0040"
down_revision: Final = "20261129_0012"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "charter_answer",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("charter", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_note", sa.Text(), nullable=True),
        sa.Column(
            "reason_tlp",
            sa.Enum(
                "clear",
                "green",
                "amber",
                "amber+strict",
                "red",
                name="tlp",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("relayed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_charter_answer_channel_channel")
        ),
        sa.PrimaryKeyConstraint(
            "channel", "charter", "organisation", name=op.f("pk_charter_answer")
        ),
    )
    op.create_table(
        "charter_version",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("charter", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column(
            "tlp",
            sa.Enum(
                "clear",
                "green",
                "amber",
                "amber+strict",
                "red",
                name="tlp",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("words_sha256", sa.Text(), nullable=True),
        sa.Column(
            "terms", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.Column(
            "accept_by",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column(
            "proposed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "in_force_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_charter_version_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "charter", name=op.f("pk_charter_version")),
    )
    with op.batch_alter_table("case_view", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "terms", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
            )
        )

    with op.batch_alter_table("received_invitation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "charter", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
            )
        )
        batch_op.add_column(sa.Column("charter_text", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("received_invitation", schema=None) as batch_op:
        batch_op.drop_column("charter_text")
        batch_op.drop_column("charter")

    with op.batch_alter_table("case_view", schema=None) as batch_op:
        batch_op.drop_column("terms")

    op.drop_table("charter_version")
    op.drop_table("charter_answer")
