"""Who is not believed any more."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0303"
down_revision: Final = "20261122_0260"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    with op.batch_alter_table("witness", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "disbelieved_at",
                sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"),
                nullable=True,
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("witness", schema=None) as batch_op:
        batch_op.drop_column("disbelieved_at")
