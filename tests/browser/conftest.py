"""A browser for the whole session, nodes, and visitors whose complaints fail the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.nodes import HubNode
from tests.browser.visitor import Visitor

CHROMIUM: Final = Path("/usr/bin/chromium")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Visits: TypeAlias = Callable[..., Visitor]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything beside this file as a test of the browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    assert CHROMIUM.exists(), "chromium is missing (Debian package `chromium`)"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(ARGUMENTS), headless=True
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubNode]:
    """Give a node that the tests of one module share."""
    running = HubNode("National CERT", tmp_path_factory.mktemp("cert"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory, node: HubNode) -> Iterator[HubNode]:
    """Give a partner of that node; both do their work."""
    other = HubNode("Grid Operator", tmp_path_factory.mktemp("grid"))
    node.pair_with(other)
    node.start_worker()
    other.start_worker()
    yield other
    other.stop()


@pytest.fixture
def visit(browser: Browser, node: HubNode) -> Iterator[Visits]:
    """Give visitors: `visit()`, `visit(script=False)`, `visit(other_node, size=PHONE)`."""
    visitors: list[Visitor] = []

    def begin(where: HubNode | None = None, **options: Any) -> Visitor:
        visitor = Visitor(browser, where or node, **options)
        visitors.append(visitor)
        return visitor

    yield begin
    for visitor in visitors:
        visitor.close()


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def script(request: pytest.FixtureRequest) -> bool:
    """Run the test with JavaScript on, and with it off."""
    wanted: bool = request.param
    return wanted
