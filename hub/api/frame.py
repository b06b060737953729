"""The frame of every REST resource: who asks, may they, once only, in one transaction, audited.

A resource is a module with a `Resource` that stands in `hub.api.RESOURCES`. Its routes take a
`Call` first, then their path parameters, `body` and `query` by name, and return a model.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import IO, Any, Final, TypeVar

from apiflask import APIBlueprint
from flask import Response, request
from flask_wtf.csrf import ValidationError as CsrfError
from flask_wtf.csrf import validate_csrf
from pydantic import BaseModel
from sqlalchemy.orm import Session
from werkzeug.exceptions import UnsupportedMediaType

from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor, current_settings, may_be_forged
from hub.api import idempotency
from hub.api.idempotency import Answer, Asked, TakenError
from hub.audit import service as audit
from hub.audit.records import Outcome
from policies.errors import ConflictError, CoordinationError, ForbiddenError, InvalidError
from sharing.db import reading, transaction

PREFIX: Final = "/api/v1"
MAX_BODY_BYTES: Final = 8 * 1024 * 1024
FILE_CHUNK_BYTES: Final = 64 * 1024
SECURITY: Final[list[str | dict[str, list[Any]]]] = ["token", "session"]
PASSWORD_ENDPOINT: Final = "api_me.put_password"  # noqa: S105 - the one act left to do
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

UPLOADS: Final[dict[str, tuple[str, ...]]] = {}
"""Endpoints that take a file, with the types that its body may have."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Call:
    """What every route is given: who asks, when, and the session of the one transaction."""

    session: Session
    actor: Actor
    now: datetime


