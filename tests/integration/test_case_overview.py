"""The overview of a case shows the newest of what is long, and leads to the rest."""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient

from hub.accounts import users
from hub.cases import course, deciding
from hub.web.views.cases import DECIDED, NEWEST_SAID
from policies.decisions import DecisionRule, Topic
from policies.roles import PersonRole
from tests.kit.big_case import open_case
from tests.kit.nodes import CONSOLE, RunningNode, running

PASSWORD = "four words in a row"
MAJORITY = DecisionRule.read({"by": "majority"})


def browser(node: RunningNode) -> FlaskClient:
    with node.writing() as session:
        roles = [PersonRole.COORDINATOR]
        users.create_user(session, CONSOLE, "mara", roles=roles, password=PASSWORD, now=node.now())
    client = node.app.test_client()
    door = client.get("/sign-in").get_data(as_text=True)
    token = door.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    client.post("/sign-in", data={"name": "mara", "password": PASSWORD, "csrf_token": token})
    return client


def ask(node: RunningNode, case: str, number: int) -> str:
    asked: str = node.does(
        deciding.ask, case, topic=Topic.QUESTION, question=f"Question {number:02}?", rule=MAJORITY
    )
    return asked


def test_open_questions_stay_and_of_those_decided_the_newest(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", "Signed, and it phones home.")
        client = browser(cert)
        first = ask(cert, case, 0)
        for number in range(1, DECIDED + 1):
            cert.does(deciding.withdraw, case, ask(cert, case, number))
        page = client.get(f"/cases/{case}").get_data(as_text=True)
        shown = [number for number in range(DECIDED + 1) if f"Question {number:02}?</p>" in page]
        assert shown == list(range(DECIDED + 1))
        assert "All that was decided" not in page
        cert.does(deciding.withdraw, case, ask(cert, case, DECIDED + 1))
        page = client.get(f"/cases/{case}").get_data(as_text=True)
        section = page.split('id="decisions"', 1)[1].split("</section>", 1)[0]
        assert "Question 01?" not in section
        assert all(f"Question {number:02}?" in section for number in range(2, DECIDED + 2))
        assert f"/decisions/{first}/" in section
        assert "Question 00?" in section
        assert f"/cases/{case}?decisions=all#decisions" in section
        page = client.get(f"/cases/{case}?decisions=all").get_data(as_text=True)
        section = page.split('id="decisions"', 1)[1].split("</section>", 1)[0]
        assert all(f"Question {number:02}?" in section for number in range(DECIDED + 2))
        assert "All that was decided" not in section


def test_of_what_was_said_the_newest_is_shown_and_the_history_has_the_rest(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = open_case(cert, "A trojanised update", "Signed, and it phones home.")
        client = browser(cert)
        cert.does(deciding.decide, case, topic=Topic.START, rationale="It spreads.")
        for number in range(NEWEST_SAID):
            cert.does(course.review_control, case, under_control=False, reason=f"Word {number:02}.")
        page = client.get(f"/cases/{case}").get_data(as_text=True)
        section = page.split('id="said-title"', 1)[1].split("</section>", 1)[0]
        assert section.count("<li>") == NEWEST_SAID
        assert [section.index(f"Word {number:02}.") for number in range(NEWEST_SAID)] == sorted(
            (section.index(f"Word {number:02}.") for number in range(NEWEST_SAID)), reverse=True
        )
        assert f"/channels/{case}#history" in section
        history = client.get(f"/channels/{case}").get_data(as_text=True)
        assert "It spreads." in history
