"""The paths that partners' nodes use, but for TAXII and evidence files.

Every body is bounded before it is read and parsed strictly; every refusal is a problem document.

Source: wire format, 2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from flask import Blueprint, Request, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType

from federation.identity.descriptor import MAX_VERSIONS
from federation.identity.keystore import KeyRing
from federation.identity.node import find_descriptor_bytes, get_node
from federation.judging.receipts import RECEIPT_LIMIT_BYTES
from federation.partners.bells import BELL_LIMIT_BYTES, verify_bell
from federation.partners.confirmations import CONFIRMATION_LIMIT_BYTES, take_confirmation
from federation.partners.gate import Gate
from federation.partners.heads import Head, Heads, etag_of, heads_document
from federation.partners.pairing import (
    InvitationGoneError,
    take_pairing,
)
from federation.partners.partner_keys import ChannelKeys
from federation.partners.problems import problem
from federation.partners.tokens import grant_token, verify_access_token
from federation.witnesses.vouching import read_page, take_posted
from policies.errors import (
    CoordinationError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnverifiedError,
)
from sharing.canonical import canonical, read_json
from sharing.db import reading, transaction

logger = logging.getLogger(__name__)

PAIRING_LIMIT_BYTES: Final = 4 * 1024 * 1024
TOKEN_LIMIT_BYTES: Final = 16 * 1024

_MAX_FIELDS: Final = 16
_PLACE_DIGITS: Final = 15
_JOSE_JSON: Final = "application/jose+json"
_JOSE: Final = "application/jose"
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"

_FOR_STRANGERS: Final = frozenset(
    f"federation.{name}"
    for name in (
        "get_node_descriptor",
        "get_descriptor",
        "post_pairing",
        "post_confirmation",
        "post_token",
        "post_bell",
    )
)
"""What is answered, or proven, before anybody knows who asks: counted by address."""

HeadsFor: TypeAlias = Callable[[Session, str], Iterable[Head]]
"""(session, organisation) → the heads of the channels that it may read."""
Hear: TypeAlias = Callable[[Session, str, Head, datetime], object]
"""(session, organisation, head, now): somebody rang, and says where a channel stands."""
PartnerHook: TypeAlias = Callable[[Session, str, datetime], object]
"""(session, organisation, now): something happened to a partnership."""


@dataclass(frozen=True, slots=True)
class FederationDoors:
    """What these paths are handed by the floor above.

    Args:
        ring: gives our private keys.
        clock: gives the time, in UTC.
        heads_for: tells the heads that an organisation may read.
        hear: takes a bell that was proven and is fresh.
        activated: called in the transaction in which a partnership was found active on both
            sides' word; may be called again, so it does what is missing and nothing twice.
        channel_keys: finds keys of organisations that only share a channel with us.
        gate: counts what partners ask, and strangers.
        plain_http_hosts: hosts for which plain HTTP was allowed by name.
    """

    ring: Callable[[], KeyRing]
    clock: Callable[[], datetime]
    heads_for: HeadsFor
    hear: Hear
    activated: PartnerHook
    channel_keys: ChannelKeys
    gate: Gate
    plain_http_hosts: frozenset[str] = frozenset()


def bearer_token(from_request: Request) -> str:
    """Give the access token of a request.

    Raises:
        UnverifiedError: there is none.
    """
    kind, _, token = from_request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise UnverifiedError("an access token is needed here")
    return token.strip()


def create_federation(doors: FederationDoors) -> Blueprint:
    """Give the blueprint; it is registered without a prefix, because paths are fixed."""
    bp = Blueprint("federation", __name__)
    _add_descriptors(bp)
    _add_pairing(bp, doors)
    _add_exchange(bp, doors)
    _add_receipts(bp, doors)

    @bp.before_request
    def count_strangers() -> None:
        if request.endpoint in _FOR_STRANGERS:
            doors.gate.admit_stranger()

    @bp.errorhandler(CoordinationError)
    def refuse(error: CoordinationError) -> ResponseReturnValue:
        if isinstance(error, InvitationGoneError):
            return problem(error, status=HTTPStatus.GONE)
        return problem(error)

    @bp.errorhandler(HTTPException)
    def refuse_request(error: HTTPException) -> ResponseReturnValue:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        return problem(CoordinationError(error.description or status.phrase), status=status)

    return bp


def _add_descriptors(bp: Blueprint) -> None:
    @bp.get("/.well-known/coordination-node")
    def get_node_descriptor() -> ResponseReturnValue:
        """Answer with our newest descriptor."""
        with reading() as session:
            node = get_node(session)
            return _document(canonical(node.newest.jws), _JOSE_JSON, etag=node.newest.sha256)

    @bp.get("/federation/descriptors/<int:version>/")
    def get_descriptor(version: int) -> ResponseReturnValue:
        """Answer with one version of our descriptor."""
        data = None
        if version <= MAX_VERSIONS:
            with reading() as session:
                data = find_descriptor_bytes(session, version)
        if data is None:
            raise NotFoundError(f"this node has no descriptor of version {version}")
        return _document(data, _JOSE_JSON)


def _add_pairing(bp: Blueprint, doors: FederationDoors) -> None:
    @bp.post("/federation/pairing/")
    def post_pairing() -> ResponseReturnValue:
        """Take the answer to an invitation; answer with our descriptors."""
        value = read_json(_read_body(PAIRING_LIMIT_BYTES, _JSON), limit_bytes=PAIRING_LIMIT_BYTES)
        with transaction() as session:
            node = get_node(session)
            take_pairing(
                session,
                node,
                value,
                plain_http_hosts=doors.plain_http_hosts,
                now=doors.clock(),
            )
            return _document(canonical({"descriptors": node.documents}), _JSON)

    @bp.post("/federation/pairing/confirmed/")
    def post_confirmation() -> ResponseReturnValue:
        """Take the other side's confirmation."""
        jws = _read_jws(CONFIRMATION_LIMIT_BYTES)
        now = doors.clock()
        with transaction() as session:
            partner = take_confirmation(session, get_node(session), jws, now=now)
            if partner.active:
                doors.activated(session, partner.organisation, now)
        return "", HTTPStatus.NO_CONTENT


