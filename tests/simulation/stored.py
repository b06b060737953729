"""Nodes on a real database: real services, stage, collections, outbox, doors. No HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import current_app
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from federation.branches import endorsements, openings
from federation.identity.descriptor import KeyUse
from federation.identity.key_changes import revoke_key, rotate_keys
from federation.identity.keys import PrivateKey
from federation.identity.keystore import KeyStore
from federation.ledgers import channels, describing
from federation.ledgers.invited import Invited, answer_invitation
from federation.ledgers.ledger import get_channel, get_state, head_of, load_state
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    EntryRecord,
    StagedRecord,
    Standing,
)
from federation.ledgers.outbox import Outbox, Posted
from federation.ledgers.rebuild import rebuild
from federation.ledgers.stage import Brought
from federation.replicas.looks import Looks
from federation.replicas.pulled import PulledPage
from federation.replicas.replica import Replicas
from federation.serving.access import NODE, ChannelDoors
from hub.apply import VIEWS
from hub.channels.relay_records import RelayedView
from hub.commands.node import key_store
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError
from policies.tlp import TLP
from sharing import collections
from sharing.canonical import read_json
from sharing.db import reading, transaction
from sharing.objects import StixObject
from sharing.objects import find_contents as find_anywhere
from sharing.records import StoredObject
from sharing.selection import Filters, Versions
from sharing.taxii.doors import Caller
from tests.kit.nodes import LocalNode
from tests.simulation.nodes import Clock, Connect, CrashError, Given, Invitation, Server, SimNode
from tests.simulation.oracle import Line

REPLY_BY: Final = "2027-11-20T10:00:00.000Z"
LIMIT_BYTES: Final = 1 << 24


@dataclass(frozen=True)
class Reached:
    """Another node's server, as replicas and outbox see it."""

    server: Server

    def pages(self, _channel: str, added_after: str | None) -> Iterator[PulledPage]:
        for given in self.server.pages(-1 if added_after is None else int(added_after)):
            last = None if given.last is None else str(given.last)
            yield PulledPage(Brought(list(map(StixObject.read, given.contents)), []), last)

    def by_ids(self, _channel: str, refs: Iterable[str]) -> list[StixObject]:
        return [StixObject.read(one) for one in self.server.by_ids(refs)]

    def post(self, _channel: str, contents: Sequence[bytes]) -> Posted:
        return Posted(self.server.post(contents))


