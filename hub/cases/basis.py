"""By which charter a case goes: chosen when it is opened, and kept whatever is agreed later.

Source: lifecycles, 4 (`case.opened`) and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.ledgers.ledger import find_channel
from hub.accounts.actor import Actor
from hub.cases.queries import get_case_row, visible_case_words
from hub.community.queries import Community, get_visible_community, visible_under
from hub.community.terms import find_in_force
from policies.acts import Act
from policies.charter import Terms, carried_by_case, read_terms
from policies.errors import ConflictError, InvalidError

NONE_THERE: Final = "No community that we take part in has a charter in force."
_NAMED: Final = 5


@dataclass(frozen=True)
class Basis:
    """What a case goes by.

    Args:
        carried: what `case.opened` takes over from the charter.
        why_none: why it goes by none, in words.
    """

    carried: Mapping[str, Any] = field(default_factory=dict)
    why_none: str | None = None


def find_basis(
    session: Session, actor: Actor, *, community: str | None, no_charter: str | None
) -> Basis:
    """Give what a case goes by; under no charter it is excepted with the reason, never refused.

    Raises:
        NotFoundError: there is no such community.
        ConflictError: it has no charter in force.
        InvalidError: both are said, or several charters are in force and nobody chooses.
    """
    if no_charter and no_charter.strip():
        if community is not None:
            raise InvalidError(
                "a case goes by a charter, or by none: say one of the two", field="no_charter"
            )
        return Basis(why_none=no_charter.strip())
    if community is not None:
        return _under(session, get_visible_community(session, actor, community))
    known = visible_under(session, actor)
    if not known:
        return Basis(why_none=NONE_THERE)
    if len(known) > 1:
        names = ", ".join(one.name for one in known[:_NAMED])
        raise InvalidError(
            "several communities have a charter in force",
            field="community",
            hint=f"Choose one, or say why the case goes by none: {names}.",
        )
    return _under(session, known[0])


def _under(session: Session, community: Community) -> Basis:
    row = find_in_force(session, community.channel)
    if row is None:
        raise ConflictError(
            f"{community.name} has no charter in force",
            field="community",
            hint="Choose another, or say why the case goes by none.",
        )
    named = {"channel": community.channel, "charter": row.charter, "sha256": row.sha256}
    return Basis(carried={"charter": named, **carried_by_case(row.terms)})


@dataclass(frozen=True)
class ShownBasis:
    """By which charter a case goes, as its room says it.

    Args:
        community: channel and name, where we read that community.
        terms: what it took over; those hold, whatever was agreed since.
        why_none: why it goes by none, where it does.
        replaced: the community goes by another version now.
    """

    community: tuple[str, str] | None
    charter: str | None
    terms: Terms
    why_none: str | None
    replaced: bool = False


def visible_basis(session: Session, actor: Actor, channel: str) -> ShownBasis:
    """Give by which charter a case goes.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    row = get_case_row(session, actor, channel)
    named, terms = row.charter, read_terms(row.terms or {})
    if named is None:
        said = visible_case_words(session, actor, channel, act=Act.CASE_OPENED)
        return ShownBasis(None, None, terms, next((one.text for one in said), None))
    home = find_channel(session, named.get("channel", ""))
    if home is None or home.state is None:
        return ShownBasis(None, named["charter"], terms, None)
    binds = find_in_force(session, home.id)
    return ShownBasis(
        community=(home.id, home.name or "not read yet"),
        charter=named["charter"],
        terms=terms,
        why_none=None,
        replaced=binds is None or binds.charter != named["charter"],
    )
