"""Reports: recorded here, sent by one side, answered by the other."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261129_0001"
down_revision: Final = "20261128_0001"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "local_report",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "event",
                "incident",
                "vulnerability",
                "near-miss",
                name="reportkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "certainty",
            sa.Enum(
                "suspected",
                "actual",
                name="certainty",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "recorded",
                "assessed",
                "submitted",
                "false alarm",
                "handled locally",
                name="localstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("pasted", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
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
            "occurred_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "discovered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("submitted_to", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_report")),
    )
    with op.batch_alter_table("local_report", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_local_report_recorded_at"), ["recorded_at"], unique=False
        )

    op.create_table(
        "linked_report",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.Column(
            "linked_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["case"], ["channel.id"], name=op.f("fk_linked_report_case_channel")
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_linked_report_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "report", name=op.f("pk_linked_report")),
    )
    with op.batch_alter_table("linked_report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_linked_report_case"), ["case"], unique=False)

    op.create_table(
        "report_answer",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column(
            "next_contact",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "triaged_as",
            sa.Enum(
                "incident",
                "not-yet",
                "vulnerability",
                "near-miss",
                "false-alarm",
                "duplicate",
                name="triage",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "false_alarm",
            sa.Enum(
                "insufficient-data",
                "faulty-indicator",
                "misconfiguration",
                "scan",
                "failed-attempt",
                "refuted",
                name="falsealarm",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "resolved",
                "handled-in-case",
                "handed-on",
                "false-alarm",
                "no-action",
                name="reportoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("case", sa.Text(), nullable=True),
        sa.Column("closing", sa.Text(), nullable=True),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_report_answer_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "report", name=op.f("pk_report_answer")),
    )
    with op.batch_alter_table("report_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_answer_report"), ["report"], unique=False)

    op.create_table(
        "report_indicator",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("pattern_sha256", sa.Text(), nullable=True),
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
            ["channel"], ["channel.id"], name=op.f("fk_report_indicator_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "report", "ref", name=op.f("pk_report_indicator")),
    )
    with op.batch_alter_table("report_indicator", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_report_indicator_pattern_sha256"), ["pattern_sha256"], unique=False
        )

    op.create_table(
        "report_words",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
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
        sa.Column(
            "said_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_report_words_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "bundle", name=op.f("pk_report_words")),
    )
    with op.batch_alter_table("report_words", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_words_report"), ["report"], unique=False)

    op.create_table(
        "sent_report",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "event",
                "incident",
                "vulnerability",
                "near-miss",
                name="reportkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "certainty",
            sa.Enum(
                "suspected",
                "actual",
                name="certainty",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "attribution",
            sa.Enum(
                "named",
                "sector",
                "unnamed",
                name="attribution",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("spread", sa.Text(), nullable=True),
        sa.Column("help_wanted", sa.Boolean(), nullable=False),
        sa.Column("redacted", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
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
        sa.Column("words_from", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "submitted_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("asked_again", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_sent_report_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "report", name=op.f("pk_sent_report")),
    )
    with op.batch_alter_table("sent_report", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sent_report_addressee_received_at"),
            ["addressee", "received_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_sent_report_reporter_received_at"),
            ["reporter", "received_at"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("sent_report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_report_reporter_received_at"))
        batch_op.drop_index(batch_op.f("ix_sent_report_addressee_received_at"))

    op.drop_table("sent_report")
    with op.batch_alter_table("report_words", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_words_report"))

    op.drop_table("report_words")
    with op.batch_alter_table("report_indicator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_indicator_pattern_sha256"))

    op.drop_table("report_indicator")
    with op.batch_alter_table("report_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_answer_report"))

    op.drop_table("report_answer")
    with op.batch_alter_table("linked_report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_linked_report_case"))

    op.drop_table("linked_report")
    with op.batch_alter_table("local_report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_local_report_recorded_at"))

    op.drop_table("local_report")
