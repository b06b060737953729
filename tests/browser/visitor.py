"""One person in front of one browser; what the browser complains about fails the test."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

from tests.browser.nodes import PASSWORD, HubNode

DESKTOP: Final = (1280, 800)
PHONE: Final = (360, 740)
_REFUSED_PAGE: Final = re.compile(r"the server responded with a status of 4\d\d")


class Visitor:
    """A browser context of its own, and what went wrong in it."""

    def __init__(
        self,
        browser: Browser,
        node: HubNode,
        *,
        script: bool = True,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        measuring: bool = False,
    ) -> None:
        self.node = node
        self.complaints: list[str] = []
        self.context = browser.new_context(
            base_url=node.base_url,
            java_script_enabled=script,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            bypass_csp=measuring,
            timezone_id="Europe/Vienna",
        )
        self.context.set_default_timeout(10_000)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("request", self._watch)
        self.context.on("dialog", self._close)
        self.page: Page = self.context.new_page()

    def sign_in(self, name: str = "mara", password: str = PASSWORD) -> Visitor:
        self.page.goto("/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self

    def goto(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def see(self, text: str) -> None:
        """Wait until a text stands on the page, or fail."""
        self.page.get_by_text(text).first.wait_for()

    def press(self, button: str) -> None:
        """Press a button; where it leads to another page, wait until that is there."""
        self.page.get_by_role("button", name=button).click()
        self.page.wait_for_load_state()

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        # A form that is refused answers 4xx; browsers mention that of the page itself.
        is_page = "/static/" not in message.location["url"]
        if is_page and _REFUSED_PAGE.search(message.text):
            return
        self.complaints.append(f"console: {message.text}")

    def _close(self, dialog: Dialog) -> None:
        # No page of ours opens one.
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _watch(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            self.complaints.append(f"request to {request.url}")
