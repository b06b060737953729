"""What is put to the vote: voted on, decided, taken back. In a case and in a community alike."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from federation.ledgers.channels import Written
from hub.api.case_models import BallotIn, OutcomeIn, WithdrawalIn
from hub.api.channel_models import WrittenOut
from hub.api.frame import Call, Resource
from hub.cases import deciding
from policies.acts import Act


def add_votes(
    resource: Resource,
    one: str,
    write: Callable[..., WrittenOut],
    take: Callable[..., Written],
    *,
    taken: str,
) -> None:
    """Add the routes that answer and end what was put to the vote.

    Args:
        one: what such a channel is called; the routes are named after it.
        write: runs a use-case in a channel: call, channel, act, use-case, what it is given.
        take: says what the votes have come to.
        taken: tells in a sentence what that brings about.
    """

    def vote(call: Call, channel: str, decision: str, body: BallotIn) -> WrittenOut:
        """Vote for our organisation; the newest vote before the taking counts."""
        said = {"option": body.option, "dissent": body.dissent}
        return write(call, channel, Act.DECISION_VOTED, deciding.vote, decision, **said)

    def outcome(call: Call, channel: str, decision: str, body: OutcomeIn) -> WrittenOut:
        return write(call, channel, Act.DECISION_TAKEN, take, decision, outcome=body.outcome)

    def withdrawal(call: Call, channel: str, decision: str, body: WithdrawalIn) -> WrittenOut:
        """Take a question back, or say that too few have voted."""
        act = Act.DECISION_LAPSED if body.lapsed else Act.DECISION_WITHDRAWN
        said = {"reason": body.reason, "lapsed": body.lapsed}
        return write(call, channel, act, deciding.withdraw, decision, **said)

    outcome.__doc__ = taken
    routes: tuple[tuple[Any, str, type[Any], str], ...] = (
        (vote, "votes", BallotIn, "decision.voted"),
        (outcome, "outcome", OutcomeIn, "decision.taken"),
        (withdrawal, "withdrawal", WithdrawalIn, "decision.withdrawn"),
    )
    for handler, last, takes, action in routes:
        handler.__name__ = f"post_{one}_{handler.__name__}"
        resource.writes(
            "POST",
            f"/<channel>/decisions/<decision>/{last}",
            takes=takes,
            gives=WrittenOut,
            status=HTTPStatus.CREATED,
            action=action,
        )(handler)
