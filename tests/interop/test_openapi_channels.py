"""Channels, partners and reports keep what the document promises, on a node with matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.interop.test_openapi import PROMISES
from tests.kit.api import Api
from tests.kit.console import strangers
from tests.kit.nodes import running, settle

OURS: Final = ("/partners", "/channels", "/invitations", "/contributions", "/calls")
EXAMPLES: Final = 15

Known = Callable[[str], Mapping[str, str]]
"""Path → what its parameters may mean here."""


def ask_all(api: Api, paths: tuple[str, ...], known: Known) -> int:
    """Ask every operation below these paths for whatever it takes; give how many there were."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", api.node.app)
    seen = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path.startswith(tuple(f"/api/v1{path}" for path in paths)):
            _ask(api, operation, known(operation.path))
            seen += 1
    return seen


def _ask(api: Api, operation: Any, known: Mapping[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), meant=st.booleans())
    def ask(case: schemathesis.Case[Any], *, meant: bool) -> None:
        if meant:
            parameters = case.path_parameters or {}
            case.path_parameters = {
                name: known.get(name, value) for name, value in parameters.items()
            }
        case.call_and_validate(headers=api.headers, checks=PROMISES)

    ask()


@pytest.mark.interop
@pytest.mark.timeout(300)
def test_every_answer_about_real_channels_is_promised(tmp_path: Path) -> None:
    with strangers(tmp_path, "CERT", "Grid") as (cert, grid):
        api = Api.of(cert)
        line = api.post("/partners/invitations", {})["line"]
        Api.of(grid).post("/partners/accept", {"line": line})
        channel = api.post("/channels", {"kind": "case", "name": "3CX", "tlp": "amber"})["id"]
        api.post(f"/channels/{channel}/notes", {"text": "Relay 7 isolated."})
        absent = {"channel": channel, "name": "Water Utility", "roles": ["affected"]}
        water = api.post("/relay/organisations", absent)["organisation"]
        joins = {"channel": channel, "organisation": water, "act": "member.joined"}
        api.post("/relay/statements", joins | {"way": "telephone"})
        warning = api.post(f"/calls/{channel}/warnings", {"text": "Stop the updater."})["ref"]
        known = {"channel": channel, "organisation": grid.organisation, "ref": warning}
        assert ask_all(api, OURS, lambda _: known) > 25


@pytest.mark.interop
@pytest.mark.timeout(300)
def test_every_answer_about_real_reports_is_promised(tmp_path: Path) -> None:
    said = {"kind": "event", "title": "Updater phones home", "text": "It loads a library."}
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        api = Api.of(cert)
        local = {"report": api.post("/reports", said)["id"]}
        theirs = Api.of(grid)
        report = theirs.post("/reports", said)["id"]
        theirs.post(f"/reports/{report}/submission", {"to": cert.organisation})
        settle(cert, grid)
        (found,) = api.get("/reports/incoming")["items"]
        travelled = {"channel": found["channel"], "report": found["report"]}
        count = ask_all(
            api, ("/reports",), lambda path: travelled if "/travelled/" in path else local
        )
        assert count > 15
