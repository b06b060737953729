"""The spine: objects and collections, channels, partners, errands, people and the trail."""

# ruff: noqa: PLR0915 - a migration is one list of statements
from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: Final = "20261121_2300"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "audit_record",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "done",
                "refused",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_record")),
    )
    with op.batch_alter_table("audit_record", schema=None) as batch_op:
        batch_op.create_index("ix_audit_record_action_id", ["action", "id"], unique=False)
        batch_op.create_index("ix_audit_record_actor_id_id", ["actor_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_record_at"), ["at"], unique=False)
        batch_op.create_index("ix_audit_record_subject_id", ["subject", "id"], unique=False)

    op.create_table(
        "channel",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "direct",
                "community",
                "case",
                "feed",
                name="channelkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("is_ours", sa.Boolean(), nullable=False),
        sa.Column("genesis", sa.Text(), nullable=True),
        sa.Column("state", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("head_sha256", sa.Text(), nullable=True),
        sa.Column(
            "head_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "applied_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "standing",
            sa.Enum(
                "joining",
                "current",
                "waiting",
                "frozen",
                "ended",
                name="standing",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("doubt", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column(
            "doubted_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("cursor_server", sa.Text(), nullable=True),
        sa.Column("next_nth", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "standing <> 'frozen' OR doubt IS NOT NULL", name=op.f("ck_channel_frozen_for_a_reason")
        ),
        sa.CheckConstraint(
            "(head_sha256 IS NULL) = (state IS NULL)", name=op.f("ck_channel_head_has_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
    )
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_channel_owner"), ["owner"], unique=False)

    op.create_table(
        "collection",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "last_added", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("mixed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection")),
    )
    op.create_table(
        "errand",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("last_reason", sa.Text(), nullable=True),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("claimed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "(lease_until IS NULL) = (claimed IS NULL)", name=op.f("ck_errand_leased_is_claimed")
        ),
        sa.CheckConstraint(
            "(lease_until IS NULL) = (holder IS NULL)", name=op.f("ck_errand_leased_is_held")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errand")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_errand_kind_subject")),
    )
    with op.batch_alter_table("errand", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_errand_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_errand_lane"), ["lane"], unique=False)
        batch_op.create_index(
            "uq_errand_lane_under_way",
            ["lane"],
            unique=True,
            sqlite_where=sa.text("lease_until IS NOT NULL"),
            postgresql_where=sa.text("lease_until IS NOT NULL"),
        )

    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "used_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("used_by", sa.Text(), nullable=True),
        sa.Column(
            "withdrawn_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_invitation_secret_sha256")),
    )
    op.create_table(
        "kept_answer",
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("actor_id", "key_hash", name=op.f("pk_kept_answer")),
    )
    with op.batch_alter_table("kept_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_answer_created_at"), ["created_at"], unique=False)

    op.create_table(
        "node",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("recovery_thumbprint", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_node_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
    )
    op.create_table(
        "partner",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("recovery_thumbprint", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "invited",
                "to confirm",
                "active",
                "suspended",
                "ended",
                name="partnerstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "stopped_by",
            sa.Enum(
                "descriptor_fork",
                name="stopreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("we_invited", sa.Boolean(), nullable=False),
        sa.Column(
            "paired_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("phrase_compared", sa.Boolean(), nullable=True),
        sa.Column(
            "confirmed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("our_confirmation", sa.Text(), nullable=True),
        sa.Column(
            "delivered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("their_confirmation", sa.Text(), nullable=True),
        sa.Column(
            "their_confirmation_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "heard_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "failed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column(
            "row_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.CheckConstraint(
            "state <> 'active' OR (confirmed_at IS NOT NULL AND their_confirmation IS NOT NULL)",
            name=op.f("ck_partner_active_is_confirmed_by_both"),
        ),
        sa.CheckConstraint(
            "stopped_by IS NULL OR state <> 'active'", name=op.f("ck_partner_stopped_is_not_active")
        ),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_partner")),
    )
    op.create_table(
        "poll",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column(
            "polled_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("quiet", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_poll")),
    )
    op.create_table(
        "stix_object",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stix_id", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_stix_object_sha256_length")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_stix_object")),
    )
    with op.batch_alter_table("stix_object", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stix_object_stix_id"), ["stix_id"], unique=False)

    op.create_table(
        "taxii_status",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("submitter", sa.Text(), nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxii_status")),
    )
    with op.batch_alter_table("taxii_status", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_taxii_status_requested_at"), ["requested_at"], unique=False
        )

    op.create_table(
        "throttle",
        sa.Column(
            "kind",
            sa.Enum(
                "account",
                "address",
                name="throttlekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "failure_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "last_failed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "blocked_until",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_throttle")),
    )
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_throttle_last_failed_at"), ["last_failed_at"], unique=False
        )

    op.create_table(
        "used_assertion",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column(
            "forget_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("issuer", "jti", name=op.f("pk_used_assertion")),
    )
    with op.batch_alter_table("used_assertion", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_used_assertion_forget_at"), ["forget_at"], unique=False
        )

    op.create_table(
        "user",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column(
            "password_changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "disabled_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "last_sign_in_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("name_key", name=op.f("uq_user_name_key")),
    )
    op.create_table(
        "worker",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "beat_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("running", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("holder", name=op.f("pk_worker")),
    )
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_worker_beat_at"), ["beat_at"], unique=False)

    op.create_table(
        "api_token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("beginning", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "scopes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "networks", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "last_used_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("last_used_address", sa.Text(), nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_api_token_expires_later")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_api_token_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_token_secret_hash")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(
            "ix_api_token_user_id_created_at", ["user_id", "created_at"], unique=False
        )

    op.create_table(
        "channel_descriptor",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column(
            "version",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("jws", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_channel_descriptor_channel_channel")
        ),
        sa.PrimaryKeyConstraint(
            "channel", "organisation", "version", name=op.f("pk_channel_descriptor")
        ),
    )
    op.create_table(
        "channel_member",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "roles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "reply_by",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "changed_at_epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "changed_at_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_channel_member_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "organisation", name=op.f("pk_channel_member")),
    )
    with op.batch_alter_table("channel_member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_channel_member_organisation"), ["organisation"], unique=False
        )

    op.create_table(
        "collection_row",
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column(
            "date_added",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("stix_id", sa.Text(), nullable=False),
        sa.Column("stix_type", sa.Text(), nullable=False),
        sa.Column("spec_version", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column(
            "version_ns", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "claimed",
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
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collection.id"],
            name=op.f("fk_collection_row_collection_id_collection"),
        ),
        sa.PrimaryKeyConstraint("collection_id", "date_added", name=op.f("pk_collection_row")),
        sa.UniqueConstraint(
            "sha256", "collection_id", name=op.f("uq_collection_row_sha256_collection_id")
        ),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("collection_row", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_collection_row_collection_id_spec_version_date_added"),
            ["collection_id", "spec_version", "date_added"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_collection_row_collection_id_stix_id_version_ns_date_added"),
            ["collection_id", "stix_id", "version_ns", "date_added"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_collection_row_collection_id_stix_type_date_added"),
            ["collection_id", "stix_type", "date_added"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_collection_row_collection_id_version_ns_date_added"),
            ["collection_id", "version_ns", "date_added"],
            unique=False,
        )

    op.create_table(
        "contribution",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("nth", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=False),
        sa.Column(
            "objects", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "admitted",
                "confirmed",
                "refused",
                name="delivery",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column(
            "written_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "confirmed_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("doubt", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR doubt IS NOT NULL",
            name=op.f("ck_contribution_refused_for_a_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_contribution_channel_channel")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_contribution")),
        sa.UniqueConstraint("channel", "nth", name=op.f("uq_contribution_channel_nth")),
    )
    with op.batch_alter_table("contribution", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contribution_state"), ["state"], unique=False)

    op.create_table(
        "covered_object",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column(
            "epoch",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("version_ns", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column(
            "claimed",
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
        sa.Column("recalled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_covered_object_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "epoch", "seq", "place", name=op.f("pk_covered_object")),
    )
    with op.batch_alter_table("covered_object", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_covered_object_channel_ref_version_ns"),
            ["channel", "ref", "version_ns"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_covered_object_channel_sha256"), ["channel", "sha256"], unique=False
        )

    op.create_table(
        "evidence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("doubt", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "kept_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_evidence_channel_channel")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("channel", "sha256", name=op.f("uq_evidence_channel_sha256")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column(
            "epoch",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("object_sha256", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("contribution_sha256", sa.Text(), nullable=True),
        sa.Column("contribution_object", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "applied_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "date_added", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("void", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_ledger_entry_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "epoch", "seq", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "channel",
            "contribution_sha256",
            name=op.f("uq_ledger_entry_channel_contribution_sha256"),
        ),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_ledger_entry_channel_date_added"),
            ["channel", "date_added"],
            unique=False,
        )

    op.create_table(
        "node_descriptor",
        sa.Column(
            "version",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("node_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("jws", sa.LargeBinary(), nullable=False),
        sa.Column(
            "issued_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["node_id"], ["node.id"], name=op.f("fk_node_descriptor_node_id_node")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_node_descriptor")),
        sa.UniqueConstraint("sha256", name=op.f("uq_node_descriptor_sha256")),
    )
    op.create_table(
        "partner_descriptor",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("jws", sa.LargeBinary(), nullable=False),
        sa.Column("evidence", sa.Boolean(), nullable=False),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organisation"],
            ["partner.organisation"],
            name=op.f("fk_partner_descriptor_organisation_partner"),
        ),
        sa.PrimaryKeyConstraint("organisation", "sha256", name=op.f("pk_partner_descriptor")),
    )
    op.create_table(
        "received_invitation",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direct", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "direct",
                "community",
                "case",
                "feed",
                name="channelkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "roles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "ceiling",
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
        sa.Column("older", sa.Text(), nullable=False),
        sa.Column("genesis", sa.Text(), nullable=False),
        sa.Column(
            "head_epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("head_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("head_sha256", sa.Text(), nullable=False),
        sa.Column(
            "reply_by",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["direct"], ["channel.id"], name=op.f("fk_received_invitation_direct_channel")
        ),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_received_invitation")),
    )
    with op.batch_alter_table("received_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_received_invitation_direct"), ["direct"], unique=False)

    op.create_table(
        "sign_in",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=True,
        ),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_sign_in_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_sign_in_secret_hash")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_user_id"), ["user_id"], unique=False)

    op.create_table(
        "staged_object",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stix_id", sa.Text(), nullable=False),
        sa.Column("version_ns", sa.Text(), nullable=False),
        sa.Column("bundle_sha256", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "staged_at",
            sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["channel.id"], name=op.f("fk_staged_object_channel_channel")
        ),
        sa.PrimaryKeyConstraint("channel", "sha256", name=op.f("pk_staged_object")),
    )
    with op.batch_alter_table("staged_object", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_staged_object_channel_bundle_sha256"),
            ["channel", "bundle_sha256"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_staged_object_channel_epoch_seq"),
            ["channel", "epoch", "seq"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_staged_object_channel_stix_id"), ["channel", "stix_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_staged_object_staged_at"), ["staged_at"], unique=False)

    op.create_table(
        "user_role",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "administrator",
                "coordinator",
                "handler",
                "liaison",
                "auditor",
                name="personrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_user_role_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_role")),
    )


def downgrade() -> None:
    op.drop_table("user_role")
    with op.batch_alter_table("staged_object", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staged_object_staged_at"))
        batch_op.drop_index(batch_op.f("ix_staged_object_channel_stix_id"))
        batch_op.drop_index(batch_op.f("ix_staged_object_channel_epoch_seq"))
        batch_op.drop_index(batch_op.f("ix_staged_object_channel_bundle_sha256"))

    op.drop_table("staged_object")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_user_id"))
        batch_op.drop_index(batch_op.f("ix_sign_in_expires_at"))

    op.drop_table("sign_in")
    with op.batch_alter_table("received_invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_received_invitation_direct"))

    op.drop_table("received_invitation")
    op.drop_table("partner_descriptor")
    op.drop_table("node_descriptor")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entry_channel_date_added"))

    op.drop_table("ledger_entry")
    op.drop_table("evidence")
    with op.batch_alter_table("covered_object", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_covered_object_channel_sha256"))
        batch_op.drop_index(batch_op.f("ix_covered_object_channel_ref_version_ns"))

    op.drop_table("covered_object")
    with op.batch_alter_table("contribution", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contribution_state"))

    op.drop_table("contribution")
    with op.batch_alter_table("collection_row", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_collection_row_collection_id_version_ns_date_added"))
        batch_op.drop_index(batch_op.f("ix_collection_row_collection_id_stix_type_date_added"))
        batch_op.drop_index(
            batch_op.f("ix_collection_row_collection_id_stix_id_version_ns_date_added")
        )
        batch_op.drop_index(batch_op.f("ix_collection_row_collection_id_spec_version_date_added"))

    op.drop_table("collection_row")
    with op.batch_alter_table("channel_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_channel_member_organisation"))

    op.drop_table("channel_member")
    op.drop_table("channel_descriptor")
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_index("ix_api_token_user_id_created_at")

    op.drop_table("api_token")
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_worker_beat_at"))

    op.drop_table("worker")
    op.drop_table("user")
    with op.batch_alter_table("used_assertion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_used_assertion_forget_at"))

    op.drop_table("used_assertion")
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_throttle_last_failed_at"))

    op.drop_table("throttle")
    with op.batch_alter_table("taxii_status", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_taxii_status_requested_at"))

    op.drop_table("taxii_status")
    with op.batch_alter_table("stix_object", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stix_object_stix_id"))

    op.drop_table("stix_object")
    op.drop_table("poll")
    op.drop_table("partner")
    op.drop_table("node")
    with op.batch_alter_table("kept_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kept_answer_created_at"))

    op.drop_table("kept_answer")
    op.drop_table("invitation")
    with op.batch_alter_table("errand", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_errand_lane_under_way",
            sqlite_where=sa.text("lease_until IS NOT NULL"),
            postgresql_where=sa.text("lease_until IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_errand_lane"))
        batch_op.drop_index(batch_op.f("ix_errand_due_at"))

    op.drop_table("errand")
    op.drop_table("collection")
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_channel_owner"))

    op.drop_table("channel")
    with op.batch_alter_table("audit_record", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_record_subject_id")
        batch_op.drop_index(batch_op.f("ix_audit_record_at"))
        batch_op.drop_index("ix_audit_record_actor_id_id")
        batch_op.drop_index("ix_audit_record_action_id")

    op.drop_table("audit_record")
