"""Join the floors: what the lower ones are handed from above.

The TAXII server gets its doors, the federation its keys, its hooks and `apply`, the workers their
handlers; pages and commands find the parts that they need in the `Office`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from apiflask import APIFlask
from flask import Flask, Request, Response, g, request
from sqlalchemy.orm import Session

from federation.archive.file_intake import FileIntake
from federation.identity.node import find_node
from federation.identity.origins import Destination, host_of, is_loopback
from federation.ledgers import stops
from federation.ledgers.ledger import get_channel
from federation.ledgers.outbox import Outbox
from federation.partners.client import PartnerHttp
from federation.partners.gate import Gate
from federation.partners.quotas import Rates
from federation.replicas.replica import Replicas
from federation.rounds import rounds
from federation.rounds.look_back import LookBack
from federation.rounds.rounds import Rounds
from federation.rounds.servers import NodeServer
from federation.serving.access import ChannelDoors, channel_keys, heads_for
from federation.serving.endpoints import FederationDoors, create_federation
from federation.serving.exchanges import Exchanges, assertion_maker
from federation.witnesses.rollback import LOOK_BACK, WATCH_DATABASE
from federation.witnesses.vouching import Vouching
from federation.witnesses.witness_rounds import WitnessRounds
from federation.work import worker
from federation.work.errands import Done, Outcome
from federation.work.worker import Work
from hub import clock, health
from hub.accounts import sign_ins
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.api import idempotency
from hub.audit import service as audit
from hub.channels.history import READERS_OF_RED
from hub.channels.invitations import find_invited
from hub.desk import Keys
from hub.office import OFFICE, Office
from hub.settings import Settings
from policies.errors import UnverifiedError
from policies.roles import Right
from sharing.db import reading, transaction
from sharing.outbound import Reach
from sharing.taxii.connection import Limits
from sharing.taxii.server import create_taxii

TIDY: Final = "hub.tidy"
TIDY_EVERY: Final = timedelta(hours=1)


def register(app: APIFlask, settings: Settings) -> None:
    """Join the floors of this application."""
    office = _open_office(settings)
    app.extensions[OFFICE] = office
    doors = FederationDoors(
        ring=office.keys.ring,
        clock=clock.utcnow,
        heads_for=heads_for,
        hear=office.rounds.hear,
        activated=office.rounds.welcome,
        channel_keys=channel_keys,
        gate=office.gate,
        plain_http_hosts=frozenset(settings.plain_http_hosts),
    )
    app.register_blueprint(create_federation(doors))
    channel_doors = ChannelDoors(
        desk=office.desk, person=_person, clock=clock.utcnow, gate=office.gate
    )
    taxii = create_taxii(
        channel_doors, max_content_length=settings.max_envelope_bytes, utcnow=clock.utcnow
    )
    taxii.after_request(_note_reading)
    app.register_blueprint(taxii)
    back = LookBack(office.http, office.replicas, office.desk, clock.utcnow)

    def look_back(app: Flask, subject: str, now: datetime) -> Outcome:
        del app, subject
        return back.look(now)

    def watch_database(app: Flask, subject: str, now: datetime) -> Outcome:
        del app, subject
        return back.watch(now)

    handlers = {
        **rounds.handlers(office.rounds),
        LOOK_BACK: look_back,
        WATCH_DATABASE: watch_database,
        TIDY: tidy,
    }
    standing = (*rounds.STANDING, WATCH_DATABASE, LOOK_BACK, TIDY)
    stops.watch(_note_happening)
    worker.equip(app, Work(handlers, standing=standing, clock=clock.utcnow))
    health.watch_worker_with(app, worker.find_last_beat)


def tidy(app: Flask, subject: str, now: datetime) -> Outcome:
    """Drop sessions, counts and kept answers that nobody asks about any more."""
    del app, subject
    with transaction() as session:
        sign_ins.tidy(session, now=now)
        idempotency.tidy(session, now=now)
    return Done(again_at=now + TIDY_EVERY)


def _open_office(settings: Settings) -> Office:
    keys = Keys(settings)
    hosts = frozenset(settings.plain_http_hosts)
    reach = Reach(
        hosts=hosts | frozenset(settings.private_hosts),
        networks=settings.private_networks,
        loopback=_is_on_loopback,
    )
    http = PartnerHttp(
        assertion_maker(keys.ring, clock.utcnow),
        clock=clock.utcnow,
        plain_http_hosts=hosts,
        ca_file=settings.partner_ca_file,
        reach=reach,
    )
    limits = Limits(plain_http_hosts=hosts, reach=reach)

    def connect(organisation: str, channel: str) -> NodeServer:
        with reading() as session:
            destination: Destination = rounds.destination_of(
                session, organisation, get_channel(session, channel)
            )
        return NodeServer(http, destination, settings.partner_ca_file, limits)

    every = timedelta(seconds=settings.poll_seconds)
    replicas = Replicas(desk=keys.desk, connect=connect, clock=clock.utcnow, witness_every=every)
    outbox = Outbox(connect=connect, clock=clock.utcnow)
    vouching = Vouching(
        http=http, desk=keys.desk, destination=rounds.destination_of, clock=clock.utcnow
    )
    witnesses = WitnessRounds(
        http=http,
        connect=connect,
        desk=keys.desk,
        destination=rounds.destination_of,
        clock=clock.utcnow,
        every=every,
    )

    def activated(session: Session, organisation: str, now: datetime) -> None:
        office.rounds.welcome(session, organisation, now)

    exchanges = Exchanges(
        http=http,
        ring=keys.ring,
        clock=clock.utcnow,
        activated=activated,
        plain_http_hosts=hosts,
    )
    office = Office(
        keys=keys,
        gate=_open_gate(settings),
        http=http,
        exchanges=exchanges,
        replicas=replicas,
        outbox=outbox,
        rounds=Rounds(
            http=http,
            exchanges=exchanges,
            replicas=replicas,
            outbox=outbox,
            vouching=vouching,
            witnesses=witnesses,
            desk=keys.desk,
            ring=keys.ring,
            clock=clock.utcnow,
            poll_every=every,
        ),
        files=FileIntake(
            replicas=replicas, desk=keys.desk, invited=find_invited, clock=clock.utcnow
        ),
    )
    return office


def _is_on_loopback() -> bool:
    """Tell whether our own node is reached at this machine alone, as in a trial on a laptop."""
    with reading() as session:
        node = find_node(session)
    return node is not None and is_loopback(host_of(node.base_url))


def _open_gate(settings: Settings) -> Gate:
    rates = Rates(
        requests=settings.quota_requests,
        bytes=settings.quota_bytes,
        contributions=settings.quota_contributions,
        at_once=settings.quota_at_once,
        strangers=settings.quota_strangers,
    )
    return Gate(
        rates,
        clock=clock.utcnow,
        longest_bytes=settings.max_envelope_bytes,
        refused=lambda quota: health.REFUSED.labels(quota.value).inc(),
    )


def _person(request: Request) -> bool:
    """Find the person behind an API token, as Bearer or as the password of HTTP Basic.

    Tells whether they may read what is TLP:RED.

    Raises:
        UnverifiedError: nobody who is known, or nobody who may read channels.
    """
    del request
    actor = current_actor()
    if not actor.may(Right.READ_CHANNELS) or not actor.may_read():
        raise UnverifiedError("this token does not open channels")
    return bool(actor.roles & READERS_OF_RED)


def _note_happening(
    session: Session, happening: str, channel: str, sentence: str, now: datetime
) -> None:
    """Write down what a channel did by itself."""
    audit.record(session, audit.NODE, happening, channel, now=now, reason=sentence)


def _note_reading(response: Response) -> Response:
    """Write down that a person's tool read a channel; nodes read by right of its ledger."""
    actor: Actor | None = g.get("actor")
    channel = (request.view_args or {}).get("collection_id")
    if actor is not None and channel is not None and response.status_code == HTTPStatus.OK:
        with transaction() as session:
            audit.record(session, actor, "channel.read", channel, now=clock.utcnow())
    return response
