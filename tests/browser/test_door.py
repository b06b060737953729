from __future__ import annotations

from typing import Any

import pytest

from tests.browser.nodes import HubNode
from tests.browser.visitor import DESKTOP, PHONE


def test_a_person_signs_in_lands_on_today_and_signs_out(visit: Any, script: bool) -> None:
    one = visit(script=script).sign_in("jonas")
    one.see("Nothing waits for you.")
    assert one.page.title() == "Today · Tocsin"
    one.page.locator(".rail details.menu > summary").click()
    one.page.locator(".rail").get_by_role("button", name="Sign out").click()
    one.see("You are signed out.")
    one.goto("/")
    assert "/sign-in" in one.page.url


def test_a_wrong_password_is_refused_with_a_sentence_and_what_to_do(
    visit: Any, script: bool
) -> None:
    one = visit(script=script).sign_in("mara", "wrong and long enough")
    one.see("Name or password is wrong.")
    one.see("ask an administrator of your node")
    assert one.page.get_by_label("Name").input_value() == "mara"
    assert one.page.get_by_label("Password").input_value() == ""


def test_whoever_wanted_a_page_gets_it_after_the_door(visit: Any) -> None:
    one = visit()
    one.goto("/administration/audit?action=user.created")
    one.page.get_by_label("Name").fill("ada")
    one.page.get_by_label("Password").fill("four words in a row")
    one.press("Sign in")
    one.page.wait_for_url("**/administration/audit?action=user.created")


@pytest.mark.parametrize(
    "back", ["https://example.org/", "//example.org/", "/\\example.org", "\\\\example.org"]
)
def test_the_door_leads_nowhere_else(visit: Any, node: HubNode, back: str) -> None:
    one = visit().sign_in()
    one.page.goto("/sign-in?back=" + back.replace("\\", "%5C"))
    assert one.page.url.startswith(node.base_url)


def test_a_form_without_its_token_changes_nothing_and_says_so(visit: Any) -> None:
    one = visit().sign_in()
    one.goto("/account")
    one.page.evaluate(
        "document.querySelectorAll('input[name=csrf_token]').forEach(i => { i.value = 'stale' })"
    )
    one.page.get_by_role("button", name="Sign out everywhere").click()
    one.see("This page was open for too long. Nothing was changed")
    one.goto("/")
    one.see("Waits for you")


def test_the_appearance_is_chosen_without_script_and_kept(visit: Any) -> None:
    one = visit(script=False, dark=False).sign_in()
    light = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
    one.page.locator(".rail details.menu > summary").click()
    one.page.locator(".rail").get_by_role("button", name="Dark").click()
    assert one.page.locator("html").get_attribute("data-bs-theme") == "dark"
    dark = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    one.goto("/account")
    assert one.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_appearance_follows_the_device_unless_chosen(visit: Any) -> None:
    backgrounds = []
    for dark in (False, True):
        one = visit(script=False, dark=dark)
        one.goto("/sign-in")
        backgrounds.append(one.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds == ["rgb(245, 246, 247)", "rgb(15, 22, 28)"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_keyboard_skips_to_the_content(visit: Any, size: tuple[int, int]) -> None:
    one = visit(size=size).sign_in()
    one.see("Waits for you")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.className") == "skip"
    one.page.keyboard.press("Enter")
    assert one.page.evaluate("document.activeElement.id") == "main"


def test_an_address_that_is_nothing_says_so_and_leads_on(visit: Any, script: bool) -> None:
    one = visit(script=script).sign_in()
    one.goto("/nothing-here")
    one.see("Nothing here")
    one.page.get_by_role("link", name="Go to Today").click()
    one.see("Waits for you")


def test_an_ended_session_leads_to_the_door_instead_of_breaking_the_page(visit: Any) -> None:
    here, there = visit().sign_in("jonas"), visit().sign_in("jonas")
    there.goto("/account")
    there.press("Sign out everywhere")
    there.see("You are signed out everywhere.")
    here.page.evaluate("htmx.trigger('#live', 'htmx:abort')")
    here.page.evaluate(
        "htmx.ajax('GET', '/', {target: '#live', select: '#live', swap: 'outerHTML'})"
    )
    here.page.wait_for_url("**/sign-in**")
