"""`/api/v1/openapi.json`: the OpenAPI 3.1 document, made from the code that it describes.

Source: OpenAPI 3.1.0; RFC 9457.
"""

from __future__ import annotations

from typing import Any, Final

from apiflask import APIFlask
from flask import Response, jsonify

from hub.api.frame import PREFIX, UPLOADS, Resource
from hub.api.models import Problem, plain_schema
from hub.problem import MEDIA_TYPE

DESCRIPTION: Final = (
    "What the pages of a node can do, for programs. Errors are problem documents (RFC 9457). "
    "Lists come in pages: ask with `cursor` set to `next` of the page before. "
    "Send an `Idempotency-Key` with a change, and repeating it does it once."
)
SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal token.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "tocsin",
        "description": "The session of the pages; its name ends in eight digits of the node's "
        "own. Changes need the form token in `X-CSRFToken` as well.",
    },
}
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request with the same key is done once.",
    "schema": {"type": "string", "minLength": 8, "maxLength": 200, "pattern": "^[!#-~]{8,200}$"},
}


def register(app: APIFlask) -> None:
    """Serve the document to anybody: it tells of the product, not of this node."""
    app.config["SECURITY_SCHEMES"] = SECURITY_SCHEMES
    app.config["DESCRIPTION"] = DESCRIPTION

    @app.spec_processor
    def _correct(spec: dict[Any, Any] | str) -> dict[Any, Any] | str:
        return spec if isinstance(spec, str) else correct(spec)

    @app.get(f"{PREFIX}/openapi.json")
    @app.doc(hide=True)
    def openapi_document() -> Response:
        """Give the document."""
        for blueprint in app.blueprints.values():
            if not isinstance(blueprint, Resource):
                # The generator asks every blueprint, and Flask's own have no answer.
                blueprint.enable_openapi = False  # type: ignore[attr-defined]
        return jsonify(app.spec)


def correct(spec: dict[str, Any]) -> dict[str, Any]:
    """Say what the generator can't know: errors are problems, changes take a key."""
    spec.setdefault("components", {}).setdefault("schemas", {})["Problem"] = plain_schema(Problem)
    for operations in spec["paths"].values():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:  # noqa: PLR2004 - where HTTP's errors begin
                    schema = {"$ref": "#/components/schemas/Problem"}
                    answer["content"] = {MEDIA_TYPE: {"schema": schema}}
            if method == "get" and "application/json" in operation["responses"]["200"]["content"]:
                operation["responses"]["304"] = {"description": "As it was (`If-None-Match`)."}
            if method != "get":
                operation["parameters"].append(_IDEMPOTENCY_KEY)
            if operation.get("operationId") in UPLOADS:
                file = {"schema": {"type": "string", "format": "binary"}}
                types = UPLOADS[operation["operationId"]]
                operation["requestBody"] = {"content": dict.fromkeys(types, file)}
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return spec
