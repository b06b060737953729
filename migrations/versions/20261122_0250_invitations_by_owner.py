"""Who reads what: each organisation's invitation to a channel is kept by itself."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "20261122_0250"
down_revision: Final = "20261122_0249"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    with op.batch_alter_table("received_invitation", schema=None) as batch_op:
        batch_op.drop_constraint("pk_received_invitation", type_="primary")
        batch_op.create_primary_key("pk_received_invitation", ["channel", "owner"])


def downgrade() -> None:
    # Of several invitations to one channel the newest is kept, as it was shown before.
    op.execute(
        "DELETE FROM received_invitation WHERE EXISTS (SELECT 1 FROM received_invitation AS newer "
        "WHERE newer.channel = received_invitation.channel "
        "AND newer.received_at > received_invitation.received_at)"
    )
    with op.batch_alter_table("received_invitation", schema=None) as batch_op:
        batch_op.drop_constraint("pk_received_invitation", type_="primary")
        batch_op.create_primary_key("pk_received_invitation", ["channel"])
