"""The REST interface: one module for each resource, all of them in `RESOURCES`.

To add one: write `hub/api/<name>.py` with `resource = Resource("<name>")` and its routes, and
put it into the list. Nothing else is needed: who asks, scopes, CSRF, idempotency keys, the audit
trail, problems and the OpenAPI document come with the frame.
"""

from __future__ import annotations

from typing import Final

from apiflask import APIFlask

from hub.api import (
    audience,
    audit,
    calls,
    case_rooms,
    communities,
    contributions,
    directory,
    invitations,
    keys,
    me,
    node,
    openapi,
    partners,
    publishing,
    relay,
    repair,
    tokens,
    users,
)
from hub.api.frame import Resource

RESOURCES: Final[tuple[Resource, ...]] = (
    me.resource,
    users.resource,
    tokens.resource,
    audit.resource,
    node.resource,
    keys.resource,
    partners.resource,
    directory.resource,
    invitations.resource,
    audience.resource,
    relay.resource,
    calls.resource,
    repair.resource,
    publishing.resource,
    contributions.resource,
    case_rooms.resource,
    communities.resource,
)


def register(app: APIFlask) -> None:
    """Add the resources and their document to the application."""
    for resource in RESOURCES:
        app.register_blueprint(resource)
    openapi.register(app)
