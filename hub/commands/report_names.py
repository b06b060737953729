"""How commands name reports."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.commands.names import SHOWN
from hub.reports.named import Called, Side, visible_called
from policies.errors import InvalidError, NotFoundError


def get_report_named(session: Session, actor: Actor, name: str, *sides: Side, us: str) -> Called:
    """Give the report with this reference, id, beginning of an id, or title.

    Args:
        sides: where it may stand.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    found = visible_called(session, actor, name, sides=sides, us=us)
    if not found:
        where = f"{' or '.join(sides)} " if len(sides) < len(Side) else ""
        raise NotFoundError(f"there is no {where}report “{name}”", hint="See: tocsin report list")
    if len(found) > 1:
        places = ", ".join(one.place for one in found[:SHOWN])
        raise InvalidError(
            f"“{name}” could be any of {len(found)} reports: {places}",
            hint="Name it by its reference, or by one of these.",
        )
    return found[0]
