"""The audit trail refuses to be changed, whoever holds the connection."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "20261121_2301"
down_revision: Final = "20261121_2300"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            """
            CREATE FUNCTION audit_record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the audit trail is append-only';
            END $$
            """
        )
        op.execute(
            """
            CREATE TRIGGER audit_record_append_only
            BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_record
            FOR EACH STATEMENT EXECUTE FUNCTION audit_record_append_only()
            """
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"""
            CREATE TRIGGER audit_record_no_{act.lower()} BEFORE {act} ON audit_record
            BEGIN
                SELECT RAISE(ABORT, 'the audit trail is append-only');
            END
            """
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_record_append_only ON audit_record")
        op.execute("DROP FUNCTION audit_record_append_only()")
        return
    op.execute("DROP TRIGGER audit_record_no_update")
    op.execute("DROP TRIGGER audit_record_no_delete")
