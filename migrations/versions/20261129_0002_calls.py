"""Warnings, checks of the communication, requests: who is asked, and what each answered."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0002"
down_revision: Final = "20261129_0001"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "call_answer",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("told_to", sa.Text(), nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("round", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("relayed", sa.Boolean(), nullable=False),
        sa.Column(
            "affected",
            sa.Enum(
                "yes",
                "no",
                "looking",
                name="affected",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "result",
            sa.Enum(
                "answered",
                "found",
                "searched-nothing-found",
                "not-searched",
                name="requestresult",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "not-affected",
                "no-capacity",
                "legal-limit",
                "conflict",
                "other",
                name="declinereason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("note", sa.Text(), nullable=True),
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
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_call_answer_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "bundle", name=op.f("pk_call_answer")),
    )
    with op.batch_alter_table("call_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_answer_ref"), ["ref"], unique=False)

    op.create_table(
        "call_indicator",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_call_indicator_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "call", "ref", name=op.f("pk_call_indicator")),
    )
    op.create_table(
        "call_update",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "said_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("asks_again", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
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
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_call_update_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "bundle", name=op.f("pk_call_update")),
    )
    with op.batch_alter_table("call_update", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_update_ref"), ["ref"], unique=False)

    op.create_table(
        "called_member",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("round", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "reply_by",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_called_member_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "ref", "organisation", name=op.f("pk_called_member")),
    )
    with op.batch_alter_table("called_member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_called_member_organisation"), ["organisation"], unique=False
        )

    op.create_table(
        "issued_call",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "warning",
                "check",
                "request",
                name="callkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
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
        sa.Column(
            "next_update",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "answers_to",
            sa.Enum(
                "all",
                "asker",
                name="answersto",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column(
            "issued_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "closed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "answered",
                "no-longer-needed",
                name="requestoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_issued_call_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "ref", name=op.f("pk_issued_call")),
    )
    with op.batch_alter_table("issued_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issued_call_closed_at"), ["closed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_call_issued_at"), ["issued_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("issued_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_issued_call_issued_at"))
        batch_op.drop_index(batch_op.f("ix_issued_call_closed_at"))

    op.drop_table("issued_call")
    with op.batch_alter_table("called_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_called_member_organisation"))

    op.drop_table("called_member")
    with op.batch_alter_table("call_update", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_update_ref"))

    op.drop_table("call_update")
    op.drop_table("call_indicator")
    with op.batch_alter_table("call_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_answer_ref"))

    op.drop_table("call_answer")
