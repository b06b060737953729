from __future__ import annotations

from typing import Any

from policies.roles import PersonRole
from tests.browser.nodes import HubNode


def test_a_person_is_added_with_a_password_that_is_shown_once_and_must_be_changed(
    visit: Any, script: bool
) -> None:
    name = f"nils-{script}"
    admin = visit(script=script).sign_in()
    admin.goto("/administration")
    admin.page.get_by_text("Add a person").click()
    admin.page.get_by_label("Name to sign in with").fill(name)
    admin.page.get_by_label("Incident handler").check()
    admin.press("Add the person")
    admin.see("Pass it on now: it is not shown again.")
    password = admin.page.locator("#secret").inner_text()
    admin.goto("/administration")
    assert admin.page.get_by_text(password).count() == 0

    person = visit(script=script).sign_in(name, password)
    person.see("Please choose a password of your own first.")
    person.goto("/partners")
    person.see("Please choose a password of your own first.")
    person.page.get_by_label("Present password").fill(password)
    person.page.get_by_label("New password").fill("another four words here")
    person.press("Change the password")
    person.see("Your password is changed.")


def test_a_field_that_does_not_fit_is_marked_and_keeps_what_was_typed(
    visit: Any, script: bool
) -> None:
    admin = visit(script=script).sign_in()
    admin.goto("/administration")
    admin.page.get_by_text("Add a person").click()
    admin.page.get_by_label("Name to sign in with").fill("has blanks")
    admin.page.get_by_label("Auditor").check()
    admin.press("Add the person")
    field = admin.page.get_by_label("Name to sign in with")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.input_value() == "has blanks"
    assert admin.page.get_by_label("Auditor").is_checked()
    admin.see("begins with a letter or digit")


def test_roles_are_changed_and_an_account_is_disabled_and_enabled(
    visit: Any, node: HubNode, script: bool
) -> None:
    name = f"petra-{script}"
    node.add_person(name, [PersonRole.LIAISON])
    admin = visit(script=script).sign_in()
    admin.goto("/administration")
    admin.page.get_by_role("link", name=name).click()
    admin.page.get_by_text("Change the roles").click()
    admin.page.get_by_label("Auditor").check()
    admin.press("Keep these roles")
    admin.see("The roles are changed.")
    admin.see("liaison, auditor")
    admin.page.get_by_text("Disable the account").click()
    admin.press(f"Disable {name}")
    admin.see("is shut out, as of now.")
    visit(script=script).sign_in(name).see("Name or password is wrong.")
    admin.press(f"Let {name} in again")
    admin.see("may sign in again.")


def test_the_last_administrator_stays_and_the_refusal_says_why(visit: Any) -> None:
    admin = visit().sign_in()
    admin.goto("/administration")
    admin.page.get_by_role("link", name="mara").click()
    admin.page.get_by_text("Change the roles").click()
    admin.page.get_by_label("Administrator").uncheck()
    admin.press("Keep these roles")
    admin.see("This is the last administrator.")
    admin.see("Make somebody else administrator first.")


def test_a_token_is_shown_once_works_and_is_revoked(
    visit: Any, node: HubNode, script: bool
) -> None:
    name = f"import-{script}"
    one = visit(script=script).sign_in("jonas")
    one.goto("/account")
    one.page.get_by_text("Make a token").first.click()
    one.page.get_by_label("What is it for?").fill(name)
    one.press("Make the token")
    one.see("Copy it now: it is not shown again.")
    secret = one.page.locator("#secret").inner_text()
    header = {"Authorization": f"Bearer {secret}"}
    answer = one.context.request.get("/api/v1/me", headers=header)
    assert answer.json()["name"] == "jonas"
    one.goto("/account")
    assert one.page.get_by_text(secret).count() == 0
    row = one.page.get_by_role("row", name=name)
    row.get_by_role("button", name="Revoke").click()
    one.see(f"The token “{name}” is revoked.")
    assert one.context.request.get("/api/v1/me", headers=header).status == 401


def test_the_log_is_filtered_by_the_address_and_reading_it_is_logged(
    visit: Any, script: bool
) -> None:
    one = visit(script=script).sign_in("ada")
    one.goto("/administration/audit")
    one.page.locator("summary", has_text="Filter").click()
    one.page.get_by_label("What", exact=False).first.fill("audit.read")
    one.press("Show")
    one.page.wait_for_url("**action=audit.read**")
    one.page.reload()
    actions = one.page.locator("table.sheet tbody td[data-name=What]").all_inner_texts()
    assert actions
    assert set(actions) == {"audit.read"}
    one.goto("/administration/audit?since=yesterday")
    one.see("Please give date and time in UTC")


def test_an_auditor_sees_and_is_offered_nothing_to_change(visit: Any) -> None:
    one = visit().sign_in("ada")
    one.goto("/administration")
    one.see("mara")
    assert one.page.get_by_text("Add a person").count() == 0
    one.page.get_by_role("link", name="jonas").click()
    assert one.page.get_by_text("Disable the account").count() == 0


def test_a_handler_is_told_that_administration_is_not_open_to_them(visit: Any) -> None:
    one = visit().sign_in("jonas")
    assert one.page.get_by_role("link", name="Administration").count() == 0
    one.goto("/administration")
    one.see("Not open to you")
    one.see("takes the role administrator")


def test_keys_are_shown_by_thumbprint(visit: Any, node: HubNode) -> None:
    one = visit().sign_in("ada")
    one.goto("/administration/keys")
    one.see("Signing")
    one.see("Transport")
    one.see(node.base_url)


def test_one_browser_signs_another_out(node: HubNode, visit: Any) -> None:
    # Nobody else's sessions are on this list.
    node.add_person("noor", [PersonRole.AUDITOR])
    there = visit(script=False).sign_in("noor")
    there.see("Waits for you")
    here = visit(script=False).sign_in("noor")
    here.see("Waits for you")
    here.goto("/account")
    here.page.get_by_role("button", name="Sign out", exact=True).last.click()
    here.see("That browser is signed out.")
    there.goto("/")
    assert "/sign-in" in there.page.url
    here.goto("/")
    here.see("Waits for you")
