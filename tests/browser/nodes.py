"""A whole node of ours behind a real server on loopback, for a browser to look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from federation.identity.keystore import KeyStore
from federation.identity.node import get_node, init_node
from federation.ledgers.ledger import find_channel
from federation.ledgers.ledger_records import Standing
from federation.work import worker
from hub import clock, own_keys, partnerships
from hub.accounts import users
from hub.accounts.actor import Actor, Via
from hub.app import create_app
from hub.calls import calling
from hub.cases import course, intel, timeline
from hub.channels import relay, service
from hub.channels.invitations import find_invited
from hub.channels.relay import Told
from hub.community import charters, directory
from hub.community.directory_statement import StatedConstituency, StatedPoint
from hub.office import current_office
from hub.reports import recording
from hub.reports.recording import Said
from hub.settings import load_settings
from policies.acts import Act, ChannelKind
from policies.directory import Duty, Hours, Way, WayKind
from policies.reports import ReportKind
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.db import db, reading, transaction
from tests.conftest import take_free_port
from tests.kit.tables import give_tables

PASSWORD: Final = "four words in a row"
PEOPLE: Final = {
    "mara": (PersonRole.ADMINISTRATOR, PersonRole.COORDINATOR),
    "jonas": (PersonRole.HANDLER,),
    "ada": (PersonRole.AUDITOR,),
}


class QuietHandler(WSGIRequestHandler):
    """Answers without writing a line for each request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        pass


