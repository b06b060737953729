"""Who reads what: from where on an object is served to later members."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0212"
down_revision: Final = "20261122_0207"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("collection_row", sa.Column("released_from", number, nullable=True))
    # From where on is not known of what was released before; nobody who left reads it anew.
    op.execute(
        "UPDATE collection_row SET released_from = "
        "(SELECT last_added FROM collection WHERE collection.id = collection_row.collection_id) "
        "WHERE released"
    )
    op.drop_column("collection_row", "released")


def downgrade() -> None:
    op.add_column(
        "collection_row",
        sa.Column("released", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute("UPDATE collection_row SET released = TRUE WHERE released_from IS NOT NULL")
    op.drop_column("collection_row", "released_from")
