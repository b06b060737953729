"""How Alembic runs the migrations: on the connection that it was handed, in one transaction."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

# As the records name their constraints; a test compares what comes out.
NAMES = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write types of the application's own as the plain types that stand behind them."""
    if kind == "type" and type(item).__name__ == "UTCDateTime":
        return 'sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")'
    if kind == "type" and type(item) is sa.JSON:
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def compare_type(
    _context: Any,
    _inspected_column: Any,
    _metadata_column: Any,
    inspected_type: sa.types.TypeEngine[Any],
    metadata_type: sa.types.TypeEngine[Any],
) -> bool | None:
    """Compare a time as what it is in this database; leave all others to Alembic."""
    if type(metadata_type).__name__ == "UTCDateTime":
        return not isinstance(inspected_type, sa.DateTime | sa.String)
    return None


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("target_metadata", NAMES),
    render_as_batch=True,
    render_item=render_item,
    compare_type=compare_type,
    # SQLite can roll back a change of the schema as well, where the driver does not interfere.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
