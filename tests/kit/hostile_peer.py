"""A partner that is properly paired, holds real keys, and says and serves what a test wants.

`HostilePeer` is an organisation of the ledger kit behind a small real HTTP server: its
descriptors, tokens, heads and collections are there, and nothing keeps it from misbehaving. As a
member it posts any envelope to an honest owner; as an owner (`HostileChannel`) it shows any ledger
to honest members.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import uuid4

import requests
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from federation.identity.descriptor_making import first_descriptor
from federation.identity.keys import PrivateKey, Typ, unb64
from federation.identity.node import get_node
from federation.judging.bundles import Item, Position, SignedBundle, items_of, make_bundle
from federation.partners import pairing
from federation.partners.bells import build_bell
from federation.partners.heads import Head
from federation.partners.phrase import phrase_digest
from federation.partners.tokens import ASSERTION_TYPE, build_access_token, build_assertion
from hub.accounts import users
from policies.acts import Act
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.canonical import canonical, write_time
from sharing.objects import StixObject
from sharing.orm import Base
from sharing.taxii.resources import TAXII_21
from tests.conftest import take_free_port
from tests.kit.ledger_kit import BORN, LedgerKit, Organisation
from tests.kit.nodes import CONSOLE, LocalNode, RunningNode, _Quiet

TIMEOUT_SECONDS: Final = 10
PASSWORD: Final = "correct horse battery"
_COLLECTIONS: Final = "/taxii2/channels/collections/"

Answer = Callable[[list[dict[str, Any]]], str | Response | None]
"""The objects of a posted envelope → the failure that its status names, `None` for success."""


@dataclass
class HonestOrganisation(Organisation):
    """An honest node, as the ledger of somebody else names it: its public face and no key."""

    node: LocalNode = field(kw_only=True)

    def __post_init__(self) -> None:
        with self.node.reading() as session:
            self.chain = list(get_node(session).descriptors)

    @property
    def id(self) -> str:
        return self.node.organisation

    @property
    def identity(self) -> StixObject:
        return StixObject.of(self.chain[-1].organisation)


def honest(node: LocalNode) -> HonestOrganisation:
    """Give an honest node as a member of somebody else's ledger."""
    return HonestOrganisation(node.name, 0, node.name, node=node)


@dataclass
class Shelf:
    """What a peer shows of one channel: objects as text, in the order in which it adds them."""

    objects: list[tuple[int, bytes]] = field(default_factory=list)
    head: Position | None = None
    posted: list[list[dict[str, Any]]] = field(default_factory=list)
    answer: Answer = field(default=lambda _objects: None)
    page: Response | None = None
    """Shown instead of a page, where a test wants so."""


UNHEARD_OF: Final = "f" * 64