class HubNode:
    """One organisation's node with three people, on an embedded database."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = take_free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.settings = load_settings(
            data=folder, log_level="ERROR", log_format="text", bind=f"127.0.0.1:{self.port}"
        )
        self.app = create_app(self.settings)
        with self.app.app_context():
            give_tables()
            store = KeyStore(
                self.settings.keys_folder, self.settings.key_passphrase.get_secret_value().encode()
            )
            with transaction() as session:
                self.recovery = init_node(
                    session,
                    store,
                    organisation=name,
                    base_url=self.base_url,
                    now=clock.utcnow(),
                )
        for person, roles in PEOPLE.items():
            self.add_person(person, roles)
        with self.app.app_context(), reading() as session:
            self.organisation = get_node(session).organisation
        self._worker: worker.Worker | None = None
        self.listen()

    def add_person(self, name: str, roles: Iterable[PersonRole]) -> None:
        with self.session() as session:
            users.create_user(
                session,
                Actor.at_the_console("tests"),
                name,
                roles=roles,
                password=PASSWORD,
                now=clock.utcnow(),
            )

    def listen(self) -> None:
        """Answer on the port, again after `fall_silent`."""
        self._server = make_server(
            "127.0.0.1", self.port, self.app, threaded=True, request_handler=QuietHandler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def fall_silent(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def start_worker(self) -> None:
        """Have what waits done, as a running node does."""
        self._worker = worker.start_in_thread(self.app)

    def go_down(self) -> None:
        """Answer nobody, and do nothing that waits."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
            self.fall_silent()

    def come_up(self) -> None:
        """Run again, after `go_down`."""
        if self._worker is None:
            self.listen()
            self.start_worker()

    def pair_with(self, other: HubNode) -> None:
        """Pair and confirm on both sides, as two administrators do."""
        actor = Actor.at_the_console("tests")
        with self.session() as session:
            invitation = partnerships.invite(session, actor, note=None, now=clock.utcnow())
        with other.app.app_context():
            exchanges = current_office().exchanges
            partnerships.accept(exchanges, actor, invitation.line, now=clock.utcnow())
        for one, its_partner in ((other, self), (self, other)):
            with one.app.app_context():
                partnerships.confirm(
                    current_office().exchanges,
                    actor,
                    its_partner.organisation,
                    compared=True,
                    now=clock.utcnow(),
                )

    def person(self, name: str = "mara") -> Actor:
        """Give somebody of this node as services know them."""
        with self.app.app_context(), reading() as session:
            user = users.get_user_by_name(session, name)
            return Actor(user.id, user.name, user.roles, Via.SESSION)

    def open_case(self, name: str, ceiling: TLP = TLP.AMBER) -> str:
        """Open a case that this node coordinates; give its channel."""
        with self.session() as session:
            return service.open_channel(
                session,
                current_office().desk(session),
                self.person(),
                kind=ChannelKind.CASE,
                name=name,
                ceiling=ceiling,
                now=clock.utcnow(),
            ).id

    def come_into(self, name: str) -> str:
        """Join a case of which nothing has come yet; give its channel."""
        channel = self.open_case(name)
        with self.session() as session:
            record = find_channel(session, channel)
            if record is not None:
                record.standing = Standing.JOINING
        return channel

    def open_room(self, title: str, *, exercise: bool = False) -> str:
        """Open a case with a room of its own; give its channel."""
        with self.session() as session:
            return course.open_case(
                session,
                current_office().desk(session),
                self.person(),
                title=title,
                text="A signed update loads a library that is not its own.",
                exercise=exercise,
                no_charter="It concerns nobody whose charter would cover it.",
                now=clock.utcnow(),
            )

    def open_community(self, name: str) -> str:
        """Open a community that this node coordinates; give its channel."""
        with self.session() as session:
            return service.open_channel(
                session,
                current_office().desk(session),
                self.person(),
                kind=ChannelKind.COMMUNITY,
                name=name,
                ceiling=TLP.AMBER,
                now=clock.utcnow(),
            ).id

    def agree(self, channel: str, text: str) -> str:
        """Propose a charter that nobody else has to accept, put it in force; give its id."""
        with self.session() as session:
            given = (session, current_office().desk(session), self.person(), channel)
            charter = charters.propose(*given, text=text, now=clock.utcnow())
            charters.put_in_force(*given, charter, now=clock.utcnow())
            return charter

    def share_intel(self, case: str, pasted: str) -> None:
        """Share what a text names to look for in a case."""
        with self.session() as session:
            desk, now = current_office().desk(session), clock.utcnow()
            intel.share(session, desk, self.person(), case, pasted=pasted, now=now)

    def add_event(self, case: str, text: str, when: str, until: str | None = None) -> None:
        """Put something that happened on the timeline of a case."""
        with self.session() as session:
            timeline.add_event(
                session,
                current_office().desk(session),
                self.person(),
                case,
                text=text,
                when=when,
                until=until,
                now=clock.utcnow(),
            )

    def invite(self, channel: str, other: HubNode, role: str = "affected") -> None:
        """Invite a partner into a case or a community of ours."""
        with self.session() as session:
            service.invite(
                session,
                current_office().desk(session),
                self.person(),
                channel,
                organisation=other.organisation,
                roles=[role],
                now=clock.utcnow(),
            )

    def take_in(self, channel: str, other: HubNode, role: str = "affected") -> None:
        """Invite another node into a channel of ours; it joins, and both have it."""
        self.invite(channel, other, role)
        for _ in range(200):
            with other.app.app_context(), reading() as session:
                if find_invited(session, channel):
                    break
            time.sleep(0.1)
        with other.session() as session:
            desk = current_office().desk(session)
            service.join(session, desk, other.person(), channel, now=clock.utcnow())
        for _ in range(200):
            with other.app.app_context(), reading() as session:
                record = find_channel(session, channel)
                if record is not None and record.standing is Standing.CURRENT:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{other.name} does not come in")

    def warn(self, channel: str, text: str) -> str:
        """Warn the members of a channel of ours; give what the warning is known by."""
        with self.session() as session:
            desk = current_office().desk(session)
            return calling.warn(
                session, desk, self.person(), channel, text=text, now=clock.utcnow()
            ).ref

    def say_how_to_reach_us(self, channel: str, name: str = "Control room") -> None:
        """State a contact point of ours that is always on duty, and one at office hours."""
        always = StatedPoint(
            name,
            (Way(WayKind.TELEPHONE, out_of_band=True), Way(WayKind.E_MAIL, out_of_band=False)),
            ("+43 1 234", "soc@cert.example"),
        )
        office = replace(
            always, name="Spokesperson", duty=Duty.PRESS, hours=Hours(frozenset({0}), 0, 1, 0)
        )
        with self.session() as session:
            desk = current_office().desk(session)
            directory.describe(
                session,
                desk,
                self.person(),
                channel,
                points=[always, office],
                constituency=StatedConstituency(domains=("cert.example",)),
                now=clock.utcnow(),
            )

    def record_report(self, title: str) -> str:
        """Record a report on this node; give its id."""
        with self.session() as session:
            said = Said(ReportKind.INCIDENT, title, "It loads a library that is not its own.")
            return recording.record(session, self.person(), said, now=clock.utcnow()).id

    def lose_keys(self, channel: str) -> None:
        """Write a note, and revoke the key that signed it: it may not have been ours."""
        with self.session() as session:
            office, since = current_office(), clock.utcnow()
            service.add_note(
                session,
                office.desk(session),
                self.person(),
                channel,
                text="All is well, you can go home.",
                now=since,
            )
            own_keys.recover(
                session,
                office,
                self.person(),
                recovery=self.recovery,
                since=since,
                now=clock.utcnow(),
            )

    def note_absent(self, channel: str, name: str, contact: str | None = None) -> str:
        """Invite an organisation without a node, and record that it joined; give its id."""
        with self.session() as session:
            desk, now = current_office().desk(session), clock.utcnow()
            given = (session, desk, self.person(), channel)
            water = relay.add_absent(
                *given, name=name, roles=["affected"], shown=False, contact=contact, now=now
            )
            told = Told("telephone", now, "Jo, shift leader")
            relay.relay(*given, organisation=water, act=Act.MEMBER_JOINED, told=told, now=now)
            return water

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
        self.fall_silent()
        with self.app.app_context():
            db.engine.dispose()
