"""What `tocsin case` says of our own organisation: how far it is, how it is hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from hub.cases import own_words
from hub.commands import frame
from hub.commands.case_course import read_maybe_time, write
from policies.acts import Act
from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    read_assessment,
)
from policies.errors import InvalidError
from policies.ladders import Ladder

MAX_DIGITS: Final = 16
STATES: Final = click.Choice([state.value for state in ResponseState])
ALONE: Final = click.option(
    "--alone", is_flag=True, help="For the coordinator alone, through our direct channel to it."
)
TEXT: Final = click.option("--text", help="More, in words.")


def _words(ladder: type[Ladder]) -> click.Choice[str]:
    return click.Choice([word.value for word in ladder])


_IMPACTS: Final = (
    click.option("--functional-impact", type=_words(FunctionalImpact)),
    click.option("--information-impact", type=_words(InformationImpact)),
    click.option("--recoverability", type=_words(Recoverability)),
    click.option("--essential-service/--no-essential-service", default=None),
    click.option("--danger", type=_words(Danger)),
    click.option("--still-spreading/--not-spreading", default=None),
    click.option("--personal-data", type=_words(PersonalData)),
    click.option("--confidence", type=click.IntRange(0, 100)),
    click.option(
        "--count", "counts", metavar="KIND=N", multiple=True, help="Or KIND=LOW-HIGH. Repeatable."
    ),
)
F = TypeVar("F", bound=Callable[..., Any])


def stating(command: F) -> F:
    """Give a command the options that say how an organisation is hit."""
    for option in reversed(_IMPACTS):
        command = option(command)
    return command


def read_stated(counts: Sequence[str], stated: Mapping[str, Any]) -> Assessment:
    """Give what these options state; what is left out is not stated."""
    document = {name: value for name, value in stated.items() if value is not None}
    if counts:
        document["counts"] = dict(_read_count(count) for count in counts)
    return read_assessment(document)


@click.command("respond")
@click.argument("case")
@click.argument("state", type=STATES)
@click.option("--since", metavar="TIME", help="Since when, at the latest: RFC 3339, UTC.")
@click.option("--since-earliest", metavar="TIME", help="Where that is uncertain: at the earliest.")
@TEXT
@ALONE
@frame.as_json
@frame.refusing
def respond(
    case: str,
    state: str,
    since: str | None,
    since_earliest: str | None,
    text: str | None,
    *,
    alone: bool,
    as_json: bool,
) -> None:
    """Say how far our organisation is."""
    write(
        case,
        Act.RESPONSE_REPORTED,
        own_words.respond,
        state=ResponseState(state),
        since=read_maybe_time(since, "since"),
        since_earliest=read_maybe_time(since_earliest, "since_earliest"),
        text=text,
        alone=alone,
        as_json=as_json,
    )


@click.command("assess")
@click.argument("case")
@stating
@TEXT
@ALONE
@frame.as_json
@frame.refusing
def assess(
    case: str,
    counts: tuple[str, ...],
    text: str | None,
    *,
    alone: bool,
    as_json: bool,
    **stated: Any,
) -> None:
    """State how our organisation is hit; what is left out is not stated, unlike none."""
    write(
        case,
        Act.ASSESSMENT_SUBMITTED,
        own_words.assess,
        assessment=read_stated(counts, stated),
        text=text,
        alone=alone,
        as_json=as_json,
    )


COMMANDS: Final = (respond, assess)


def _read_count(text: str) -> tuple[str, dict[str, int]]:
    kind, _, span = text.partition("=")
    low, dash, high = span.partition("-")
    high = high if dash else low
    if not all(one.isascii() and one.isdecimal() and len(one) <= MAX_DIGITS for one in (low, high)):
        raise InvalidError(
            f"“{text[:40]}” counts nothing",
            field="counts",
            hint="As in computers-server=3-12.",
        )
    return kind, {"low": int(low), "high": int(high)}
