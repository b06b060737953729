"""The bodies of acts: read by their schemas, refused by the path of what does not fit.

Source: coordination protocol, 6 (`body`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from policies.acts.act import Act
from policies.errors import InvalidError

LATER_MEMBERS: Final = "later_members"
"""The property of a body by which an author opens what it covers to later members."""
_INSTANT: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z", re.ASCII)
_SHORT_LENGTH: Final = 4 * 1024
_FITTING_COUNT: Final = 1024
_fitting: set[tuple[Act, str]] = set()
"""Short bodies that were found to fit, as they are written."""
_formats: Final = FormatChecker(formats=())


@_formats.checks("instant")
def _is_instant(value: object) -> bool:
    """Tell whether a text is a time in UTC that exists."""
    if not isinstance(value, str):
        return True
    match = _INSTANT.fullmatch(value)
    if match is None:
        return False
    try:
        datetime.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def read_schema(name: str) -> Mapping[str, Any]:
    """Read one of our schemas: an act, or `common`."""
    text = resources.files("policies").joinpath("schemas", f"{name}.json").read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


@cache
def _validator(act: Act) -> Draft202012Validator:
    whole = _inlined(read_schema(act), read_schema("common")["$defs"])
    return Draft202012Validator(whole, format_checker=_formats)


def _inlined(schema: Any, common: Mapping[str, Any]) -> Any:
    """Put what `common` defines where a schema refers to it.

    Looking a reference up anew for each body costs more than all the rest of judging.
    """
    if isinstance(schema, list):
        return [_inlined(one, common) for one in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {name: _inlined(value, common) for name, value in schema.items() if name != "$ref"}
    if "$ref" not in schema:
        return rest
    meant = _inlined(common[schema["$ref"].rpartition("/")[2]], common)
    return {**rest, "allOf": [*rest.get("allOf", ()), meant]} if rest else meant


def read_body(act: Act, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the body of an act against its schema, and give it back.

    Raises:
        InvalidError: what does not fit; `field` is its path, as in `body.members[0].role`.

    Source: coordination protocol, 6 (`body`).
    """
    # Most bodies are short and many are the same. How one is written tells it from all others.
    written = repr(body) if type(body) is dict else None
    if written is None or (act, written) not in _fitting:
        _check_body(act, body)
        if written is not None and len(written) <= _SHORT_LENGTH:
            if len(_fitting) >= _FITTING_COUNT:
                _fitting.clear()
            _fitting.add((act, written))
    return body


def _check_body(act: Act, body: Mapping[str, Any]) -> None:
    error = next(_validator(act).iter_errors(body), None)
    if error is not None:
        path, message = _first_fault(error)
        raise InvalidError(f"{path} {message}", field=path)


def _first_fault(error: ValidationError) -> tuple[str, str]:
    """Give the path of the fault and what is wrong there, bounded in length."""
    path = _path(error.absolute_path)
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            name = min(str(name) for name in instance if not _is_known(error.schema, str(name)))
            return f"{path}.{name[:60]}", "is not known to this act"
        case "required" | "dependentRequired":
            missing = _missing(error)
            return f"{path}.{missing}", "is missing"
        case "type":
            return path, f"is not of type {wanted}"
        case "enum":
            choices = ", ".join(str(choice) for choice in wanted)
            return path, f"is not one of {choices}"
        case "const":
            return path, f"is not {json.dumps(wanted)}"
        case "format" | "pattern":
            return path, f"is not {_form(error)}"
        case "minItems" | "maxItems" | "minLength" | "maxLength" | "minimum" | "maximum":
            return path, f"breaks {error.validator} {wanted}"
        case "uniqueItems":
            return path, "names something twice"
        case "not":
            return path, "does not go with the rest of the body"
        case _:
            return path, "does not have the form that this act asks for"


def _is_known(schema: Any, name: str) -> bool:
    return name in schema.get("properties", {}) or any(
        re.search(pattern, name) for pattern in schema.get("patternProperties", {})
    )


def _path(parts: Iterable[str | int]) -> str:
    steps = (f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in parts)
    return "body" + "".join(steps)


def _missing(error: ValidationError) -> str:
    """Name the property that `required` or `dependentRequired` misses."""
    wanted: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "dependentRequired":
        wanted = [name for key in wanted if key in instance for name in wanted[key]]
    return next(str(name) for name in wanted if name not in instance)


def _form(error: ValidationError) -> str:
    schema = error.schema
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return str(title or "in the form that is asked for")
