"""What the forms of a community's page hold, and the terms that they come to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field as Bounded
from pydantic import StringConstraints

from hub.web.forms import PageForm
from policies.charter import (
    LEAST_ENDORSEMENTS,
    MOST_MINUTES,
    MOST_QUORUM,
    Answering,
    Attribution,
    Deputy,
    Terms,
    Widened,
)
from policies.criteria import Criterion
from policies.decisions import By, DecisionRule, Topic
from policies.matrix import Level
from policies.tlp import TLP

Text = Annotated[str, StringConstraints(max_length=20_000)]
Organisation = Annotated[str, StringConstraints(max_length=60)]
Words = Annotated[str, StringConstraints(max_length=200)]
Minutes = Annotated[int, Bounded(ge=1, le=MOST_MINUTES)]
RULED: Final = (Topic.START, Topic.CHARTER, Topic.DECLINE, Topic.CLOSE, Topic.REMOVAL)
"""The topics that the form asks for: those that something follows from today."""
DEPUTIES: Final = 3


class CharterForm(PageForm):
    """A version of a charter; its words are enough."""

    text: Text
    start_coordination: By = By.COORDINATOR
    charter: By = By.COORDINATOR
    decline: By = By.COORDINATOR
    close: By = By.COORDINATOR
    removal: By = By.COORDINATOR
    quorum: Annotated[int, Bounded(ge=0, le=MOST_QUORUM)] = 0
    alone_up_to: Level | None = None
    deputy_1: Organisation | None = None
    deputy_2: Organisation | None = None
    deputy_3: Organisation | None = None
    endorsements: Annotated[int, Bounded(ge=LEAST_ENDORSEMENTS, le=MOST_QUORUM)] = (
        LEAST_ENDORSEMENTS
    )
    silence: Minutes | None = None
    criteria: list[Criterion] = Bounded(default_factory=list, max_length=len(Criterion))
    acknowledge: Minutes | None = None
    join: Minutes | None = None
    assess: Minutes | None = None
    task: Minutes | None = None
    report: Minutes | None = None
    default_marking: TLP | None = None
    widening: list[Widened] = Bounded(default_factory=list, max_length=len(Widened))
    attribution: Attribution | None = None
    accept_by: datetime | None = None


class RefusalForm(PageForm):
    """Why a charter is declined, taken back or ended."""

    reason: Text


class EndingForm(PageForm):
    """Why a charter ends, and until when is voted on it."""

    reason: Text
    vote_until: datetime | None = None


class ToldForm(PageForm):
    """What somebody told us about a version."""

    organisation: Organisation
    answer: Literal["accepted", "declined"]
    text: Text | None = None
    way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    informant: Words | None = None


def terms_of(form: CharterForm) -> Terms:
    """Give the terms that a form comes to."""
    ways = {topic: getattr(form, topic.value.replace("-", "_")) for topic in RULED}
    replies = {what: getattr(form, what.value) for what in Answering}
    named = [form.deputy_1, form.deputy_2, form.deputy_3]
    return Terms(
        rules={
            topic: DecisionRule(by, form.quorum)
            for topic, by in ways.items()
            if by is not By.COORDINATOR
        },
        delegations={Topic.START: form.alone_up_to} if form.alone_up_to else {},
        deputies=tuple(Deputy(one, form.endorsements) for one in named if one),
        criteria=frozenset(form.criteria),
        reply_minutes={what: minutes for what, minutes in replies.items() if minutes},
        silence_minutes=form.silence,
        default_marking=form.default_marking,
        widening=frozenset(form.widening),
        attribution=form.attribution,
    )


def typed_terms(terms: Terms, text: str | None) -> dict[str, Any]:
    """Give what the form begins with: the next version starts from the one in force."""
    typed: dict[str, Any] = {
        topic.value.replace("-", "_"): terms.rule_of(topic).by.value for topic in RULED
    }
    typed |= {what.value: str(minutes) for what, minutes in terms.reply_minutes.items()}
    typed |= {
        f"deputy_{place}": one.organisation
        for place, one in enumerate(terms.deputies[:DEPUTIES], start=1)
    }
    alone = terms.delegations.get(Topic.START)
    return typed | {
        "text": text or "",
        "quorum": str(max((rule.quorum for rule in terms.rules.values()), default=0)),
        "alone_up_to": alone.value if alone else "",
        "endorsements": str(
            max((one.endorsements for one in terms.deputies), default=LEAST_ENDORSEMENTS)
        ),
        "silence": str(terms.silence_minutes or ""),
        "criteria": [one.value for one in terms.judged_by.counting],
        "default_marking": terms.default_marking.value if terms.default_marking else "",
        "widening": [one.value for one in terms.widening],
        "attribution": terms.attribution.value if terms.attribution else "",
    }
