"""A TAXII 2.1 server over collections. It knows nothing of what the collections are for.

Who calls, which collections they see and what they may bring in is asked through `Doors`.

Source: TAXII 2.1, 3 to 5.
"""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPMethod, HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, current_app, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from policies.errors import (
    CoordinationError,
    ForbiddenError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    UnverifiedError,
)
from sharing import collections
from sharing.collections import Page, stamp_text
from sharing.db import reading, transaction
from sharing.selection import Versions
from sharing.taxii import queries, submissions
from sharing.taxii.doors import Caller, Doors, Outcome, Shelf
from sharing.taxii.queries import Cursors, Query, go_on, read_query
from sharing.taxii.resources import (
    API_ROOT_PATH,
    DISCOVERY_PATH,
    MAX_CONTENT_LENGTH,
    TAXII_21,
    TaxiiError,
    accepts,
    api_root_document,
    collection_document,
    discovery_document,
    document_bytes,
    envelope_bytes,
    error_document,
    is_taxii,
    manifest_document,
    status_of,
    versions_document,
)

__all__ = ["Caller", "Doors", "Outcome", "Shelf", "create_taxii"]

logger = logging.getLogger(__name__)

View = Callable[..., Response]

_PIECE_BYTES: Final = 64 * 1024
_SCHEMES: Final = ('Bearer realm="tocsin"', 'Basic realm="tocsin", charset="UTF-8"')
_COLLECTION: Final = f"{API_ROOT_PATH}collections/<collection_id>/"
_OBJECT: Final = f"{_COLLECTION}objects/<object_id>/"


