"""What is shown newest first, or asked for since a time, is found without reading the rest."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "20261129_0100"
down_revision: Final = "20261129_0060"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_index(op.f("ix_ledger_entry_applied_at"), "ledger_entry", ["applied_at"])
    op.create_index(op.f("ix_case_words_channel_said_at"), "case_words", ["channel", "said_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_case_words_channel_said_at"), table_name="case_words")
    op.drop_index(op.f("ix_ledger_entry_applied_at"), table_name="ledger_entry")
