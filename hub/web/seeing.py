"""Who will see this, on a page: one line that is always there, and the whole list behind it.

A view hands its template one `Seeing`; each form that shares says `who_sees(seeing, act, …)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from federation.identity.node import find_node
from hub.accounts.actor import Actor
from hub.channels.preview import Outlook, Sight, direct_outlook, visible_outlook
from hub.web.forms import Filled
from policies.acts import Act
from policies.tlp import TLP


@dataclass(frozen=True)
class Shown:
    """What a form shows of who will see it.

    Args:
        is_exact: the form was played through; else it goes by the label alone.
        refusal: why it would be refused as it is filled in.
    """

    sights: Sequence[Sight]
    is_exact: bool = False
    refusal: str | None = None


class Seeing:
    """A look at one channel, from which each form of a page says who will see it."""

    def __init__(self, outlook: Outlook | None) -> None:
        """Keep the look; there is none where a form has not said yet whom it tells."""
        self.outlook = outlook

    def shown(
        self,
        act: str,
        filled: Filled[Any] | None = None,
        label: TLP | None = None,
        *,
        later: bool | None = None,
    ) -> Shown:
        """Tell what a form shows: what came of playing it through, else what its label comes to.

        Args:
            act: what the form does, as it begins.
            label: that the form begins with.
            later: what the form says of later members where nothing is marked; none where it
                leaves that to the act.
        """
        rehearsed = filled.rehearsed if filled is not None else None
        if rehearsed is not None and rehearsed.is_whole:
            return Shown(rehearsed.sights, is_exact=True)
        refusal = rehearsed.refusal if rehearsed is not None else None
        if self.outlook is None:
            return Shown((), refusal=refusal)
        if filled is not None and filled.values.get("tlp") in set(TLP):
            label = TLP(filled.values["tlp"])
        if later is not None and filled is not None and filled.values.get("later"):
            later = True
        sight = self.outlook.by_label(Act(act), label, later_members=later)
        return Shown((sight,), is_exact=rehearsed is not None, refusal=refusal)


def seeing_of(session: Session, actor: Actor, channel: str, *, us: str) -> Seeing | None:
    """Look at a channel for the forms of its page."""
    outlook = visible_outlook(session, actor, channel, us=us)
    return Seeing(outlook) if outlook is not None else None


def direct_to(session: Session, to: str, *, us: str) -> Seeing:
    """Look at our direct channel to another organisation, open or not."""
    return Seeing(direct_outlook(session, us=us, to=to))


def seeing_for(
    session: Session, filled: Filled[Any] | None, recipients: Sequence[tuple[str, str]]
) -> Seeing:
    """Look at the direct channel to whom a form names, or may name first."""
    node = find_node(session)
    to = str(filled.values.get("to") or "") if filled is not None else ""
    to = to or (recipients[0][0] if recipients else "")
    if node is None or not to:
        return Seeing(None)
    return direct_to(session, to, us=node.organisation)