class StoredNode:
    """One organisation's node in one channel; its database may hold other channels."""

    def __init__(self, node: LocalNode, name: str, now: Clock) -> None:
        self.name, self._node, self._now = name, node, now
        self.organisation = node.organisation
        self.dies: str | None = None
        self._channel = ""
        self._doors = ChannelDoors(
            desk=node.office.desk, person=lambda _request: False, clock=now, gate=node.office.gate
        )

    # What people do.

    def open(self, *, ceiling: TLP, parent: str | None) -> str:
        with self._writing() as session:
            self._channel = openings.open_channel(
                session,
                self._node.office.desk(session),
                kind=ChannelKind.CASE,
                name="Simulated",
                ceiling=ceiling,
                parent=parent,
                now=self._now(),
            ).id
        return self._channel

    def enter(self, channel: str) -> None:
        self._channel = channel

    def write(
        self, act: Act, body: Mapping[str, Any], new: Sequence[StixObject], *, later: bool | None
    ) -> None:
        with self._writing() as session:
            channels.write(
                session,
                self._node.office.desk(session),
                self._channel,
                act,
                body,
                new,
                by="simulation",
                later_members=later,
                now=self._now(),
            )

    def invite(self, other: SimNode, *, replaces: str | None = None) -> Invitation:
        assert isinstance(other, StoredNode)
        with other._node.reading() as session:
            chain = other._node.office.desk(session).node.descriptors
        with self._writing() as session:
            record = get_channel(session, self._channel)
            if not record.is_ours:
                raise ConflictError("only the owner invites")
            body = {
                "organisation": other.organisation,
                "role": "responder",
                "reply_by": REPLY_BY,
                "ceiling": get_state(session, record).ceiling.value,
                "older": "released",
                "recovery_key": chain[0].recovery.thumbprint,
            }
            if replaces is not None:
                body["replaces"] = replaces
            desk = self._node.office.desk(session)
            new = [StixObject.of(chain[-1].organisation)]
            channels.write(
                session, desk, self._channel, Act.MEMBER_INVITED, body, new, by="s", now=self._now()
            )
            session.refresh(record)
            head = head_of(record)
            assert head is not None
            assert record.genesis is not None
            return Invitation(self._channel, self.organisation, record.genesis, head, "responder")

    def answer(self, invitation: Invitation, act: Act) -> None:
        with self._writing() as session:
            record = session.get(ChannelRecord, self._channel)
            if record is not None and record.standing is not Standing.ENDED:
                raise ConflictError("this invitation has been answered")
            desk = self._node.office.desk(session)
            body: dict[str, Any] = {"descriptors": [dict(one) for one in desk.node.documents]}
            if act is Act.MEMBER_JOINED:
                body["role"] = invitation.role
            invited = Invited(
                channel=invitation.channel,
                kind=ChannelKind.CASE,
                owner=invitation.owner,
                name="Simulated",
                roles=(invitation.role,),
                genesis=invitation.genesis,
                head=invitation.head,
            )
            answer_invitation(
                session, desk, invited, act, body, label=TLP.CLEAR, by="s", now=self._now()
            )

    def rotate(self) -> None:
        with self._writing() as session:
            ring = self._node.office.desk(session).ring
            rotate_keys(session, self._store, [KeyUse.SIGN], ring=ring, now=self._now())
            self._describe(session)

    def revoke(self, since: int) -> None:
        with self._writing() as session:
            now = self._now()
            revoke_key(
                session,
                self._store,
                self._node.office.desk(session).key.thumbprint,
                recovery=self._node.recovery,
                since=now - timedelta(seconds=since),
                now=now,
            )
            self._describe(session)

    def key(self) -> PrivateKey:
        with self._node.reading() as session:
            return self._node.office.desk(session).key

    def documents(self) -> Sequence[Mapping[str, Any]]:
        with self._node.reading() as session:
            return self._node.office.desk(session).node.documents

    def endorse(self, candidate: str, epoch: int, round_: int) -> bytes:
        with self._writing() as session:
            record = get_channel(session, self._channel)
            if record.epoch is None or epoch != record.epoch + 1:
                raise ConflictError("nothing of this channel has been read yet")
            row = endorsements.endorse(
                session,
                self._node.office.desk(session),
                record,
                candidate=candidate,
                round_=round_,
                now=self._now(),
            )
            return row.content

    def take_over(self) -> None:
        with self._writing() as session:
            record = get_channel(session, self._channel)
            desk = self._node.office.desk(session)
            endorsements.take_over(session, desk, record, now=self._now())

    # What the worker does.

    def deliver(self, connect: Connect) -> None:
        outbox = Outbox(
            connect=lambda organisation, _channel: Reached(connect(organisation)), clock=self._now
        )
        with self._writing() as session:
            self._describe(session)
        with self._mortal():
            outbox.deliver(self._channel)

    def pull(self, connect: Connect) -> None:
        with self._node.reading() as session:
            if session.get(ChannelRecord, self._channel) is None:
                return
        with self._mortal():
            self._replicas(connect).pull(self._channel)
        with self._writing() as session:
            self._describe(session)

    def look(self, connect: Connect, other: str) -> None:
        with self._mortal():
            Looks(self._replicas(connect)).look(self._channel, other)

    def rewind(self) -> None:
        with self._writing() as session:
            record = session.get(ChannelRecord, self._channel)
            if record is not None:
                record.cursor = None

    # What others ask.

    def serve(
        self, reader: str, after: int, limit: int, refs: Iterable[str] | None = None
    ) -> Given:
        filters = Filters(
            after=after,
            ids=frozenset(refs or ()),
            versions=Versions.all(),
        )
        with self._node.reading() as session:
            shelf = self._doors.shelf(session, Caller(reader, NODE), self._channel)
            page = collections.page(session, shelf.id, filters, shelf.scope, limit=limit)
        return Given(page.contents, page.last_added)

    def take(self, author: str, contents: Sequence[bytes]) -> str | None:
        caller = Caller(author, NODE)
        with self._mortal():
            with reading() as session:
                shelf = self._doors.shelf(session, caller, self._channel)
            if not shelf.can_write:
                return "stale_epoch: it is read here and written elsewhere"
            objects = [StixObject.read(content) for content in contents]
            return self._doors.accept(caller, shelf, objects)[-1].failure

    # What the simulation looks at.

    def ledger(self) -> list[Line]:
        with self._node.reading() as session:
            rows = list(
                session.scalars(
                    select(EntryRecord)
                    .where(EntryRecord.channel == self._channel)
                    .order_by(EntryRecord.epoch, EntryRecord.seq)
                )
            )
            wanted = {row.object_sha256 for row in rows}
            wanted |= {row.contribution_object for row in rows if row.contribution_object}
            found = find_anywhere(session, wanted)
            return [
                Line(
                    _read(found[row.object_sha256]),
                    _read(found[row.contribution_object]) if row.contribution_object else None,
                )
                for row in rows
            ]

    def held(self) -> set[str]:
        with self._node.reading() as session:
            stored = set(session.scalars(select(StoredObject.sha256)))
            staged = select(StagedRecord.sha256).where(StagedRecord.channel == self._channel)
            return stored | set(session.scalars(staged))

    def state(self) -> Mapping[str, Any] | None:
        with self._node.reading() as session:
            record = session.get(ChannelRecord, self._channel)
            state = load_state(session, record) if record is not None else None
            return json.loads(json.dumps(state.document())) if state is not None else None

    def trouble(self) -> str | None:
        with self._node.reading() as session:
            record = session.get(ChannelRecord, self._channel)
            if record is None or record.standing not in (Standing.WAITING, Standing.FROZEN):
                return None
            return f"{record.standing}: {record.doubt}: {record.sentence}"

    def pending(self) -> int:
        with self._node.reading() as session:
            query = select(ContributionRecord).where(
                ContributionRecord.channel == self._channel,
                ContributionRecord.state == Delivery.PENDING,
            )
            return len(list(session.scalars(query)))

    def owns(self) -> bool:
        with self._node.reading() as session:
            record = session.get(ChannelRecord, self._channel)
            return record is not None and record.is_ours

    def answers(self) -> Mapping[str, str] | None:
        with self._node.reading() as session:
            rows = session.scalars(select(RelayedView).where(RelayedView.channel == self._channel))
            return {row.bundle: row.answer.value for row in rows}

    def rebuilt(self, *, anew: bool) -> list[str]:  # noqa: ARG002 - always anew
        with self._writing() as session:
            if session.get(ChannelRecord, self._channel) is None:
                return []
            desk = self._node.office.desk(session)
            return list(rebuild(session, desk, self._channel, VIEWS).differences)

    def _replicas(self, connect: Connect) -> Replicas:
        return Replicas(
            desk=self._node.office.desk,
            connect=lambda organisation, _channel: Reached(connect(organisation)),
            clock=self._now,
        )

    @property
    def _store(self) -> KeyStore:
        return key_store(self._node.settings)

    def _describe(self, session: Session) -> None:
        """Do what the errand does that sees to it that a ledger says of our keys what we say."""
        desk = self._node.office.desk(session)
        describing.describe(session, desk, self._channel, now=self._now())

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._mortal(), transaction() as session:
            yield session

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        """Enter the node's context, in which it may die around a commit."""
        where, self.dies = self.dies, None

        def die(_session: Session) -> None:
            # What commits may be another node that is asked meanwhile.
            if current_app._get_current_object() is self._node.app:  # type: ignore[attr-defined]
                raise CrashError(where)

        with self._node.app.app_context():
            if where is None:
                yield
                return
            moment = where.replace(" ", "_")
            event.listen(Session, moment, die)
            try:
                yield
            finally:
                event.remove(Session, moment, die)


def _read(content: bytes) -> Any:
    return read_json(content, limit_bytes=LIMIT_BYTES)
