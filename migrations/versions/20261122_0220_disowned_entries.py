"""Disowned entries: by which key each act was signed, and what its author says was a thief's."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261122_0220"
down_revision: Final = "20261122_0212"
branch_labels: Final = None
depends_on: Final = None

_ENTRIES: Final = sa.table(
    "ledger_entry",
    sa.column("channel", sa.Text()),
    sa.column("epoch", sa.Integer()),
    sa.column("seq", sa.Integer()),
    sa.column("object_sha256", sa.Text()),
    sa.column("contribution_object", sa.Text()),
    sa.column("kid", sa.Text()),
    sa.column("created_text", sa.Text()),
    sa.column("disowned", sa.Boolean()),
)
_COVERED: Final = sa.table("covered_object", sa.column("disowned", sa.Boolean()))
_OBJECTS: Final = sa.table(
    "stix_object", sa.column("sha256", sa.Text()), sa.column("content", sa.LargeBinary())
)


def upgrade() -> None:
    with op.batch_alter_table("covered_object") as batch_op:
        batch_op.add_column(sa.Column("disowned", sa.Boolean(), nullable=True))
    with op.batch_alter_table("ledger_entry") as batch_op:
        batch_op.add_column(sa.Column("kid", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("created_text", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("disowned", sa.Boolean(), nullable=True))
    _fill()
    with op.batch_alter_table("covered_object") as batch_op:
        batch_op.alter_column("disowned", nullable=False)
    with op.batch_alter_table("ledger_entry") as batch_op:
        for name in ("kid", "created_text", "disowned"):
            batch_op.alter_column(name, nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("ledger_entry") as batch_op:
        for name in ("disowned", "created_text", "kid"):
            batch_op.drop_column(name)
    with op.batch_alter_table("covered_object") as batch_op:
        batch_op.drop_column("disowned")


def _fill() -> None:
    connection = op.get_bind()
    connection.execute(_COVERED.update().values(disowned=False))
    key = (_ENTRIES.c.channel, _ENTRIES.c.epoch, _ENTRIES.c.seq)
    rows = connection.execute(
        sa.select(*key, _ENTRIES.c.object_sha256, _ENTRIES.c.contribution_object)
    ).all()
    for channel, epoch, seq, entry, contribution in rows:
        value = _read(connection, entry)
        acting = value if contribution is None else _read(connection, contribution)
        connection.execute(
            _ENTRIES.update()
            .where(key[0] == channel, key[1] == epoch, key[2] == seq)
            .values(kid=_kid(acting), created_text=str(value.get("created", "")), disowned=False)
        )


def _read(connection: sa.Connection, sha256: str) -> dict[str, object]:
    query = sa.select(_OBJECTS.c.content).where(_OBJECTS.c.sha256 == sha256)
    content = connection.execute(query).scalar()
    return {} if content is None else dict(json.loads(content))


def _kid(bundle: dict[str, object]) -> str:
    header = str(bundle.get("signature", "")).split(".", 1)[0]
    try:
        value = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, binascii.Error):
        return ""
    return str(value.get("kid", ""))
