"""`docs/api.md`, drawn from the OpenAPI document, so that it can't say anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from hub.api.frame import PREFIX

_DRAWN: Final = "<!-- Drawn from `hub/api/` by `python docs/draw.py`; edit those instead. -->"
_INTRODUCTION: Final = """\
What the pages of a node can do, for programs. The same in OpenAPI 3.1:
`GET /api/v1/openapi.json`.

- **Who asks.** A personal token as `Authorization: Bearer …`, made under *Account* or with
  `tocsin token add`. What it may do is bounded by its scopes and by the roles of its owner. What
  somebody may not know of is 404.
- **Bodies** are I-JSON of at most 8 MiB: UTF-8, no name twice, nothing that a form does not know.
  STIX objects are kept exactly as they are sent, and are at most 1 MiB each in canonical form.
- **Errors** are problem documents (RFC 9457) with one sentence in `detail`, the input at fault in
  `field`, and what to do in `hint`. A failure of the protocol stands in `field` by its name, as in
  `not_permitted`.
- **Lists** come in pages: ask again with `cursor` set to `next`, until that is `null`.
- **Once only.** Send an `Idempotency-Key` with a change; the same request with the same key is done
  once and answered alike, for 24 hours.
- **Unchanged?** Each document has an `ETag`; `If-None-Match` saves sending it again.
- **What is written** into a channel of ours is an entry at once: `"state": "history"`. In somebody
  else's it is `"state": "pending"`: it waits in the outbox until the owner has admitted it, and is
  listed with its reasons under `/channels/{channel}/pending` until our node has verified the entry
  that covers it.

Write a note, and see what became of it:

```sh
curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
     -H 'Idempotency-Key: 0d8c2a52-note-to-3cx' \\
     -d '{"text": "Relay 7 isolated.", "tlp": "green"}' \\
     https://cert.example/api/v1/channels/6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003/notes
```

Share indicators: any act goes through one door; [what each act needs](acts.md).

```sh
curl … -d '{"act": "intel.shared", "objects": [{"type": "indicator", …}]}' …/acts
```"""


def api_page(document: Mapping[str, Any]) -> str:
    """Give `docs/api.md`: every address, what it takes and gives.

    Args:
        document: as `/api/v1/openapi.json` serves it.
    """
    lines = ["# REST interface", "", _DRAWN, "", *_INTRODUCTION.splitlines(), ""]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for resource, group in groupby(sorted(operations, key=_key), key=lambda one: _resource(one[0])):
        lines += [f"## {resource.capitalize()}", ""]
        lines += ["| | | takes | gives |", "|---|---|---|---|"]
        lines += [_line(*one) for one in group]
        lines.append("")
    lines += ["## Forms", ""]
    schemas = document["components"]["schemas"]
    for name in sorted(schemas):
        lines += _form(name, schemas[name])
    return "\n".join(lines).rstrip("\n") + "\n"


def _key(one: tuple[str, str, Any]) -> tuple[str, str, str]:
    path, method, _ = one
    return _resource(path), path, method


def _resource(path: str) -> str:
    return path.removeprefix(f"{PREFIX}/").partition("/")[0]


def _line(path: str, method: str, operation: Mapping[str, Any]) -> str:
    status, answer = next(
        (code, found) for code, found in operation["responses"].items() if code.startswith("2")
    )
    media_type, content = next(iter(answer["content"].items()))
    gives = _type(content["schema"]) if media_type == "application/json" else f"`{media_type}`"
    body = operation.get("requestBody")
    takes = _takes(body["content"]) if body else ""
    query = [
        f"`?{parameter['name']}`"
        for parameter in operation.get("parameters", ())
        if parameter.get("in") == "query"
    ]
    cells = (
        f"`{method.upper()} {path.removeprefix(PREFIX)}`",
        " ".join(str(operation.get("description") or operation["summary"]).split()),
        " ".join([takes, *query]).strip(),
        f"{status} {gives}",
    )
    return f"| {' | '.join(cells)} |"


def _takes(content: Mapping[str, Any]) -> str:
    if "application/json" in content:
        return _type(content["application/json"]["schema"])
    return " or ".join(f"`{media_type}`" for media_type in content)


def _form(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield " ".join(str(schema.get("description", "")).split())
    yield ""
    if "enum" in schema:
        yield " · ".join(f"`{choice}`" for choice in schema["enum"])
        yield ""
    if schema.get("properties"):
        required = schema.get("required", ())
        yield "| | | |"
        yield "|---|---|---|"
        for field, value in schema["properties"].items():
            need = "" if field in required else "may be left out"
            words = "; ".join(filter(None, (str(value.get("description", "")), need)))
            yield f"| `{field}` | {_type(value)} | {words} |"
        yield ""


def _type(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a value is."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "enum" in schema:
        return " · ".join(f"`{choice}`" for choice in schema["enum"])
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("format") in ("date-time", "uuid"):
        return {"date-time": "time", "uuid": "UUID"}[schema["format"]]
    words = {"string": "text", "boolean": "yes or no", "integer": "number", "null": "`null`"}
    return words.get(str(schema.get("type")), str(schema.get("type", "anything")))
