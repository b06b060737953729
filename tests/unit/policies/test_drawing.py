"""The docs that are drawn from the tables say what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.acts import Act
from policies.drawing import acts_page, diagram, lifecycles_page
from policies.lifecycles import TABLES, Table

DOCS = Path(__file__).resolve().parents[3] / "docs"
ALL_TABLES = [table for tables in TABLES.values() for table in tables.tables.values()]


def test_the_page_of_acts_is_current() -> None:
    assert (DOCS / "acts.md").read_text(encoding="utf-8") == acts_page(), "run docs/draw.py"


def test_the_page_of_life_cycles_is_current() -> None:
    page = (DOCS / "lifecycles.md").read_text(encoding="utf-8")
    assert page == lifecycles_page(), "run docs/draw.py"


@pytest.mark.parametrize("act", list(Act))
def test_each_act_is_in_both_pages(act: Act) -> None:
    assert f"### `{act}`" in acts_page()
    assert f"| `{act}`" in lifecycles_page()


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.thing)
def test_a_diagram_shows_every_state_and_every_act(table: Table) -> None:
    drawn = "\n".join(diagram(table))
    for state in table.states:
        assert state == "none" or state.replace(" ", "_") in drawn
    for act in table.acts:
        assert act in drawn
