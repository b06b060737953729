"""What a case's pages and `rebuild` ask the database does not grow with what they show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

from federation.ledgers import rebuild
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel
from federation.ledgers.replay import entries_of
from federation.witnesses.witnesses import keep_receipt
from hub.accounts import users
from hub.accounts.actor import Actor
from hub.apply import VIEWS
from hub.calls import calling
from hub.calls.queries import visible_calls
from hub.calls.records import CallAnswer, CalledMember
from hub.cases import queries
from hub.channels.history import Entry, visible_entries
from hub.web.waiting import count_waiting, look_at_today
from policies.acts import Act
from policies.roles import PersonRole
from sharing.db import db
from tests.kit.big_case import open_case, tell_alone, write_cases
from tests.kit.kept_ledger import continued, organisations
from tests.kit.nodes import CONSOLE, LocalNode, RunningNode, running

PASSWORD = "four words in a row"
TEXT = "Signed, and it phones home."


def statements(node: LocalNode, what: Callable[[], object]) -> int:
    """Count what is asked of the database meanwhile."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    with node.app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            what()
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def reader(node: RunningNode) -> Callable[[str], object]:
    """Give what asks for a page as a coordinator who has signed in."""
    with node.writing() as session:
        roles = [PersonRole.COORDINATOR]
        users.create_user(session, CONSOLE, "mara", roles=roles, password=PASSWORD, now=node.now())
    client = node.app.test_client()
    door = client.get("/sign-in").get_data(as_text=True)
    token = door.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    client.post("/sign-in", data={"name": "mara", "password": PASSWORD, "csrf_token": token})

    def ask(path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 200, path

    return ask


def grow(node: LocalNode, channel: str, first: int, count: int) -> None:
    """Have organisations join, each with a word in the open and one alone."""
    others = organisations(count, first)
    with node.writing() as session:
        desk = node.office.desk(session)
        ledger = continued(session, desk, channel, (), first)
        for one in others:
            ledger.join(one, "affected")
            ledger.contribute(one, Act.RESPONSE_REPORTED, {"state": "affected"})
            ledger.contribute(
                one, Act.ASSESSMENT_SUBMITTED, {"assessment": {"functional_impact": "minimal"}}
            )
    for one in others:
        tell_alone(node, channel, one, one.number)


def vouch(node: LocalNode, channel: str, count: int, first: int) -> None:
    """Have organisations say that they hold a channel as it is now."""
    with node.writing() as session:
        ledger = continued(session, node.office.desk(session), channel, (), 1)
        for one in organisations(count, first):
            keep_receipt(session, get_channel(session, channel), ledger.receipt(one), node.now())


def test_the_page_of_a_case_asks_no_more_for_many_organisations(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", TEXT)
        ask = reader(cert)
        grow(cert, case, 100, 2)
        ask(f"/cases/{case}")
        before = statements(cert, lambda: ask(f"/cases/{case}"))
        grow(cert, case, 110, 6)
        assert statements(cert, lambda: ask(f"/cases/{case}")) == before


def test_the_page_of_a_channel_asks_no_more_for_many_members(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", TEXT)
        ask = reader(cert)
        grow(cert, case, 100, 2)
        vouch(cert, case, 1, 100)
        ask(f"/channels/{case}")
        before = statements(cert, lambda: ask(f"/channels/{case}"))
        grow(cert, case, 110, 6)
        vouch(cert, case, 3, 110)
        assert statements(cert, lambda: ask(f"/channels/{case}")) == before


def test_histories_and_news_ask_no_more_for_many_entries(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", TEXT)
        ask = reader(cert)
        found: list[list[Entry]] = []

        def history() -> None:
            with cert.reading() as session:
                found.append(visible_entries(session, CONSOLE, case))

        def news() -> None:
            ask("/")

        grow(cert, case, 100, 1)
        news()
        before = statements(cert, history), statements(cert, news)
        grow(cert, case, 110, 3)
        assert (statements(cert, history), statements(cert, news)) == before
        assert [len(one) for one in found] == [6, 18]


def test_the_list_of_cases_asks_no_more_for_many_cases(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        ask = reader(cert)
        write_cases(cert, 1)
        ask("/cases")
        before = statements(cert, lambda: ask("/cases"))
        write_cases(cert, 4)
        assert statements(cert, lambda: ask("/cases")) == before


def test_the_mark_beside_today_reads_no_answer_to_an_overdue_warning(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", TEXT)
        grow(cert, case, 100, 4)
        issued = cert.does(_warn, case)
        with cert.writing() as session:
            others = organisations(3)
            ledger = continued(session, cert.office.desk(session), case, (), 7)
            ledger.numbers = {one.id: 3 for one in others}
            body = {"call": issued, "way": "node", "affected": "no"}
            for one in others:
                ledger.contribute(one, Act.WARNING_ACKNOWLEDGED, body)
        cert.now.advance(days=1)  # type: ignore[attr-defined]
        read: list[object] = []

        def note(target: object, _context: object) -> None:
            read.append(target)

        for view in (CallAnswer, CalledMember):
            event.listen(view, "load", note)
        try:
            with cert.app.test_request_context("/"):
                waiting = look_at_today(CONSOLE, now=cert.now()).waiting
                assert count_waiting(CONSOLE, now=cert.now()) == len(waiting)
            assert [one.title for one in waiting] == ["1 organisation of 4 has not answered"]
            assert read == []
            with cert.reading() as session:
                visible_calls(session, CONSOLE, case, us=cert.organisation, now=cert.now())
            assert len(read) == 4 + 3
        finally:
            for view in (CallAnswer, CalledMember):
                event.remove(view, "load", note)


def _warn(session: Session, desk: Desk, actor: Actor, case: str, *, now: datetime) -> str:
    return calling.warn(session, desk, actor, case, text="Pull the plug.", now=now).ref


def test_the_entries_of_a_ledger_are_fetched_together(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", TEXT)
        cert.note(case, "The first of all.")

        def made_again() -> None:
            with cert.writing() as session:
                rebuild.rebuild(session, cert.office.desk(session), case, VIEWS)

        before = statements(cert, made_again)
        for number in range(8):
            cert.note(case, f"Note {number}.")
        with cert.reading() as session:
            assert len(entries_of(session, get_channel(session, case).id)) == 11
        assert statements(cert, made_again) == before


def test_cases_are_given_page_by_page_each_once(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        channels = {open_case(cert, f"Wave {number}", TEXT) for number in range(5)}
        with cert.reading() as session:
            everything = queries.visible_cases(session, CONSOLE)
            found: list[str] = []
            after = None
            while page := queries.visible_cases(session, CONSOLE, after=after, limit=2):
                found += [one.channel for one in page]
                after = (page[-1].changed_at, page[-1].channel)
        assert found == [one.channel for one in everything]
        assert set(found) == channels
