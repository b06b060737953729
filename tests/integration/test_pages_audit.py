"""Who read a channel on its page is in the audit trail, and whoever only refreshed it is not."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from hub.accounts import users
from hub.audit.records import AuditRecord
from policies.roles import PersonRole
from tests.kit.nodes import CONSOLE, running

PASSWORD = "four words in a row"


def test_a_page_that_was_read_is_in_the_trail_once(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):
        case = cert.open()
        with cert.writing() as session:
            users.create_user(
                session,
                CONSOLE,
                "mara",
                roles=[PersonRole.COORDINATOR],
                password=PASSWORD,
                now=cert.now(),
            )
        client = cert.app.test_client()
        door = client.get("/sign-in").get_data(as_text=True)
        token = door.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
        client.post("/sign-in", data={"name": "mara", "password": PASSWORD, "csrf_token": token})
        assert client.get(f"/channels/{case}").status_code == 200
        client.get(f"/channels/{case}", headers={"HX-Request": "true"})
        with cert.reading() as session:
            rows = session.scalars(
                select(AuditRecord.subject).where(AuditRecord.action == "channel.read")
            ).all()
        assert rows == [case]
