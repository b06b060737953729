"""Channels of ours that are behind what others hold, and those put back from a backup."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0243"
down_revision: Final = "20261122_0241"
branch_labels: Final = None
depends_on: Final = None

_OLD: Final = "'frozen', 'ended'"
_NEW: Final = "'frozen', 'behind', 'ended'"
_NAME: Final = "ck_channel_standing"


def upgrade() -> None:
    _change_standings(_OLD, _NEW)
    integer = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lost_epoch", integer, nullable=True))
        batch_op.add_column(sa.Column("lost_seq", integer, nullable=True))
        batch_op.add_column(sa.Column("restored_at", moment, nullable=True))


def downgrade() -> None:
    op.execute("UPDATE channel SET standing = 'current' WHERE standing = 'behind'")
    for name in ("restored_at", "lost_seq", "lost_epoch"):
        # As a batch, SQLite would make the table anew, and all others refer to it.
        op.execute(f"ALTER TABLE channel DROP COLUMN {name}")
    _change_standings(_NEW, _OLD)


def _change_standings(old: str, new: str) -> None:
    """Change the closed set of standings; no row is touched."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE channel DROP CONSTRAINT {_NAME}")
        values = f"'joining', 'current', 'waiting', {new}"
        op.execute(f"ALTER TABLE channel ADD CONSTRAINT {_NAME} CHECK (standing IN ({values}))")
        return
    # The procedure of SQLite's manual (ALTER TABLE, 7) for a change of a CHECK constraint.
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?)"
        " WHERE type = 'table' AND name = 'channel'",
        (old, new),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version={int(version or 0) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")
