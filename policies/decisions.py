"""How organisations decide together: the rule of a topic, the votes, and what follows from them.

Source: lifecycles, 1 (rule 5) and 6; domain, 2 (*Assess and decide*).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

YES: Final = "yes"
NO: Final = "no"
NONE_OF_THEM: Final = "none"
"""The outcome where no option has what the rule asks for."""
ABSTAINED: Final = "abstained"
"""A vote for nothing: it counts for the quorum and for no option."""


class Topic(StrEnum):
    """What organisations decide on.

    Source: lifecycles, 6 (*Topics*).
    """

    START = "start-coordination"
    DECLINE = "decline"
    EMBARGO = "embargo"
    REMOVAL = "removal"
    PLAN = "plan"
    PUBLICATION = "publication"
    REVIEW = "review"
    WAIVE_REVIEW = "waive-review"
    CLOSE = "close"
    CHARTER = "charter"
    QUESTION = "question"
    """Any other: nothing follows from it by these tables."""


class By(StrEnum):
    """Who decides."""

    COORDINATOR = "coordinator"
    MAJORITY = "majority"
    UNANIMITY = "unanimity"


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """How one topic is decided.

    Args:
        by: the coordinator alone, more than half of the votes for an option, or all of them.
            Votes are counted among those who voted for an option; who abstains or is silent
            counts for none of them.
        quorum: how many must have voted or abstained; 0: nobody.
    """

    by: By = By.COORDINATOR
    quorum: int = 0

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> DecisionRule:
        """Read it as it stands in a body."""
        return cls(By(value["by"]), int(value.get("quorum", 0)))

    def __str__(self) -> str:
        """Write it as a kept state: `majority/5`."""
        return f"{self.by.value}/{self.quorum}" if self.quorum else self.by.value

    @classmethod
    def parse(cls, text: str) -> DecisionRule:
        """Read what `str` gave."""
        by, _, quorum = text.partition("/")
        return cls(By(by), int(quorum or 0))

    @property
    def words(self) -> str:
        """Say it to a person."""
        words = {
            By.COORDINATOR: "the coordinator alone",
            By.MAJORITY: "more than half of the votes",
            By.UNANIMITY: "all votes",
        }[self.by]
        return f"{words}, with at least {self.quorum} voting" if self.quorum else words


ALONE: Final = DecisionRule()


@dataclass(frozen=True, slots=True)
class Count:
    """What the votes come to.

    Args:
        outcome: an option, or `NONE_OF_THEM`.
        quorate: as many took part as the rule asks for.
        settled: no vote to come can change either.
        votes: option → how many voted for it; those who abstained and were silent apart.
        abstained: how many said that they vote for none.
        silent: how many have not voted.
    """

    outcome: str
    quorate: bool
    settled: bool
    votes: Mapping[str, int]
    abstained: int
    silent: int


def count(rule: DecisionRule, options: Sequence[str], votes: Mapping[str, str | None]) -> Count:
    """Count votes by a rule.

    Where the options are yes and no, what does not reach yes is no: things stay as they are.

    Args:
        options: what can be voted for, at least two.
        votes: voter → option, `ABSTAINED`, or `None` for who is silent.
    """
    cast = Counter(vote for vote in votes.values() if vote is not None and vote in options)
    abstained = sum(vote == ABSTAINED for vote in votes.values())
    silent = len(votes) - sum(cast.values()) - abstained
    result = _outcome(rule, options, cast, abstained)
    # Votes can still be changed, but only by those who have voted: what is settled is asked of
    # those who have not. The furthest that they can go is together, one way or the other.
    further = [
        _outcome(rule, options, cast + Counter({option: silent}), abstained) for option in options
    ]
    further.append(_outcome(rule, options, cast, abstained + silent))
    return Count(
        outcome=result[0],
        quorate=result[1],
        settled=all(one == result for one in further),
        votes={option: cast[option] for option in options},
        abstained=abstained,
        silent=silent,
    )


def _outcome(
    rule: DecisionRule, options: Sequence[str], cast: Mapping[str, int], abstained: int
) -> tuple[str, bool]:
    total = sum(cast.values())
    quorate = total + abstained >= rule.quorum
    reached = [option for option in options if _reaches(rule, cast.get(option, 0), total)]
    if quorate and reached:
        return reached[0], quorate
    return (NO if set(options) == {YES, NO} else NONE_OF_THEM), quorate


def _reaches(rule: DecisionRule, votes: int, total: int) -> bool:
    if votes == 0 or rule.by is By.COORDINATOR:
        return False
    return votes == total if rule.by is By.UNANIMITY else 2 * votes > total


def write_rules(rules: Mapping[str, DecisionRule]) -> str:
    """Write the rules of topics as a kept state: `close=majority/5 removal=unanimity`."""
    return " ".join(f"{topic}={rule}" for topic, rule in sorted(rules.items()))


def read_rules(text: str | None) -> dict[str, DecisionRule]:
    """Read what `write_rules` gave; none of nothing."""
    pairs = (item.split("=", 1) for item in (text or "").split())
    return {topic: DecisionRule.parse(rule) for topic, rule in pairs}