def create_taxii(
    doors: Doors,
    *,
    title: str = "Tocsin",
    contact: str | None = None,
    cursor_key: bytes | None = None,
    max_content_length: int = MAX_CONTENT_LENGTH,
    utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Blueprint:
    """Make the blueprint that serves `/taxii2/`.

    Clients are no browsers: whoever protects forms against forged requests exempts it.

    Args:
        cursor_key: what `next` is made with; the same in every process that serves this node.
            Without one it is derived from the application's secret key.
    """
    server = _Server(doors, title, contact, cursor_key, max_content_length, utcnow)
    blueprint = Blueprint("taxii", __name__)
    for path, views in server.views().items():
        _bind(blueprint, path, views)
    blueprint.add_url_rule(f"{DISCOVERY_PATH}<path:rest>", "nothing", _nothing, methods=_METHODS)
    blueprint.register_error_handler(CoordinationError, _refuse)
    blueprint.register_error_handler(HTTPException, _refuse_http)
    blueprint.register_error_handler(Exception, _fail)
    return blueprint


_METHODS: Final = [method.value for method in HTTPMethod if method is not HTTPMethod.CONNECT]


def _bind(blueprint: Blueprint, path: str, views: Mapping[str, View]) -> None:
    """Route a path with its final slash to its views, and without it to nothing."""
    name = next(iter(views.values())).__name__
    allowed = [*views, "HEAD"] if "GET" in views else [*views]

    def dispatch(**arguments: str) -> Response:
        view = views.get("GET" if request.method == "HEAD" else request.method)
        if view is None:
            message = f"{request.method} is not possible here."
            status = HTTPStatus.METHOD_NOT_ALLOWED
            raise TaxiiError(status, message, allow=", ".join(sorted(allowed)))
        return view(**arguments)

    options: dict[str, Any] = {"methods": _METHODS, "provide_automatic_options": False}
    blueprint.add_url_rule(path, name, dispatch, **options)
    blueprint.add_url_rule(path.rstrip("/"), f"{name}_without_slash", _nothing, **options)


def _nothing(**_arguments: str) -> Response:
    hint = None if request.path.endswith("/") else "Each path of TAXII ends in “/”."
    raise NotFoundError("There is nothing here.", hint=hint)


class _Server:
    """The views, with what they were made with."""

    def __init__(
        self,
        doors: Doors,
        title: str,
        contact: str | None,
        cursor_key: bytes | None,
        max_content_length: int,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._doors = doors
        self._title = title
        self._contact = contact
        self._cursor_key = cursor_key
        self._max_content_length = max_content_length
        self._utcnow = utcnow

    def views(self) -> dict[str, dict[str, View]]:
        """Give path → method → view."""
        return {
            DISCOVERY_PATH: {"GET": self.get_discovery},
            API_ROOT_PATH: {"GET": self.get_api_root},
            f"{API_ROOT_PATH}status/<status_id>/": {"GET": self.get_status},
            f"{API_ROOT_PATH}collections/": {"GET": self.get_collections},
            _COLLECTION: {"GET": self.get_collection},
            f"{_COLLECTION}manifest/": {"GET": self.get_manifest},
            f"{_COLLECTION}objects/": {"GET": self.get_objects, "POST": self.post_objects},
            _OBJECT: {"GET": self.get_object, "DELETE": self.delete_object},
            f"{_OBJECT}versions/": {"GET": self.get_versions},
        }

    def get_discovery(self) -> Response:
        """Source: TAXII 2.1, 4.1."""
        self._admit()
        return _answer(document_bytes(discovery_document(self._title, self._contact)))

    def get_api_root(self) -> Response:
        """Source: TAXII 2.1, 4.2."""
        self._admit()
        return _answer(document_bytes(api_root_document(self._title, self._max_content_length)))

    def get_status(self, status_id: str) -> Response:
        """Source: TAXII 2.1, 4.3."""
        caller = self._admit()
        with reading() as session:
            return _answer(submissions.get_status(session, caller.identity, status_id))

    def get_collections(self) -> Response:
        """Source: TAXII 2.1, 5.1."""
        caller = self._admit()
        with reading() as session:
            shelves = self._doors.collections(session, caller)
        known = [shelf for shelf in shelves if shelf.can_read or shelf.can_write]
        ordered = sorted(known, key=lambda shelf: shelf.id)
        documents = [collection_document(shelf) for shelf in ordered]
        return _answer(document_bytes({"collections": documents} if documents else {}))

    def get_collection(self, collection_id: str) -> Response:
        """Source: TAXII 2.1, 5.2."""
        caller = self._admit()
        with reading() as session:
            shelf = self._shelf(session, caller, collection_id)
        return _answer(document_bytes(collection_document(shelf)))

    def get_manifest(self, collection_id: str) -> Response:
        """Source: TAXII 2.1, 5.3."""
        caller = self._admit(stix_too=True)
        with reading() as session:
            shelf = self._readable(session, caller, collection_id)
            query = _read(queries.OBJECTS)
            filters = go_on(query, self._cursors(), ("manifest", shelf.id, caller.identity))
            filters = replace(filters, hidden_types=shelf.hide_types)
            page = collections.manifest(session, shelf.id, filters, shelf.scope, limit=query.limit)
        dates = [record.date_added for record in page.records]
        return _answer(document_bytes(manifest_document(page)), dates=dates)

    def get_objects(self, collection_id: str) -> Response:
        """Source: TAXII 2.1, 5.4."""
        caller = self._admit(stix_too=True)
        with reading() as session:
            shelf = self._readable(session, caller, collection_id)
            query = _read(queries.OBJECTS)
            place = ("objects", shelf.id, caller.identity)
            filters = go_on(query, self._cursors(), place)
            filters = replace(filters, hidden_types=shelf.hide_types)
            page = collections.page(session, shelf.id, filters, shelf.scope, limit=query.limit)
        return self._envelope(page, query, place)

    def get_object(self, collection_id: str, object_id: str) -> Response:
        """Source: TAXII 2.1, 5.6."""
        caller = self._admit(stix_too=True)
        with reading() as session:
            shelf = self._readable(session, caller, collection_id)
            query = _read(queries.ONE_OBJECT)
            place = ("object", shelf.id, caller.identity, object_id)
            filters = go_on(query, self._cursors(), place)
            filters = replace(filters, ids=frozenset({object_id}))
            page = collections.page(session, shelf.id, filters, shelf.scope, limit=query.limit)
            if not page.contents:
                _ensure_known(session, shelf, object_id)
        return self._envelope(page, query, place)

    def get_versions(self, collection_id: str, object_id: str) -> Response:
        """Source: TAXII 2.1, 5.8."""
        caller = self._admit(stix_too=True)
        with reading() as session:
            shelf = self._readable(session, caller, collection_id)
            query = _read(queries.VERSIONS)
            place = ("versions", shelf.id, caller.identity, object_id)
            filters = go_on(query, self._cursors(), place)
            every = Versions.all()
            filters = replace(filters, ids=frozenset({object_id}), versions=every)
            page = collections.manifest(session, shelf.id, filters, shelf.scope, limit=query.limit)
            if not page.records:
                _ensure_known(session, shelf, object_id)
        dates = [record.date_added for record in page.records]
        return _answer(document_bytes(versions_document(page)), dates=dates)

    def delete_object(self, collection_id: str, object_id: str) -> Response:  # noqa: ARG002
        """Refuse: what stands in a collection stays. Source: TAXII 2.1, 5.7."""
        caller = self._admit()
        with reading() as session:
            self._shelf(session, caller, collection_id)
        raise ForbiddenError("Objects of this collection can't be deleted.")

    def post_objects(self, collection_id: str) -> Response:
        """Source: TAXII 2.1, 5.5."""
        caller = self._admit()
        with reading() as session:
            shelf = self._shelf(session, caller, collection_id)
        if not shelf.can_write:
            raise ForbiddenError("You may read this collection, and not write to it.")
        now = self._utcnow()
        data = self._read_body()
        submission = submissions.read_submission(data, limit_bytes=self._max_content_length)
        outcomes = submissions.submit(
            submission, lambda objects: self._doors.accept(caller, shelf, objects)
        )
        with transaction() as session:
            document = submissions.save_status(session, caller.identity, outcomes, now=now)
        return _answer(document, status=HTTPStatus.ACCEPTED)

    def _admit(self, *, stix_too: bool = False) -> Caller:
        if not request.headers.get("Authorization", "").isascii():
            raise UnverifiedError("What stands in “Authorization” can't be read.")
        caller = self._doors.caller(request)
        if not accepts(request.headers.get("Accept"), stix_too=stix_too):
            raise TaxiiError(HTTPStatus.NOT_ACCEPTABLE, f"Ask with “Accept: {TAXII_21}”.")
        return caller

    def _shelf(self, session: Session, caller: Caller, collection_id: str) -> Shelf:
        shelf = self._doors.shelf(session, caller, collection_id)
        if not shelf.can_read and not shelf.can_write:
            raise NotFoundError("There is no such collection.")
        return shelf

    def _readable(self, session: Session, caller: Caller, collection_id: str) -> Shelf:
        """Give the shelf, in the snapshot from which the page is read.

        Whoever is removed in between so never reads what was added after.
        """
        shelf = self._shelf(session, caller, collection_id)
        if not shelf.can_read:
            raise ForbiddenError("You may write to this collection, and not read it.")
        return shelf

    def _read_body(self) -> bytes:
        """Read a body within bounds, whether its length was announced or not."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            message = "Send the body without Content-Encoding."
            raise TaxiiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
        if not is_taxii(request.headers.get("Content-Type")):
            message = f"Send the body as “{TAXII_21}”."
            raise TaxiiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
        limit = self._max_content_length
        data = bytearray()
        # Werkzeug cuts a chunked body off at its limit without a word: so its limit is one more
        # than ours, and we count.
        request.max_content_length = limit + 1
        if (request.content_length or 0) <= limit:
            while len(data) <= limit and (piece := request.stream.read(_PIECE_BYTES)):
                data += piece
            if len(data) <= limit:
                return bytes(data)
        raise TooLargeError(f"The body is longer than {limit} bytes.", field="body")

    def _envelope(self, page: Page, query: Query, place: tuple[str, ...]) -> Response:
        token = None
        if page.next is not None:
            token = self._cursors().make(place, query.filters, page.next)
        dates = [date for date in (page.first_added, page.last_added) if date is not None]
        return _answer(envelope_bytes(page, token), dates=dates)

    def _cursors(self) -> Cursors:
        if self._cursor_key is not None:
            return Cursors(self._cursor_key)
        secret = current_app.secret_key
        if not secret:
            raise RuntimeError("the application has no secret key, and no cursor key was given")
        secret_bytes = secret if isinstance(secret, bytes) else secret.encode()
        return Cursors(hmac.digest(secret_bytes, b"tocsin taxii next", "sha256"))


def _read(allowed: frozenset[str]) -> Query:
    return read_query(dict(request.args.lists()), allowed)


def _ensure_known(session: Session, shelf: Shelf, object_id: str) -> None:
    """Tell an object that is filtered away from one that is not here."""
    if not collections.has_object(session, shelf.id, object_id, shelf.scope):
        raise NotFoundError("There is no such object.")


def _answer(
    body: bytes, *, status: HTTPStatus = HTTPStatus.OK, dates: list[int] | None = None
) -> Response:
    response = Response(body, status=status, content_type=TAXII_21)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.update(("Accept", "Authorization"))
    if dates:
        response.headers["X-TAXII-Date-Added-First"] = stamp_text(dates[0])
        response.headers["X-TAXII-Date-Added-Last"] = stamp_text(dates[-1])
    return response


def _refuse(error: CoordinationError) -> Response:
    status = status_of(error)
    response = _answer(document_bytes(error_document(error)), status=status)
    if isinstance(error, UnverifiedError):
        for scheme in _SCHEMES:
            response.headers.add("WWW-Authenticate", scheme)
    if isinstance(error, UnavailableError) and error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, TaxiiError) and error.allow is not None:
        response.headers["Allow"] = error.allow
    return response


def _refuse_http(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return _refuse(TaxiiError(status, error.description or status.phrase))


def _fail(error: Exception) -> Response:
    error_id = str(uuid.uuid4())
    logger.error("a TAXII request failed", exc_info=error, extra={"error_id": error_id})
    refusal = TaxiiError(HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong on our side.")
    document = error_document(refusal, error_id=error_id)
    return _answer(document_bytes(document), status=HTTPStatus.INTERNAL_SERVER_ERROR)
