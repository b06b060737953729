"""Today: what waits for this person comes first, then the news."""

from __future__ import annotations

from flask import Response

from hub import clock
from hub.accounts.current import current_actor
from hub.web.frame import pages, show
from hub.web.waiting import look_at_today


@pages.get("/")
def get_today() -> Response:
    """Show what waits and what is new."""
    now = clock.utcnow()
    return show("today.html", "today", now=now, today=look_at_today(current_actor(), now=now))
