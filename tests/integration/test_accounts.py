"""People come in by the door, and only while they may; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from flask import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.accounts import sign_ins, tokens, users
from hub.accounts.actor import Actor, TokenScope, Via
from hub.accounts.current import begin_sign_in, current_actor, end_sign_in
from hub.accounts.records import ApiToken, SignIn, Throttle, User
from policies.errors import (
    ConflictError,
    CoordinationError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooManyError,
    UnverifiedError,
)
from policies.roles import PersonRole
from tests.integration.hubs import CONSOLE, PASSWORD, Hub, hub, running_hub, sqlite_hub

__all__ = ["hub", "sqlite_hub"]


T = TypeVar("T")


class Browser:
    """Somebody's browser: keeps cookies, and goes to a door that a test opened."""

    def __init__(self, hub: Hub, address: str = "192.0.2.1") -> None:
        self.hub = hub
        self.client = hub.app.test_client()
        self.address = address

    def sign_in(self, name: str, password: str = PASSWORD) -> Actor:
        return self._do(lambda: begin_sign_in(name, password))

    def who(self) -> Actor:
        return self._do(current_actor)

    def sign_out(self) -> None:
        self._do(end_sign_in)

    @property
    def secret(self) -> str | None:
        cookie = self.client.get_cookie(f"tocsin_{self.hub.settings.cookie_suffix}")
        return None if cookie is None else cookie.value

    def _do(self, act: Callable[[], T]) -> T:
        """Run something as a request of this browser, with the cookies that come of it."""
        headers = {"Cookie": f"tocsin_{self.hub.settings.cookie_suffix}={self.secret or ''}"}
        with self.hub.app.test_request_context(
            "/", headers=headers, environ_base={"REMOTE_ADDR": self.address}
        ):
            try:
                return act()
            finally:
                response = self.hub.app.process_response(Response())
                for line in response.headers.getlist("Set-Cookie"):
                    name, _, rest = line.partition("=")
                    if not name.endswith("_form"):
                        self.client.set_cookie(name, rest.partition(";")[0])
                        assert "HttpOnly" in line or "Max-Age=0" in line or "1970" in line


def test_somebody_signs_in_and_out(hub: Hub) -> None:
    user_id, _ = hub.add_user("Ada", PersonRole.HANDLER, PersonRole.LIAISON)
    browser = Browser(hub)
    with pytest.raises(UnverifiedError, match="sign in first"):
        browser.who()
    browser.sign_in(" ada ")
    actor = browser.who()
    assert (actor.user_id, actor.name, actor.via) == (user_id, "Ada", Via.SESSION)
    assert actor.roles == {PersonRole.HANDLER, PersonRole.LIAISON}
    assert actor.address == "192.0.2.1"
    secret = browser.secret
    browser.sign_out()
    with pytest.raises(UnverifiedError):
        browser.who()
    browser.client.set_cookie(f"tocsin_{hub.settings.cookie_suffix}", secret or "")
    with pytest.raises(UnverifiedError, match="ended"):
        browser.who()


def test_only_the_hash_of_a_session_is_kept(sqlite_hub: Hub) -> None:
    sqlite_hub.add_user("ada")
    browser = Browser(sqlite_hub)
    browser.sign_in("ada")
    with sqlite_hub.reading() as session:
        (row,) = session.scalars(select(SignIn)).all()
        assert browser.secret is not None
        assert row.secret_hash == sign_ins.hash_of(browser.secret)
        assert browser.secret not in repr(vars(row))


def test_signing_in_again_takes_a_new_secret_and_ends_the_old_one(hub: Hub) -> None:
    hub.add_user("ada")
    browser = Browser(hub)
    browser.sign_in("ada")
    first = browser.secret
    browser.sign_in("ada")
    assert browser.secret != first
    stranger = Browser(hub)
    stranger.client.set_cookie(f"tocsin_{hub.settings.cookie_suffix}", first or "")
    with pytest.raises(UnverifiedError):
        stranger.who()


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong horse battery"), ("bob", PASSWORD), ("", ""), ("ada", "")]
)
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    name: str, password: str, sqlite_hub: Hub
) -> None:
    sqlite_hub.add_user("ada")
    with pytest.raises(UnverifiedError) as caught:
        Browser(sqlite_hub).sign_in(name, password)
    assert caught.value.message == "name or password is wrong"


