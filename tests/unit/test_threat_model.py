"""The page of threats names tests that exist, for each of its attacks."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^- `(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`$", PAGE, re.MULTILINE)
WITHOUT_TESTS = {
    "What is protected, and from whom",
    "What an auditor finds",
    "What nobody stops",
}


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_the_page_names_exists(path: str, name: str) -> None:
    assert (ROOT / path).is_file(), path
    assert name in names_in(path), f"{path} has no {name}"


def test_each_attack_is_met_by_a_test_and_says_what_is_wanted() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0] for section in sections]
    assert set(titles) >= WITHOUT_TESTS
    for title, section in zip(titles, sections, strict=True):
        if title in WITHOUT_TESTS:
            continue
        assert "`tests/" in section, title
        assert re.search(r"^\*(Wants|Nobody wants)\*", section, re.MULTILINE), title
        assert re.search(r"^\*Stopped by\*", section, re.MULTILINE), title


def test_every_line_that_names_a_test_was_understood() -> None:
    assert PAGE.count("`tests/") == len(NAMED) > 60
