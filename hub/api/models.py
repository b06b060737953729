"""Forms that several resources share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from sharing.canonical import write_time


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, as in 2026-11-20T10:05:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time so far away can't be told in UTC") from None


Moment = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(write_time, return_type=str, when_used="json"),
    Field(description="RFC 3339, UTC."),
]


class Document(BaseModel):
    """What we answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Form(BaseModel):
    """What is sent to us: nothing that we do not know, and no member guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=10_000)


class Problem(BaseModel):
    """An error. Source: RFC 9457, with three members more."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="`about:blank`: the status says what kind it is.")
    title: str
    status: int
    detail: str = Field(description="One sentence: what was refused and why.")
    field: str | None = Field(default=None, description="The input that was at fault, as a path.")
    hint: str | None = Field(default=None, description="What to do now.")
    error_id: str | None = Field(default=None, description="Tell it to the administrator.")


def plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Give a model's JSON schema, for places that take no model."""
    return model.model_json_schema()
