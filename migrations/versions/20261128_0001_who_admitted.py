"""Who admitted an entry, and with which key."""

from __future__ import annotations

import base64
import json
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "20261128_0001"
down_revision: Final = "20261122_0326"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("admitted_by", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("admitted_kid", sa.Text(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_ledger_entry_admitted_by_admitted_kid"),
            ["admitted_by", "admitted_kid"],
            unique=False,
        )
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """Read of each admitting entry that is here who signed it, and with which key."""
    wanted = connection.execute(
        sa.text(
            "SELECT channel, epoch, seq, object_sha256 FROM ledger_entry"
            " WHERE contribution_sha256 IS NOT NULL"
        )
    ).all()
    for channel, epoch, seq, sha256 in wanted:
        content = connection.execute(
            sa.text("SELECT content FROM stix_object WHERE sha256 = :sha256"), {"sha256": sha256}
        ).scalar()
        if content is None:
            continue
        entry = json.loads(bytes(content))
        header = entry["signature"].partition(".")[0]
        padded = header + "=" * (-len(header) % 4)
        connection.execute(
            sa.text(
                "UPDATE ledger_entry SET admitted_by = :by, admitted_kid = :kid"
                " WHERE channel = :channel AND epoch = :epoch AND seq = :seq"
            ),
            {
                "by": entry["created_by_ref"],
                "kid": json.loads(base64.urlsafe_b64decode(padded))["kid"],
                "channel": channel,
                "epoch": epoch,
                "seq": seq,
            },
        )


def downgrade() -> None:
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entry_admitted_by_admitted_kid"))
        batch_op.drop_column("admitted_kid")
        batch_op.drop_column("admitted_by")