def _add_exchange(bp: Blueprint, doors: FederationDoors) -> None:
    @bp.post("/federation/token/")
    def post_token() -> ResponseReturnValue:
        """Grant an access token for an assertion."""
        form = _read_form()
        with transaction() as session:
            answer = grant_token(
                session,
                get_node(session),
                doors.ring(),
                form,
                channel_keys=doors.channel_keys,
                now=doors.clock(),
            )
        response = _document(canonical(answer.body), _JSON, status=answer.status)
        response.headers.update(answer.headers)
        return response

    @bp.post("/federation/bell/")
    def post_bell() -> ResponseReturnValue:
        """Hear a bell. The answer does not tell whether we know the channel."""
        jws = _read_jws(BELL_LIMIT_BYTES)
        now = doors.clock()
        with transaction() as session:
            bell = verify_bell(session, get_node(session), jws, channel_keys=doors.channel_keys)
            if bell.is_fresh(now):
                doors.hear(session, bell.organisation, bell.head, now)
        return "", HTTPStatus.NO_CONTENT

    @bp.get("/federation/heads/")
    def get_heads() -> ResponseReturnValue:
        """Answer with the heads that the caller may read."""
        with reading() as session:
            node = get_node(session)
            organisation = verify_access_token(
                session, bearer_token(request), node=node, now=doors.clock()
            )
            doors.gate.admit(session, organisation)
            heads = Heads(
                descriptor_version=node.newest.version,
                descriptor_sha256=node.newest.sha256,
                channels=tuple(doors.heads_for(session, organisation)),
            )
        document = heads_document(heads)
        return _document(document, _JSON, etag=etag_of(document))


def _add_receipts(bp: Blueprint, doors: FederationDoors) -> None:
    def get_caller(session: Session) -> str:
        token = bearer_token(request)
        caller = verify_access_token(session, token, node=get_node(session), now=doors.clock())
        doors.gate.admit(session, caller)
        return caller

    @bp.post("/federation/channels/<channel>/receipts/")
    def post_receipt(channel: str) -> ResponseReturnValue:
        """Take a member's receipt for a channel of ours."""
        jws = _read_jws(RECEIPT_LIMIT_BYTES)
        with transaction() as session:
            caller = get_caller(session)
            take_posted(session, channel, jws, caller=caller, now=doors.clock())
        return "", HTTPStatus.NO_CONTENT

    @bp.get("/federation/channels/<channel>/receipts/")
    def get_receipts(channel: str) -> ResponseReturnValue:
        """Answer with the receipts that we have for a place and what follows it."""
        with reading() as session:
            caller = get_caller(session)
            page = read_page(session, channel, caller=caller, since=_read_since())
        document = page.document()
        return _document(document, _JSON, etag=etag_of(document))


def _read_since() -> tuple[int, int]:
    """Read from where receipts are asked for; from the beginning, where nothing is said."""
    place = []
    for name, least in (("epoch", 1), ("since_seq", 0)):
        text = request.args.get(name, str(least))
        if not (text.isascii() and text.isdecimal() and len(text) <= _PLACE_DIGITS):
            raise InvalidError("a whole number", field=name)
        place.append(int(text))
    return place[0], place[1]


def _read_body(limit_bytes: int, mimetype: str) -> bytes:
    if request.mimetype != mimetype or request.content_encoding:
        raise UnsupportedMediaType(f"the body is {mimetype}, not encoded")
    request.max_content_length = limit_bytes
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise TooLargeError(f"a body of up to {limit_bytes} bytes", field="body") from None


def _read_jws(limit_bytes: int) -> str:
    try:
        return _read_body(limit_bytes, _JOSE).decode("ascii")
    except UnicodeDecodeError:
        raise InvalidError("the body is not a signature", field="body") from None


def _read_form() -> list[tuple[str, str]]:
    try:
        text = _read_body(TOKEN_LIMIT_BYTES, _FORM).decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise InvalidError("the body is not a form", field="body") from None


def _document(
    data: bytes, content_type: str, *, status: int = HTTPStatus.OK, etag: str | None = None
) -> Response:
    response = Response(data, status=status, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache" if etag else "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if etag:
        response.set_etag(etag)
        response.make_conditional(request)
    return response