@pytest.mark.parametrize("name", ["a\0da", "\udcff", "ada" * 5000])
def test_a_name_that_no_database_takes_is_nobodys(name: str, hub: Hub) -> None:
    with pytest.raises(UnverifiedError, match="wrong"):
        Browser(hub).sign_in(name)


def test_a_session_ends_when_it_is_not_used(hub: Hub) -> None:
    hub.add_user("ada")
    browser = Browser(hub)
    browser.sign_in("ada")
    hub.advance(hours=7, minutes=59)
    browser.who()
    hub.advance(hours=7, minutes=59)
    browser.who()
    hub.advance(hours=8)
    with pytest.raises(UnverifiedError):
        browser.who()


def test_a_session_ends_even_when_it_is_used(hub: Hub) -> None:
    hub.add_user("ada")
    browser = Browser(hub)
    browser.sign_in("ada")
    for _ in range(27):
        hub.advance(hours=6)
        browser.who()
    hub.advance(hours=6)
    with pytest.raises(UnverifiedError):
        browser.who()


def test_guessing_at_an_account_is_slowed_down_for_names_that_exist_and_for_others(
    sqlite_hub: Hub,
) -> None:
    hub = sqlite_hub
    hub.add_user("ada")
    for name in ("ada", "nobody"):
        seconds: list[int | None] = []
        for number in range(7):
            with pytest.raises(CoordinationError) as caught:
                Browser(hub, f"198.51.100.{number}").sign_in(name, "a wrong password")
            error = caught.value
            seconds.append(error.retry_after_seconds if isinstance(error, TooManyError) else None)
        assert seconds == [None] * 5 + [1, 1]
    hub.advance(seconds=1)
    with pytest.raises(UnverifiedError):
        Browser(hub, "198.51.100.1").sign_in("ada", "a wrong password")
    with pytest.raises(TooManyError) as again:
        Browser(hub, "198.51.100.1").sign_in("ada", PASSWORD)
    assert again.value.retry_after_seconds == 2


