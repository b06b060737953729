"""What people see: each one's page in a browser of its own, and a picture of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.demo.errors import StoryError
from hub.demo.people import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WAIT_MILLISECONDS: Final = 20_000
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
_SIZE: Final = {"width": 1280, "height": 1600}


@dataclass(frozen=True)
class Sight:
    """What one person saw of a channel.

    Args:
        entries: of each entry, newest first, its sentence, its number and its hash.
        picture: the file of the screenshot.
    """

    entries: tuple[str, ...]
    head: str
    picture: Path


def missing_browser() -> str | None:
    """Say what is missing for a browser to be used; `None` where nothing is."""
    try:
        import playwright.sync_api  # noqa: F401, PLC0415 - the demo goes on without
    except ImportError:
        return "the Python package playwright is not installed (`make setup` installs it)"
    if _chromium() is None:
        return "chromium is not installed (Debian package `chromium`)"
    return None


def look_at_channel(people: Sequence[Person], channel: str, folder: Path) -> Mapping[str, Sight]:
    """Let each person sign in and open the channel's page; give name → what was seen.

    Raises:
        StoryError: a page did not come, or the browser complained.
    """
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - checked before

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=_chromium(), args=list(_ARGUMENTS), headless=True
            )
            sights = {person.name: _look(browser, person, channel, folder) for person in people}
            browser.close()
    except Error as error:
        raise StoryError(f"the browser: {error.message.splitlines()[0]}") from error
    return sights


def _look(browser: Browser, person: Person, channel: str, folder: Path) -> Sight:
    complaints: list[str] = []
    context = browser.new_context(base_url=person.node.base_url, viewport=_SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MILLISECONDS)
    context.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Name").fill(person.login)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"^(?!.*/sign-in)"))
    page.goto(f"/channels/{channel}")
    picture = folder / f"{person.node.folder.name}.png"
    page.screenshot(path=picture, full_page=True)
    entries: list[str] = []
    while True:
        rows = page.locator("ol.history > li")
        rows.first.wait_for()
        for row in rows.all():
            sentence = row.locator(".sentence").inner_text()
            place = row.locator(".meta a[title]").get_attribute("title") or ""
            entries.append(f"{place}: {sentence}")
        older = page.get_by_role("link", name="Older entries")
        if older.count() == 0:
            break
        page.goto(older.get_attribute("href") or "")
    head = page.locator("#proof code").first.inner_text()
    context.close()
    if complaints:
        raise StoryError(f"{person.name}: the page complains: {complaints[0]}")
    return Sight(tuple(entries), head, picture)


def _chromium() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
