"""What `tocsin case` asks and decides: questions put, voted, taken, taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import click

from hub import clock
from hub.api.case_models import QuestionOut
from hub.cases import at_once, deciding
from hub.commands import frame
from hub.commands.case_course import TOPICS, Where, read_maybe_time, write
from hub.commands.names import get_case_named, get_decision_named
from hub.office import current_office
from policies.acts import Act
from policies.decisions import NO, YES, By, DecisionRule, Topic
from sharing.db import transaction


@click.command("ask")
@click.argument("case")
@click.argument("question")
@click.option("--topic", type=TOPICS, default=Topic.QUESTION.value, show_default=True)
@click.option("--option", "options", multiple=True, help="Yes and no if not given. Repeatable.")
@click.option(
    "--by",
    type=click.Choice([By.MAJORITY.value, By.UNANIMITY.value]),
    default=By.MAJORITY.value,
    show_default=True,
    help="How it is counted, where the charter does not say.",
)
@click.option("--quorum", type=click.IntRange(0, 500), default=0, show_default=True)
@click.option("--until", metavar="TIME", help="RFC 3339, UTC; in four hours if not given.")
@frame.as_json
@frame.refusing
def ask(
    case: str,
    question: str,
    topic: str,
    options: tuple[str, ...],
    by: str,
    quorum: int,
    until: str | None,
    *,
    as_json: bool,
) -> None:
    """Put QUESTION to the vote of all members that are neither observer nor authority."""
    vote_until = read_maybe_time(until, "vote_until")
    with frame.node():
        with transaction() as session:
            actor = frame.console_actor()
            channel = get_case_named(session, actor, case)
            decision = deciding.ask(
                session,
                current_office().desk(session),
                actor,
                channel,
                topic=Topic(topic),
                question=question,
                rule=DecisionRule(By(by), quorum),
                options=options or (YES, NO),
                vote_until=vote_until,
                now=clock.utcnow(),
            )
        document = QuestionOut(channel=channel, decision=decision)
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=decision)


@click.command("vote")
@click.argument("case")
@click.argument("decision")
@click.argument("option")
@click.option("--dissent", help="Why otherwise; all members read it.")
@frame.as_json
@frame.refusing
def vote(case: str, decision: str, option: str, dissent: str | None, *, as_json: bool) -> None:
    """Vote OPTION on DECISION for our organisation: an option, or abstained."""
    write(
        case,
        Act.DECISION_VOTED,
        deciding.vote,
        find=_decision(decision),
        option=option,
        dissent=dissent,
        as_json=as_json,
    )


@click.command("take")
@click.argument("case")
@click.argument("decision")
@click.argument("outcome")
@frame.as_json
@frame.refusing
def take(case: str, decision: str, outcome: str, *, as_json: bool) -> None:
    """Say that the votes on DECISION have come to OUTCOME: an option, or none."""
    write(
        case,
        Act.DECISION_TAKEN,
        at_once.take,
        find=_decision(decision),
        outcome=outcome,
        as_json=as_json,
    )


@click.command("withdraw")
@click.argument("case")
@click.argument("decision")
@click.option("--lapsed", is_flag=True, help="Too few have voted.")
@click.option("--reason", help="Why; all members read it.")
@frame.as_json
@frame.refusing
def withdraw(case: str, decision: str, reason: str | None, *, lapsed: bool, as_json: bool) -> None:
    """Take a question back."""
    write(
        case,
        Act.DECISION_LAPSED if lapsed else Act.DECISION_WITHDRAWN,
        deciding.withdraw,
        find=_decision(decision),
        reason=reason,
        lapsed=lapsed,
        as_json=as_json,
    )


COMMANDS: Final = (ask, vote, take, withdraw)


def _decision(name: str) -> Callable[[Where, datetime], dict[str, Any]]:
    def find(where: Where, now: datetime) -> dict[str, Any]:
        del now
        session, desk, actor, channel = where
        found = get_decision_named(session, actor, channel, name, us=desk.organisation)
        return {"decision": found}

    return find