def test_whoever_was_in_from_here_before_is_not_shut_out_by_a_stranger(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    hub.add_user("ada")
    Browser(hub, "192.0.2.1").sign_in("ada")
    for number in range(8):
        with pytest.raises(CoordinationError):
            Browser(hub, f"198.51.100.{number}").sign_in("ada", "a wrong password")
    with pytest.raises(TooManyError):
        Browser(hub, "198.51.100.99").sign_in("ada")
    Browser(hub, "192.0.2.1").sign_in("ada")


def test_one_address_does_not_guess_at_many_accounts(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    with hub.writing() as session:
        for number in range(20):
            sign_ins.begin(session, f"somebody{number}", address="192.0.2.9", now=hub.now)
    with pytest.raises(TooManyError):
        Browser(hub, "192.0.2.9").sign_in("ada")
    with pytest.raises(UnverifiedError):
        Browser(hub, "192.0.2.10").sign_in("ada")


def test_an_own_account_does_not_buy_more_guesses(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    hub.add_user("mallory")
    with hub.writing() as session:
        for number in range(19):
            sign_ins.begin(session, f"somebody{number}", address="192.0.2.9", now=hub.now)
    Browser(hub, "192.0.2.9").sign_in("mallory")
    with pytest.raises(UnverifiedError):
        Browser(hub, "192.0.2.9").sign_in("ada", "a wrong password")
    with pytest.raises(TooManyError):
        Browser(hub, "192.0.2.9").sign_in("ada", "a wrong password")


def test_tries_at_the_same_time_are_counted_each(hub: Hub) -> None:
    for number in range(5):
        with hub.writing() as session:
            sign_ins.begin(session, "ada", address=f"192.0.2.{number}", now=hub.now)
    with pytest.raises(TooManyError), hub.writing() as session:
        sign_ins.begin(session, "ada", address="192.0.2.77", now=hub.now)


def test_a_disabled_person_is_out_at_once(hub: Hub) -> None:
    hub.add_user("root", PersonRole.ADMINISTRATOR)
    user_id, _ = hub.add_user("ada")
    browser = Browser(hub)
    browser.sign_in("ada")
    header = hub.token(user_id, TokenScope.READ)
    with hub.writing() as session:
        users.disable_user(session, CONSOLE, user_id, now=hub.now)
    with pytest.raises(UnverifiedError):
        browser.who()
    with pytest.raises(UnverifiedError):
        browser.sign_in("ada")
    assert hub.client().get("/api/v1/me", headers=header).status_code == 401
    with hub.writing() as session:
        users.enable_user(session, CONSOLE, user_id, now=hub.now)
    browser.sign_in("ada")
    assert hub.client().get("/api/v1/me", headers=header).status_code == 200


def test_a_new_password_ends_all_other_sessions(hub: Hub) -> None:
    hub.add_user("ada")
    here, there = Browser(hub), Browser(hub)
    actor = here.sign_in("ada")
    there.sign_in("ada")
    with hub.writing() as session:
        users.change_own_password(
            session, actor, present=PASSWORD, new="another horse battery", now=hub.now
        )
    here.who()
    with pytest.raises(UnverifiedError):
        there.who()
    with pytest.raises(UnverifiedError):
        there.sign_in("ada", PASSWORD)
    there.sign_in("ada", "another horse battery")


def test_a_password_is_changed_by_who_knows_it(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada")
    actor = hub.actor(user_id)
    for present, new, kind in (
        ("wrong password", "another horse battery", ForbiddenError),
        (PASSWORD, PASSWORD, InvalidError),
        (PASSWORD, "short", InvalidError),
    ):
        with pytest.raises(kind), hub.writing() as session:
            users.change_own_password(session, actor, present=present, new=new, now=hub.now)
    with pytest.raises(ForbiddenError), hub.writing() as session:
        users.change_own_password(
            session, CONSOLE, present=PASSWORD, new="another horse battery", now=hub.now
        )


def test_a_password_that_was_made_up_is_to_be_changed(sqlite_hub: Hub) -> None:
    _, made_up = sqlite_hub.add_user("ada", password=None)
    assert Browser(sqlite_hub).sign_in("ada", made_up).must_change_password


def test_signing_out_everywhere_ends_every_session(hub: Hub) -> None:
    user_id, _ = hub.add_user("ada")
    other_id, _ = hub.add_user("bob")
    browsers = [Browser(hub) for _ in range(3)]
    actors = [browser.sign_in("ada") for browser in browsers]
    with hub.reading() as session:
        assert len(sign_ins.visible_sign_ins(session, actors[0], now=hub.now)) == 3
    with pytest.raises(ForbiddenError), hub.writing() as session:
        sign_ins.end_everywhere(session, hub.actor(other_id), user_id, now=hub.now)
    with hub.writing() as session:
        assert sign_ins.end_everywhere(session, actors[0], user_id, now=hub.now) == 3
        assert sign_ins.end_everywhere(session, actors[0], user_id, now=hub.now) == 0
    for browser in browsers:
        with pytest.raises(UnverifiedError):
            browser.who()


def test_nobody_ends_the_session_of_somebody_else(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    hub.add_user("ada")
    other_id, _ = hub.add_user("bob")
    actor = Browser(hub).sign_in("ada")
    with pytest.raises(NotFoundError), hub.writing() as session:
        sign_ins.end(session, hub.actor(other_id), actor.sign_in_id or "", now=hub.now)
    for _ in range(2):
        with hub.writing() as session:
            sign_ins.end(session, actor, actor.sign_in_id or "", now=hub.now)


@pytest.mark.parametrize("name", ["ada", "ADA", "\uff21da", " ada "])
def test_nobody_is_called_as_somebody_else_is(name: str, sqlite_hub: Hub) -> None:
    sqlite_hub.add_user("Ada")
    with pytest.raises(ConflictError, match="already"):
        sqlite_hub.add_user(name)


@pytest.mark.parametrize("name", ["", " ", "a b", "a\nb", "-a", "a" * 101, "a\u202eb", "<script>"])
def test_a_name_that_can_not_be_read_aloud_is_refused(name: str, sqlite_hub: Hub) -> None:
    with pytest.raises(InvalidError, match="a name has") as caught:
        sqlite_hub.add_user(name)
    assert caught.value.field == "name"


def test_a_person_has_a_role(sqlite_hub: Hub) -> None:
    with pytest.raises(InvalidError, match="at least one role"), sqlite_hub.writing() as session:
        users.create_user(session, CONSOLE, "ada", roles=(), password=PASSWORD, now=sqlite_hub.now)


ADMINISTRATION: list[Callable[[Session, Actor, datetime], object]] = [
    lambda session, actor, now: users.create_user(
        session, actor, "x", roles=[PersonRole.HANDLER], password=None, now=now
    ),
    lambda session, actor, now: users.set_roles(
        session, actor, actor.user_id, [PersonRole.ADMINISTRATOR], now=now
    ),
    lambda session, actor, now: users.disable_user(session, actor, actor.user_id, now=now),
    lambda session, actor, now: users.enable_user(session, actor, actor.user_id, now=now),
    lambda session, actor, now: users.set_password(session, actor, actor.user_id, None, now=now),
]


@pytest.mark.parametrize("act", ADMINISTRATION)
@pytest.mark.parametrize(
    "role", [role for role in PersonRole if role is not PersonRole.ADMINISTRATOR]
)
def test_only_who_manages_accounts_does(
    act: Callable[[Session, Actor, datetime], object], role: PersonRole, sqlite_hub: Hub
) -> None:
    hub = sqlite_hub
    actor = hub.actor(hub.add_user("ada", role)[0])
    with pytest.raises(ForbiddenError), hub.writing() as session:
        act(session, actor, hub.now)


def test_an_auditor_sees_all_accounts_and_others_their_own(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    handler = hub.actor(hub.add_user("ada")[0])
    auditor = hub.actor(hub.add_user("aud", PersonRole.AUDITOR)[0])
    with hub.reading() as session:
        assert len(users.visible_users(session, auditor)) == 2
        assert users.get_visible_user(session, handler, handler.user_id).name == "ada"
        with pytest.raises(ForbiddenError):
            users.visible_users(session, handler)
        with pytest.raises(NotFoundError):
            users.get_visible_user(session, handler, auditor.user_id)


def test_there_is_always_an_administrator(hub: Hub) -> None:
    first_id, _ = hub.add_user("ada", PersonRole.ADMINISTRATOR)
    second_id, _ = hub.add_user("bob", PersonRole.ADMINISTRATOR)
    first = hub.actor(first_id)
    with pytest.raises(ConflictError, match="own account"), hub.writing() as session:
        users.disable_user(session, first, first_id, now=hub.now)
    with hub.writing() as session:
        users.disable_user(session, first, second_id, now=hub.now)
    with pytest.raises(ConflictError, match="last administrator"), hub.writing() as session:
        users.disable_user(session, CONSOLE, first_id, now=hub.now)
    with pytest.raises(ConflictError, match="last administrator"), hub.writing() as session:
        users.set_roles(session, first, first_id, [PersonRole.HANDLER], now=hub.now)


def test_roles_are_set_as_a_whole(hub: Hub) -> None:
    user_id, _ = hub.add_user("ada", PersonRole.HANDLER, PersonRole.LIAISON)
    wanted = [PersonRole.COORDINATOR, PersonRole.LIAISON]
    for _ in range(2):
        with hub.writing() as session:
            users.set_roles(session, CONSOLE, user_id, wanted, now=hub.now)
        with hub.reading() as session:
            assert users.get_user(session, user_id).roles == set(wanted)


def test_two_who_change_one_account_do_not_overwrite_each_other(hub: Hub) -> None:
    user_id, _ = hub.add_user("ada")
    with hub.reading() as session:
        stale = users.get_user(session, user_id)
        session.expunge_all()
    with hub.writing() as session:
        users.set_password(session, CONSOLE, user_id, None, now=hub.now)
    stale.name = "somebody else"
    with pytest.raises(ConflictError, match="meantime"), hub.writing() as session:
        session.add(stale)


def test_a_token_opens_what_its_scope_and_its_owner_may(hub: Hub) -> None:
    user_id, _ = hub.add_user("ada")
    header = hub.token(user_id, TokenScope.READ)
    document = hub.client().get("/api/v1/me", headers=header).get_json()
    assert (document["id"], document["via"], document["scopes"]) == (user_id, "token", ["read"])
    with hub.reading() as session:
        (token,) = session.scalars(select(ApiToken)).all()
        assert header["Authorization"].removeprefix("Bearer ") not in repr(vars(token))
        assert token.last_used_at == hub.now
        assert token.last_used_address == "127.0.0.1"


def test_a_token_ends_by_time_and_by_hand(hub: Hub) -> None:
    user_id, _ = hub.add_user("ada")
    short = hub.token(user_id, TokenScope.READ, expires_at=hub.now + timedelta(hours=1))
    long = hub.token(user_id, TokenScope.READ, name="long")
    hub.advance(hours=1)
    assert hub.client().get("/api/v1/me", headers=short).status_code == 401
    assert hub.client().get("/api/v1/me", headers=long).status_code == 200
    actor = hub.actor(user_id)
    with hub.writing() as session:
        newest = tokens.visible_tokens(session, actor)[0]
        tokens.revoke_token(session, actor, newest.id, now=hub.now)
        tokens.revoke_token(session, actor, newest.id, now=hub.now)
    statuses = {
        hub.client().get("/api/v1/me", headers=header).status_code for header in (short, long)
    }
    assert 401 in statuses


def test_a_token_is_good_from_its_networks_alone(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada")
    header = hub.token(user_id, TokenScope.READ, networks=["192.0.2.0/24", "2001:db8::1"])
    for address, status in (
        ("192.0.2.200", 200),
        ("2001:db8::1", 200),
        ("2001:db8::2", 401),
        ("198.51.100.1", 401),
        ("", 401),
    ):
        base = {"REMOTE_ADDR": address}
        response = hub.client().get("/api/v1/me", headers=header, environ_base=base)
        assert response.status_code == status, address


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\tb"}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"networks": ["somewhere"]}, "networks"),
        ({"networks": [f"192.0.2.{number}" for number in range(21)]}, "networks"),
        ({"expires_in": timedelta(0)}, "expires_at"),
        ({"expires_in": timedelta(days=367)}, "expires_at"),
        ({"scopes": []}, "scopes"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(
    given: dict[str, object], field: str, sqlite_hub: Hub
) -> None:
    hub = sqlite_hub
    actor = hub.actor(hub.add_user("ada")[0])
    span = given.pop("expires_in", None)
    arguments = {"name": "x", "scopes": [TokenScope.READ], "now": hub.now, **given}
    if isinstance(span, timedelta):
        arguments["expires_at"] = hub.now + span
    with pytest.raises(InvalidError) as caught, hub.writing() as session:
        tokens.create_token(session, actor, **arguments)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_token_gives_no_more_than_it_has(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada")
    weak = Actor(
        user_id, "ada", frozenset({PersonRole.HANDLER}), Via.TOKEN, frozenset({TokenScope.WRITE})
    )
    with pytest.raises(InvalidError, match="lacks itself"), hub.writing() as session:
        tokens.create_token(session, weak, "x", scopes=[TokenScope.ADMIN], now=hub.now)


def test_two_live_tokens_of_one_person_have_two_names(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada")
    hub.token(user_id, name="script")
    with pytest.raises(ConflictError, match="script"):
        hub.token(user_id, name="script")
    hub.advance(days=91)
    hub.token(user_id, name="script")


def test_nobody_needs_more_than_fifty_tokens(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada")
    for number in range(50):
        hub.token(user_id, name=f"token {number}")
    with pytest.raises(ConflictError, match="50"):
        hub.token(user_id, name="one too many")


def test_what_nobody_asks_about_any_more_is_dropped(hub: Hub) -> None:
    hub.add_user("ada")
    Browser(hub).sign_in("ada")
    hub.advance(days=8)
    with hub.writing() as session:
        sign_ins.tidy(session, now=hub.now)
        assert session.scalar(select(func.count()).select_from(SignIn)) == 1
        assert session.scalar(select(func.count()).select_from(Throttle)) == 0
    hub.advance(days=30)
    with hub.writing() as session:
        sign_ins.tidy(session, now=hub.now)
        assert session.scalar(select(func.count()).select_from(SignIn)) == 0
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_behind_a_proxy_the_session_is_for_tls_alone(tmp_path: Path) -> None:
    with running_hub(tmp_path, f"sqlite:///{tmp_path}/t.db", trusted_proxies=["127.0.0.1"]) as hub:
        hub.add_user("ada")
        with hub.app.test_request_context("/", base_url="https://node.example"):
            begin_sign_in("ada", PASSWORD)
            response = hub.app.process_response(Response())
        (cookie,) = (line for line in response.headers.getlist("Set-Cookie") if "_form" not in line)
        assert cookie.startswith("__Host-tocsin_")
        for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert flag in cookie
        assert "Domain" not in cookie
        assert response.headers["Strict-Transport-Security"]
