"""What commands print: one line for a refusal, nothing that plays tricks on a terminal."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest

from federation.judging.doubt import Doubt, DoubtError
from hub.commands import frame
from policies.errors import ConflictError

TRICKS = "CERT\x1b[31m\u202e\x07"


def test_a_refusal_is_one_line_with_its_hint() -> None:
    error = ConflictError("it is\nso", hint="Do  this.")
    assert frame.reason_of(error) == "it is so (Do this.)"


def test_a_failure_of_the_protocol_is_named() -> None:
    error = DoubtError(Doubt.NOT_PERMITTED, "not open\x1b to its author")
    assert frame.reason_of(error) == "not_permitted: not open\ufffd to its author"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_name_from_elsewhere_moves_no_cursor(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    rows = [
        {"name": TRICKS, "roles": [TRICKS, "[bold]x"], "at": datetime(2026, 11, 20, tzinfo=UTC)}
    ]
    columns = {"name": "name", "roles": "roles", "at": "time"}
    frame.show_table(rows, columns, as_json=False, nothing="")
    shown = capsys.readouterr().out
    assert not [trick for trick in ("\x1b[31m", "\u202e", "\x07") if trick in shown]
    assert "[bold]x" in shown


def test_json_holds_nothing_that_acts_on_a_terminal_and_says_the_same() -> None:
    document = {"title": "a\x9b31mb\x7f\u202ec\x1b[0m\n\t", "more": ["שלום", 1, None]}
    text = frame.as_json_text(document)
    assert json.loads(text) == document
    assert frame.printable(text.replace("\n", "")) == text.replace("\n", "")
    assert "שלום" in text
