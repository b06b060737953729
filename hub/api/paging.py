"""Pages by key: a cursor says after which one the next page begins, and never counts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from policies.errors import InvalidError
from sharing.canonical import MAX_INTEGER

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_CURSOR_LENGTH: Final = 500

Row = TypeVar("Row")


class PageQuery(BaseModel):
    """How a page is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many at most.")] = (
        DEFAULT_LIMIT
    )
    cursor: Annotated[
        str | None,
        Field(max_length=MAX_CURSOR_LENGTH, description="`next` of the page before."),
    ] = None


def write_cursor(*key: str | int) -> str:
    """Give the cursor of a key; what is in it is nobody's business but ours."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def read_cursor(text: str | None, *kinds: type[str | int]) -> tuple[Any, ...] | None:
    """Read a cursor back.

    Args:
        kinds: the types of the parts of the key.

    Raises:
        InvalidError: it is none of ours.
    """
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError, UnicodeEncodeError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or not all(_fits(part, kind) for part, kind in zip(key, kinds, strict=True))
    ):
        raise InvalidError(
            "this cursor is none of ours",
            field="query.cursor",
            hint="Take `next` of the page before as it is.",
        )
    return tuple(key)


def _fits(part: Any, kind: type[str | int]) -> bool:
    """Tell whether a part of a key is such as a database can be asked for."""
    if type(part) is not kind:
        return False
    return "\0" not in part if isinstance(part, str) else abs(part) <= MAX_INTEGER


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """Cut rows, of which one more than `limit` was asked for, and tell whether more follow."""
    return rows[:limit], len(rows) > limit