class Resource(APIBlueprint):
    """A group of addresses below `/api/v1/<name>`."""

    def __init__(self, name: str, *, tag: str | None = None) -> None:
        super().__init__(
            f"api_{name}", __name__, url_prefix=f"{PREFIX}/{name}", tag=tag or name.capitalize()
        )
        self.before_request(_guard)

    def reads(
        self,
        rule: str,
        *,
        gives: type[BaseModel],
        query: type[BaseModel] | None = None,
        audited: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Add a GET.

        Args:
            audited: the action for the trail, `users.read`; `None` where reading needs no line.
        """

        def decorate(handler: Handler) -> Handler:
            view: Any = _reading(handler, audited)
            view = self.doc(security=SECURITY, responses=_problems("GET"))(view)
            view = self.output(gives)(view)
            if query is not None:
                view = self.input(query, location="query", arg_name="query")(view)
            self.get(rule, endpoint=handler.__name__)(view)
            return handler

        return decorate

    def writes(
        self,
        method: str,
        rule: str,
        *,
        gives: type[BaseModel],
        takes: type[BaseModel] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        action: str,
        in_one_transaction: bool = True,
    ) -> Callable[[Handler], Handler]:
        """Add a POST, PUT, PATCH or DELETE.

        Args:
            action: for the trail, should it be refused; what is done, services write down.
            in_one_transaction: `False` for what talks to the network meanwhile: the route gets a
                `Step` in place of a `Call`, and opens its own transactions.
        """

        def decorate(handler: Handler) -> Handler:
            run = _in_one if in_one_transaction else _in_steps
            view: Any = _writing(handler, run, action=action, status=status)
            view = self.doc(security=SECURITY, responses=_problems(method))(view)
            view = self.output(gives, status_code=int(status))(view)
            if takes is not None:
                view = self.input(takes, location="json", arg_name="body")(view)
            self.route(rule, methods=[method], endpoint=handler.__name__)(view)
            return handler

        return decorate

    def uploads(
        self, rule: str, *, media_types: tuple[str, ...], gives: type[BaseModel], action: str
    ) -> Callable[[Handler], Handler]:
        """Add a POST that takes a file as its body; the route gets a `Step` and the bytes."""

        def decorate(handler: Handler) -> Handler:
            @functools.wraps(handler)
            def with_file(step: Step, **arguments: Any) -> Any:
                return handler(step, request.get_data(cache=True), **arguments)

            view: Any = _writing(with_file, _in_steps, action=action, status=HTTPStatus.OK)
            UPLOADS[f"{self.name}.{handler.__name__}"] = media_types
            responses = _problems("POST") | {415: f"Send {' or '.join(media_types)}."}
            view = self.doc(
                security=SECURITY,
                responses=responses,
                operation_id=f"{self.name}.{handler.__name__}",
            )(view)
            view = self.output(gives)(view)
            self.post(rule, endpoint=handler.__name__)(view)
            return handler

        return decorate

    def downloads(
        self, rule: str, *, media_type: str, query: type[BaseModel], audited: str
    ) -> Callable[[Handler], Handler]:
        """Add a GET that gives a file; the route writes it into a `Download`."""

        def decorate(handler: Handler) -> Handler:
            view: Any = _downloading(handler, media_type, audited)
            responses: dict[int, Any] = {
                200: {
                    "description": "The file.",
                    "content": {media_type: {"schema": {"type": "string", "format": "binary"}}},
                }
            }
            responses |= _problems("GET")
            responses[409] = "The thing is in a state that does not allow this."
            view = self.doc(security=SECURITY, responses=responses)(view)
            view = self.input(query, location="query", arg_name="query")(view)
            self.get(rule, endpoint=handler.__name__)(view)
            return handler

        return decorate


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is ready to be taken away.

    Args:
        stream: from its beginning; closed when it was sent.
    """

    name: str
    stream: IO[bytes]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a route is given that opens its own transactions."""

    actor: Actor
    now: datetime


def require_match(document: BaseModel) -> None:
    """Refuse a change to something that is not any more as the caller saw it.

    Args:
        document: how the thing stands now, as GET would give it.

    Raises:
        ConflictError: the request has an `If-Match` that names another state.
    """
    if request.if_match and not request.if_match.contains(etag_of(write_model(document))):
        raise ConflictError(
            "somebody else changed this since you read it",
            field="If-Match",
            hint="Read it again and repeat what is still right.",
        )


def write_model(model: BaseModel) -> bytes:
    """Give the JSON of an answer."""
    return model.model_dump_json(by_alias=True).encode()


def etag_of(body: bytes) -> str:
    """Give the strong validator of an answer."""
    return hashlib.sha256(body).hexdigest()[:32]


def _guard() -> None:
    """Settle who asks and by which right, before anything is parsed."""
    most = current_settings().max_body_bytes
    file_types = UPLOADS.get(request.endpoint or "")
    request.max_content_length = most if file_types else min(MAX_BODY_BYTES, most)
    if "\0" in request.path or b"%00" in request.query_string:
        raise InvalidError("an address holds no U+0000")
    actor = current_actor()
    if request.method in SAFE:
        actor.may_read().enforce()
        return
    if may_be_forged():
        try:
            validate_csrf(request.headers.get("X-CSRFToken", ""))
        except CsrfError:
            raise ForbiddenError(
                "a request by session needs the form token in X-CSRFToken",
                hint="Programs use a personal token instead.",
            ) from None
    actor.may_write().enforce()
    if actor.must_change_password and request.endpoint != PASSWORD_ENDPOINT:
        raise ForbiddenError("change your password first")
    if request.content_length and request.mimetype not in (file_types or ("application/json",)):
        raise UnsupportedMediaType


def _reading(handler: Handler, audited: str | None) -> Callable[..., Response]:
    @functools.wraps(handler)
    def view(**arguments: Any) -> Response:
        actor, now = current_actor(), clock.utcnow()
        try:
            with reading() as session:
                body = write_model(handler(Call(session, actor, now), **arguments))
        except CoordinationError as error:
            _record_refusal(actor, audited, error, now=now)
            raise
        if audited is not None:
            with transaction() as session:
                audit.record(session, actor, audited, _subject(), now=now)
        response = Response(body, content_type="application/json")
        response.set_etag(etag_of(body))
        response.headers["Cache-Control"] = "private, no-cache"
        return response.make_conditional(request)  # type: ignore[return-value]

    return view


def _downloading(
    handler: Callable[..., Download], media_type: str, audited: str
) -> Callable[..., Response]:
    @functools.wraps(handler)
    def view(**arguments: Any) -> Response:
        actor, now = current_actor(), clock.utcnow()
        try:
            with reading() as session:
                download = handler(Call(session, actor, now), **arguments)
        except CoordinationError as error:
            _record_refusal(actor, audited, error, now=now)
            raise
        with transaction() as session:
            audit.record(session, actor, audited, _subject(), now=now)
        response = Response(_chunks(download.stream), content_type=media_type)
        response.call_on_close(download.stream.close)
        response.content_length = download.size_bytes
        response.headers.set("Content-Disposition", "attachment", filename=download.name)
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return view


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(FILE_CHUNK_BYTES):
            yield chunk


Run = Callable[[Callable[..., Any], dict[str, Any], "Asked | None", HTTPStatus, Actor], Answer]


def _writing(
    handler: Handler, run: Run, *, action: str, status: HTTPStatus
) -> Callable[..., Response]:
    @functools.wraps(handler)
    def view(**arguments: Any) -> Response:
        actor = current_actor()
        try:
            asked = _asked(actor)
            try:
                answer = run(handler, arguments, asked, status, actor)
            except TakenError:
                answer = run(handler, arguments, asked, status, actor)
        except CoordinationError as error:
            _record_refusal(actor, action, error, now=clock.utcnow())
            raise
        response = Response(answer.body, status=answer.status, content_type="application/json")
        if answer.location is not None:
            response.headers["Location"] = answer.location
        return response

    return view


def _in_one(
    handler: Callable[..., Any],
    arguments: dict[str, Any],
    asked: Asked | None,
    status: HTTPStatus,
    actor: Actor,
) -> Answer:
    """Do it, and keep its answer, in one transaction."""
    secret, now = current_settings().secret_key.get_secret_value(), clock.utcnow()
    with transaction() as session:
        if asked is not None:
            kept = idempotency.find(session, asked, secret=secret)
            if kept is not None:
                return kept
            idempotency.claim(session, asked, now=now)
        answer = _answer(handler(Call(session, actor, now), **arguments), status)
        if asked is not None:
            idempotency.keep(session, asked, answer, secret=secret)
    return answer


def _in_steps(
    handler: Callable[..., Any],
    arguments: dict[str, Any],
    asked: Asked | None,
    status: HTTPStatus,
    actor: Actor,
) -> Answer:
    """Do it with transactions of its own; if it breaks off, the key stays claimed."""
    secret, now = current_settings().secret_key.get_secret_value(), clock.utcnow()
    if asked is not None:
        with transaction() as session:
            kept = idempotency.find(session, asked, secret=secret)
            if kept is not None:
                return kept
            idempotency.claim(session, asked, now=now)
    try:
        answer = _answer(handler(Step(actor, now), **arguments), status)
    except CoordinationError:
        if asked is not None:
            with transaction() as session:
                idempotency.drop(session, asked)
        raise
    if asked is not None:
        with transaction() as session:
            idempotency.keep(session, asked, answer, secret=secret)
    return answer


def _answer(result: BaseModel | tuple[BaseModel, str], status: HTTPStatus) -> Answer:
    model, location = result if isinstance(result, tuple) else (result, None)
    return Answer(int(status), write_model(model), location)


def _asked(actor: Actor) -> Asked | None:
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    facts = hashlib.sha256()
    for part in (request.method, request.full_path):
        facts.update(part.encode() + b"\0")
    facts.update(request.get_data(cache=True))
    return Asked(actor.user_id, idempotency.read_key(text), facts.hexdigest())


def _record_refusal(
    actor: Actor, action: str | None, error: CoordinationError, *, now: datetime
) -> None:
    if action is None:
        return
    with transaction() as session:
        audit.record(
            session,
            actor,
            action,
            _subject(),
            outcome=Outcome.REFUSED,
            reason=error.message,
            now=now,
        )


def _subject() -> str | None:
    values = (request.view_args or {}).values()
    return "/".join(str(value) for value in values)[:200] or None


def _problems(method: str) -> dict[int, str]:
    sentences = {
        400: "The request can't be read or breaks a rule of form.",
        401: "Nobody knows who is asking.",
        403: "The role or the token does not allow it.",
        404: "There is no such thing, or you may not know of it.",
        429: "A quota is used up for now.",
        503: "Not now; later it may work.",
    }
    if method != "GET":
        sentences[409] = "The thing is in a state that does not allow this."
        sentences[413] = "That is more than this address takes."
        sentences[415] = "Send application/json."
    return sentences
