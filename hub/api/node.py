"""`/api/v1/node`: what this node is, by which keys, in which version."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from federation import node as own_node
from federation.descriptor import KeyUse
from federation.node import Node
from hub.api.frame import Call, Resource
from hub.api.models import Document
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


class NodeOut(Document):
    """This node."""

    organisation: str
    name: str
    identity: dict[str, Any]
    base_url: str
    recovery_thumbprint: str
    descriptor_version: int
    keys: list[KeyOut]
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
        product_version=product_version(),
    )
