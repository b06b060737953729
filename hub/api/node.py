"""`/api/v1/node`: what this node is, by which keys, in which version."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from federation.identity import node as own_node
from federation.identity.descriptor import KeyUse
from federation.identity.key_state import KeyStanding, key_state_of
from federation.identity.node import Node
from hub.api.frame import Call, Resource
from hub.api.models import Document, Moment
from hub.version import product_version

resource = Resource("node")

Time = Annotated[str, Field(description="RFC 3339, as it stands in the descriptor.")]


class KeyOut(Document):
    """One key of ours, as partners know it."""

    thumbprint: str
    use: KeyUse
    since: Time
    retired_at: Time | None
    revoked_at: Time | None


class KeyStateOut(Document):
    """The state of an organisation's keys in one word, and what that means."""

    standing: KeyStanding
    since: Annotated[Moment, Field(description="When that was signed, by its own word.")]
    version: Annotated[int, Field(description="Of its newest descriptor.")]
    recovery_thumbprint: Annotated[str, Field(description="Of the recovery key that counts now.")]
    sentence: str


class NodeOut(Document):
    """This node."""

    organisation: str
    name: str
    identity: dict[str, Any]
    base_url: str
    recovery_thumbprint: str
    descriptor_version: int
    keys: list[KeyOut]
    key_state: KeyStateOut
    product_version: str


@resource.reads("", gives=NodeOut)
def get_node(call: Call) -> NodeOut:
    """Give what this node says of itself to its partners."""
    return node_document(own_node.get_node(call.session))


def node_document(node: Node) -> NodeOut:
    """Give a node as the API shows it."""
    return NodeOut(
        organisation=node.organisation,
        name=node.name,
        identity=dict(node.identity),
        base_url=node.base_url,
        recovery_thumbprint=node.recovery_thumbprint,
        descriptor_version=node.newest.version,
        keys=[
            KeyOut(
                thumbprint=entry.key.thumbprint,
                use=entry.use,
                since=entry.since,
                retired_at=entry.retired_at,
                revoked_at=entry.revoked_at,
            )
            for entry in node.newest.keys
        ],
        key_state=KeyStateOut.model_validate(key_state_of(node.descriptors), from_attributes=True),
        product_version=product_version(),
    )