@dataclass
class HostilePeer(Organisation):
    """An organisation with real keys behind a real server of its own."""

    now: Callable[[], datetime] = field(kw_only=True)
    shelves: dict[str, Shelf] = field(default_factory=dict)
    views: dict[tuple[str, str], Shelf] = field(default_factory=dict)
    """(organisation, channel) → what that organisation alone is shown."""
    receipts: dict[str, list[str]] = field(default_factory=dict)
    """Channel → the receipts that were posted to it."""
    shown_receipts: dict[str, list[str]] = field(default_factory=dict)
    """Channel → the receipts that it shows."""
    is_away: bool = False
    """Nobody gets an answer."""
    bells: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths and queries that others asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.port = take_free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.chain = [
            first_descriptor(
                self.identity.value,
                self.base_url,
                recovery=self.recovery,
                signing=self.key,
                transport=self.transport,
                now=BORN,
            )
        ]
        self._tokens: dict[str, str] = {}
        self._stamp = 1_700_000_000_000_000
        self._server = make_server(
            "127.0.0.1", self.port, self._serve, threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def organisation(self) -> str:
        """Its id, by the name that nodes have for it."""
        return self.id

    # What it does as a partner and a member.

    def pair(self, node: LocalNode) -> None:
        """Pair by an invitation of the node's, confirmed on both sides."""
        with node.writing() as session:
            own = get_node(session)
            line = pairing.create_invitation(session, own, by="console", now=node.now()).line
            recovery = own.recovery_thumbprint
        answer = requests.post(
            f"{node.base_url}/federation/pairing/",
            data=canonical({"secret": line.split()[3], "descriptors": self.documents}),
            headers={"Content-Type": "application/json"},
            timeout=TIMEOUT_SECONDS,
        )
        assert answer.status_code == HTTPStatus.OK, answer.text
        with node.app.app_context():
            node.office.exchanges.confirm(self.id, compared=True, by="console")
        confirmation = {
            "protocol": "1",
            "from": self.id,
            "to": node.organisation,
            "phrase_sha256": phrase_digest(recovery, self.recovery.thumbprint).hex(),
            "at": write_time(self.now()),
        }
        answer = requests.post(
            f"{node.base_url}/federation/pairing/confirmed/",
            data=self.key.sign(canonical(confirmation), Typ.PAIRING),
            headers={"Content-Type": "application/jose"},
            timeout=TIMEOUT_SECONDS,
        )
        assert answer.status_code == HTTPStatus.NO_CONTENT, answer.text

    def token(self, node: LocalNode, *, fresh: bool = False) -> str:
        """Ask a node for an access token, as any partner does."""
        if fresh or node.base_url not in self._tokens:
            assertion = build_assertion(
                self.transport, organisation=self.id, audience=node.base_url, now=self.now()
            )
            answer = requests.post(
                f"{node.base_url}/federation/token/",
                data={
                    "grant_type": "client_credentials",
                    "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": assertion,
                },
                timeout=TIMEOUT_SECONDS,
            )
            assert answer.status_code == HTTPStatus.OK, answer.text
            self._tokens[node.base_url] = answer.json()["access_token"]
        return self._tokens[node.base_url]

    def forged_token(self, node: LocalNode) -> str:
        """Make a token that looks as if the node had issued it."""
        return build_access_token(
            self.transport, base_url=node.base_url, organisation=self.id, now=self.now()
        )

    def get(self, node: LocalNode, path: str, **given: Any) -> requests.Response:
        """Read something below a node's address, as this organisation."""
        return self.ask(node, "GET", path, **given)

    def ask(
        self, node: LocalNode, method: str, path: str, *, token: str | None = None, **given: Any
    ) -> requests.Response:
        """Ask a node for something, as this organisation."""
        more = given.pop("headers", {})

        def answer(bearer: str) -> requests.Response:
            return requests.request(
                method,
                f"{node.base_url}{path}",
                headers={"Accept": TAXII_21, "Authorization": f"Bearer {bearer}", **more},
                timeout=TIMEOUT_SECONDS,
                **given,
            )

        answered = answer(token or self.token(node))
        if token is None and answered.status_code == HTTPStatus.UNAUTHORIZED:
            # The clock of the test may have gone on beyond a token's life.
            answered = answer(self.token(node, fresh=True))
        return answered

    def post(self, node: LocalNode, channel: str, objects: Iterable[object]) -> requests.Response:
        """Post an envelope to a node's collection; objects may be anything at all."""
        envelope = b'{"objects":[' + b",".join(_text(one) for one in objects) + b"]}"
        return self.ask(
            node,
            "POST",
            f"{_COLLECTIONS}{channel}/objects/",
            data=envelope,
            headers={"Content-Type": TAXII_21},
        )

    def contribution(
        self,
        channel: str,
        act: str,
        body: Mapping[str, Any],
        objects: Iterable[StixObject],
        *,
        nth: int,
        seen: Position,
        **changed: Any,
    ) -> SignedBundle:
        """Sign a contribution."""
        label = changed.pop("label", TLP.AMBER)
        listed = list(objects)
        given = {
            "key": self.key,
            "author": self.id,
            "channel": channel,
            "act": str(act),
            "body": body,
            "contents": items_of(listed, {one.sha256: label for one in listed}),
            "label": label,
            "now": self.now(),
            "nth": nth,
            "seen": seen,
        }
        return make_bundle(**{**given, **changed})

    def ring(self, node: LocalNode, channel: str) -> None:
        """Ring a node's doorbell for one of our channels: there is something new, it says."""
        head = self.shelves[channel].head
        assert head is not None
        jws = build_bell(
            self.transport,
            organisation=self.id,
            member=node.organisation,
            head=Head(channel, head.epoch, head.seq + 1, UNHEARD_OF),
            now=self.now(),
        )
        answer = requests.post(
            f"{node.base_url}/federation/bell/",
            data=jws,
            headers={"Content-Type": "application/jose"},
            timeout=TIMEOUT_SECONDS,
        )
        assert answer.status_code == HTTPStatus.NO_CONTENT, answer.text

    def show(self, channel: str, *objects: object) -> None:
        """Add to what a channel shows: STIX objects, values, or text as it is."""
        shelf = self.shelves.setdefault(channel, Shelf())
        for one in objects:
            self._stamp += 1
            shelf.objects.append((self._stamp, _text(one)))

    # What others get from it.

    def _serve(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.asked.append(f"{request.path}?{request.query_string.decode()}")
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        path = request.path
        if self.is_away:
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if path == "/.well-known/coordination-node":
            return _json(self.documents[-1], "application/jose+json")
        if path.startswith("/federation/descriptors/"):
            return _json(self.documents[int(path.split("/")[3]) - 1], "application/jose+json")
        if path == "/federation/pairing/confirmed/":
            return Response(status=HTTPStatus.NO_CONTENT)
        if path == "/federation/token/":
            claims = request.form.get("client_assertion", "..").split(".")[1]
            who = json.loads(unb64(claims))["iss"]
            return _json({"access_token": who, "token_type": "Bearer", "expires_in": 600})
        if path == "/federation/bell/":
            self.bells.append(request.get_data(as_text=True))
            return Response(status=HTTPStatus.NO_CONTENT)
        if path == "/federation/heads/":
            return _json(self._heads(_caller(request)))
        if path.startswith("/federation/channels/"):
            return self._answer_receipts(request)
        channel = path.removeprefix(_COLLECTIONS).removesuffix("/objects/")
        shelf = self._shelf(_caller(request), channel)
        if shelf is None or not path.startswith(_COLLECTIONS):
            return Response(status=HTTPStatus.NOT_FOUND)
        return _take(shelf, request) if request.method == "POST" else _page(shelf, request)

    def _answer_receipts(self, request: Request) -> Response:
        channel = request.path.split("/")[3]
        if request.method == "POST":
            self.receipts.setdefault(channel, []).append(request.get_data(as_text=True))
            return Response(status=HTTPStatus.NO_CONTENT)
        answer: dict[str, Any] = {"receipts": self.shown_receipts.get(channel, [])}
        shelf = self._shelf(_caller(request), channel)
        if shelf is not None and shelf.head is not None:
            answer["head"] = shelf.head.document()
        return _json(answer)

    def _shelf(self, caller: str, channel: str) -> Shelf | None:
        return self.views.get((caller, channel)) or self.shelves.get(channel)

    def _heads(self, caller: str) -> dict[str, Any]:
        newest = self.chain[-1]
        shown = {channel: self._shelf(caller, channel) for channel in sorted(self.shelves)}
        return {
            "descriptor": {"version": newest.version, "sha256": newest.sha256},
            "channels": [
                {"channel": channel, **shelf.head.document()}
                for channel, shelf in shown.items()
                if shelf is not None and shelf.head is not None
            ],
        }


@dataclass
class HostileChannel:
    """A channel of a hostile owner's: an honest ledger up to where it betrays its members."""

    peer: HostilePeer
    kit: LedgerKit
    shown: int = 0
    key: PrivateKey | None = None
    """Signs the owner's entries here, where it is not the peer's newest."""

    @classmethod
    def opened(
        cls, peer: HostilePeer, *others: Organisation, kind: str = "case", **more: Any
    ) -> HostileChannel:
        """Open a channel with these founding members."""
        kit = LedgerKit(peer, others, kind=kind, channel=str(uuid4()), **more)
        kit.write(Act.CHANNEL_OPENED, kit.opening(), kit.founding_objects())
        made = cls(peer, kit)
        made.publish()
        return made

    @property
    def id(self) -> str:
        return self.kit.channel

    @property
    def shelf(self) -> Shelf:
        return self.peer.shelves[self.id]

    def publish(self) -> None:
        """Show what was written since, as an honest owner does."""
        for step in self.kit.steps[self.shown :]:
            self.peer.show(self.id, *step.objects)
            if step.judged.contribution is not None:
                self.peer.show(self.id, step.judged.contribution.stix)
            self.peer.show(self.id, step.judged.entry.stix)
        self.shown = len(self.kit.steps)
        self.shelf.head = self.kit.head

    def note(self, text: str, **more: Any) -> StixObject:
        """Write a note in the owner's name; it stands in no entry yet."""
        return note_by(self.peer.id, self.kit.channel, text, self.kit.now, **more)

    def admit_posted(self) -> None:
        """Admit what was posted last, and show it."""
        *objects, bundle = self.shelf.posted[-1]
        contribution = SignedBundle.read(StixObject.of(bundle))
        self.kit.admit(contribution, [StixObject.of(one) for one in objects])
        self.publish()

    def invite(self, node: LocalNode, direct: HostileChannel, role: str = "responder") -> None:
        """Invite an honest node, and tell it so in the direct channel to it."""
        member = honest(node)
        body = self.kit.invitation(member, role)
        self.kit.write(Act.MEMBER_INVITED, body, [member.identity])
        self.kit.others = (*self.kit.others, member)
        self.publish()
        state = self.kit.state
        assert state is not None
        copied = {
            **body,
            "channel": self.id,
            "genesis": state.genesis,
            "head": state.head.document(),
            "kind": self.kit.kind,
        }
        direct.kit.write(Act.MEMBER_INVITED, copied, [member.identity, self.kit.channel_identity])
        direct.publish()


def note_by(
    author: str, channel: str, text: str, at: datetime, tlp: TLP | None = TLP.AMBER, **more: Any
) -> StixObject:
    """Write a note in the name of an author."""
    moment = write_time(at)
    value = {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--{uuid4()}",
        "created_by_ref": author,
        "created": moment,
        "modified": moment,
        "content": text,
        "object_refs": [f"identity--{channel}"],
    }
    if tlp is not None:
        value["object_marking_refs"] = [tlp.marking_id]
    return StixObject.of(value | more)


def resign(bundle: SignedBundle, key: PrivateKey, **changed: Any) -> SignedBundle:
    """Give a bundle with other members, signed anew; a member that is `None` goes."""
    value = {**bundle.stix.value, **changed}
    value = {name: item for name, item in value.items() if item is not None and name != "signature"}
    value["signature"] = key.sign_detached(canonical(value), Typ.BUNDLE)
    return SignedBundle.read(StixObject.of(value))


def item_of(stix: StixObject, tlp: TLP | None = TLP.AMBER) -> Item:
    """Say how a bundle covers an object."""
    return Item(stix.stix_id, stix.sha256, stix.version, tlp)


@contextmanager
def peers(now: Callable[[], datetime], *names: str) -> Iterator[tuple[HostilePeer, ...]]:
    """Run hostile peers."""
    made = [
        HostilePeer(f"hostile {name}", 50 + place, name, now=now)
        for place, name in enumerate(names)
    ]
    try:
        yield tuple(made)
    finally:
        for one in made:
            one.close()


def read_all(node: RunningNode, peer: HostilePeer, channel: str) -> list[dict[str, Any]]:
    """Give everything that a node serves a peer of one channel."""
    answer = peer.get(node, f"{_COLLECTIONS}{channel}/objects/?match[version]=all&limit=1000")
    assert answer.status_code == HTTPStatus.OK, answer.text
    objects: list[dict[str, Any]] = answer.json().get("objects", [])
    return objects


def _text(one: object) -> bytes:
    if isinstance(one, SignedBundle):
        one = one.stix
    if isinstance(one, StixObject):
        return one.content
    return one if isinstance(one, bytes) else json.dumps(one).encode()


def _json(value: object, content_type: str = "application/json") -> Response:
    return Response(json.dumps(value), content_type=content_type)


def _caller(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _page(shelf: Shelf, request: Request) -> Response:
    if shelf.page is not None:
        return shelf.page
    query = parse_qs(request.query_string.decode())
    after, wanted = query.get("added_after"), query.get("match[id]")
    shown = list(shelf.objects)
    if after is not None:
        shown = [one for one in shown if _stamp_text(one[0]) > after[0]]
    if wanted is not None:
        ids = set(",".join(wanted).split(","))
        shown = [one for one in shown if json.loads(one[1]).get("id") in ids]
    body = b'{"objects":[' + b",".join(text for _, text in shown) + b"]}" if shown else b"{}"
    response = Response(body, content_type=TAXII_21)
    if shown:
        response.headers["X-TAXII-Date-Added-First"] = _stamp_text(shown[0][0])
        response.headers["X-TAXII-Date-Added-Last"] = _stamp_text(shown[-1][0])
    return response


def _take(shelf: Shelf, request: Request) -> Response:
    objects = json.loads(request.get_data())["objects"]
    shelf.posted.append(objects)
    failure = shelf.answer(objects)
    if isinstance(failure, Response):
        return failure
    reports = [{"id": one["id"], "version": one.get("modified", "")} for one in objects]
    taken = {"successes": reports}
    if failure is not None:
        taken = {"failures": [{**report, "message": failure} for report in reports]}
    status = {
        "id": str(uuid4()),
        "status": "complete",
        "request_timestamp": "2026-11-20T10:00:00.000000Z",
        "total_count": len(reports),
        "success_count": len(reports) if failure is None else 0,
        "failure_count": 0 if failure is None else len(reports),
        "pending_count": 0,
        **taken,
    }
    response = _json(status, TAXII_21)
    response.status_code = HTTPStatus.ACCEPTED
    return response


def _stamp_text(micros: int) -> str:
    seconds, rest = divmod(micros, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def signed_in(node: LocalNode, name: str = "alice") -> FlaskClient:
    """Give a browser in which somebody is signed in who may do everything."""
    with node.writing() as session:
        users.create_user(
            session,
            CONSOLE,
            name,
            roles=(PersonRole.ADMINISTRATOR, PersonRole.COORDINATOR),
            password=PASSWORD,
            now=node.now(),
        )
    browser = node.app.test_client()
    form = {"name": name, "password": PASSWORD, "csrf_token": csrf(browser)}
    answer = browser.post("/sign-in", data=form)
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    return browser


def csrf(browser: FlaskClient, path: str = "/sign-in") -> str:
    """Give the token that a page puts into its forms."""
    text = browser.get(path).text
    return text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


_PASSING: Final = frozenset({"taxii_status", "used_assertion", "partner"})
"""Tables in which being asked leaves a trace: statuses, used assertions, when a partner called."""


def kept(node: LocalNode) -> dict[str, list[str]]:
    """Give everything that a node has stored, to compare before and after a refusal."""
    with node.reading() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(table.select()))
            for table in Base.metadata.sorted_tables
            if table.name not in _PASSING
        }
