"""What one organisation tells the coordinator alone: whatever can be, in words drawn by chance too.

Source: domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    Span,
)
from policies.calls import DeclineReason, RequestResult
from policies.reports import Attribution, ReportKind

COORDINATOR, TELLER, THIRD, LATER = "CERT", "Grid", "Vendor", "Port"
SERVERS: Final = "computers-server"
SHARED_THING: Final = "45.77.12.9"
"""What the third member shares in the case, whatever the teller has told of it alone."""
REPORTS, NOTES, THINGS = 2, 2, 2
"""At most so many of each are told alone."""


@dataclass(frozen=True)
class Word:
    """What one organisation tells of itself at one time; what is left out it does not tell."""

    assessment: Assessment | None = None
    response: ResponseState | None = None
    text: str | None = None


@dataclass(frozen=True)
class Reported:
    """A report over the direct channel, for coordinators and handlers."""

    title: str
    text: str
    kind: ReportKind = ReportKind.INCIDENT
    attribution: Attribution = Attribution.NAMED
    help_wanted: bool = False
    added: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Answer:
    """What is answered to a request whose answers are for the asker alone."""

    result: RequestResult | None = None
    reason: DeclineReason | None = None
    text: str | None = None


@dataclass(frozen=True)
class Secrets:
    """Everything in which two worlds differ.

    Args:
        first: what the teller says of itself, before the first look of the coordinator.
        second: what it says after that.
        own_name: of an organisation without a node, which the members know by a number.
        phoned: what was told the coordinator by telephone, and is RED.
        near_miss_by: who tells of a near-miss that the coordinator publishes without its source.
    """

    first: Word = Word()
    second: Word = Word()
    reports: tuple[Reported, ...] = ()
    notes: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    answer: Answer | None = None
    own_name: str = "Lakeside Hospital"
    contact: str | None = None
    phoned: str = "Somebody called."
    near_miss_by: str = TELLER


ONE: Final = Secrets(
    first=Word(
        Assessment(
            danger=Danger.CONFIRMED,
            information_impact=InformationImpact.NONE,
            counts={SERVERS: Span(3, 40)},
        ),
        ResponseState.AFFECTED,
        "Turbine 4 has stopped.",
    ),
    second=Word(Assessment(danger=Danger.NONE), ResponseState.CONTAINED, "It runs again."),
    reports=(
        Reported(
            "Updater phones home",
            f"It speaks to {SHARED_THING} and evil-updates.com.",
            added="And somewhere else.",
        ),
        Reported("A second thing", "Somebody walked in.", withdrawn=True),
    ),
    notes=("Do not tell the vendor.", "Our lawyers ask us to wait."),
    things=(SHARED_THING, "evil-updates.com"),
    answer=Answer(RequestResult.FOUND, text="Version 18.12.407, on 12 machines."),
    contact="+49 30 1234",
)
OTHER: Final = Secrets(
    first=Word(
        Assessment(
            danger=Danger.NONE,
            information_impact=InformationImpact.CRITICAL_SYSTEMS,
            counts={SERVERS: Span(0, 9_000)},
        ),
        ResponseState.NOT_AFFECTED,
        "Nothing at all, and that in many more words than the other world has.",
    ),
    second=Word(Assessment(danger=Danger.CONFIRMED), ResponseState.AFFECTED, "It is back."),
    reports=(
        Reported(
            "Strange letter",
            "It names 45.77.13.10 and other-updates.com.",
            added="Nobody knows from whom.",
        ),
        Reported("Another letter", "It names nobody.", withdrawn=True),
    ),
    notes=("Tell whom you like.", "We have nothing to hide."),
    things=("45.77.13.10", "other-updates.com"),
    answer=ONE.answer,
    own_name="Valley Water Works",
    contact="+49 89 9876",
    phoned="Everything burns.",
)
"""The same is told as in `ONE`, and in other words."""


words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=300)
maybe_words = st.none() | words
spans = st.integers(0, 10**6).map(lambda number: Span(number // 3, number))
things = st.sampled_from((SHARED_THING, "45.77.13.10", "evil-updates.com"))


@st.composite
def first_words(draw: st.DrawFn) -> Word:
    """Give words about what all are told of, and anything besides."""
    assessment = Assessment(
        danger=draw(st.sampled_from(Danger)),
        counts={SERVERS: draw(spans)} | draw(st.dictionaries(st.just("individual"), spans)),
        functional_impact=draw(st.none() | st.sampled_from(FunctionalImpact)),
        information_impact=draw(st.none() | st.sampled_from(InformationImpact)),
        recoverability=draw(st.none() | st.sampled_from(Recoverability)),
        personal_data=draw(st.none() | st.sampled_from(PersonalData)),
        essential_service=draw(st.none() | st.booleans()),
        still_spreading=draw(st.none() | st.booleans()),
        confidence=draw(st.none() | st.integers(0, 100)),
    )
    return Word(assessment, draw(st.sampled_from(ResponseState)), draw(maybe_words))


second_words = st.builds(
    Word,
    st.none() | first_words().map(lambda word: word.assessment),
    st.none() | st.sampled_from(ResponseState),
    maybe_words,
)
reports = st.builds(
    Reported,
    words.map(lambda text: text[:200]),
    words,
    st.sampled_from(ReportKind),
    st.sampled_from(Attribution),
    st.booleans(),
    maybe_words,
    st.booleans(),
)
answers = st.builds(
    Answer, st.sampled_from((RequestResult.ANSWERED, RequestResult.FOUND)), st.none(), words
) | st.builds(Answer, st.none(), st.sampled_from(DeclineReason), maybe_words)
secrets = st.builds(
    Secrets,
    first=first_words(),
    second=second_words,
    reports=st.lists(reports, max_size=REPORTS).map(tuple),
    notes=st.lists(words, max_size=NOTES).map(tuple),
    things=st.lists(things, max_size=THINGS).map(tuple),
    answer=st.none() | answers,
    own_name=words.map(lambda text: text[:80]),
    contact=st.none() | words.map(lambda text: text[:80]),
    phoned=words,
    near_miss_by=st.sampled_from((LATER, TELLER)),
)
