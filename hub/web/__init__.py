"""The pages: rendered here, one form per act, post then redirect; no script is needed for any."""

from __future__ import annotations

from flask import Flask

from hub.web import frame
from hub.web.views import (
    account,
    administration,
    audience,
    calls,
    case_acts,
    case_intel,
    case_members,
    case_people,
    case_related,
    case_relay,
    case_timeline,
    cases,
    channels,
    communities,
    directory,
    door,
    files,
    members,
    own_keys,
    partners,
    publishing,
    quotas,
    relay,
    repair,
    report_acts,
    reports,
    today,
)

# Importing a module of views adds its routes.
VIEWS = (
    publishing,
    account,
    administration,
    audience,
    case_acts,
    case_people,
    case_intel,
    case_members,
    case_timeline,
    case_related,
    case_relay,
    cases,
    calls,
    channels,
    communities,
    directory,
    door,
    files,
    members,
    own_keys,
    partners,
    quotas,
    relay,
    repair,
    report_acts,
    reports,
    today,
)


def register(app: Flask) -> None:
    """Add the pages to the application."""
    frame.register(app)
