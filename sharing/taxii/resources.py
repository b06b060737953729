"""TAXII 2.1 resources as documents, and the media types by which they travel.

Source: TAXII 2.1, 1.6.8, 3.6, 3.7, 4 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from policies.errors import CoordinationError
from sharing import status
from sharing.collections import TIMELESS_VERSION, ManifestPage, Page, stamp_text
from sharing.taxii.doors import Outcome, Shelf

TAXII: Final = "application/taxii+json"
TAXII_21: Final = "application/taxii+json;version=2.1"
STIX: Final = "application/stix+json"
DISCOVERY_PATH: Final = "/taxii2/"
API_ROOT_PATH: Final = "/taxii2/channels/"
MAX_CONTENT_LENGTH: Final = 32 * 1024 * 1024

_RANGE: Final = re.compile(r"\s*([^;\s]+)((?:\s*;[^;]*)*)\s*")
_ID_SHOWN: Final = 300


class TaxiiError(CoordinationError):
    """A refusal for which TAXII names a code of its own (405, 406, 415, 422)."""

    def __init__(self, status: HTTPStatus, message: str, *, allow: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.allow = allow


def status_of(error: CoordinationError) -> HTTPStatus:
    """Give the HTTP status of a refusal, those that TAXII alone names included."""
    return error.status if isinstance(error, TaxiiError) else status.status_of(error)


def accepts(header: str | None, *, stix_too: bool = False) -> bool:
    """Tell whether a TAXII 2.1 answer satisfies an `Accept` header; without one it does not.

    Args:
        stix_too: the endpoint's table lists the STIX media type as well.

    Source: TAXII 2.1, 3.1, 5.3, 5.4.
    """
    best: tuple[int, bool] = (-1, False)
    for part in (header or "").split(","):
        media_type, parameters = _read_media_type(part)
        quality = parameters.get("q", "1")
        wanted = not re.fullmatch(r"0(\.0*)?", quality)
        version = parameters.get("version")
        known = media_type == TAXII or (stix_too and media_type == STIX)
        if known and version in (None, "2.1"):
            best = max(best, (2 if version is None else 3, wanted))
        elif media_type == "application/*":
            best = max(best, (1, wanted))
        elif media_type == "*/*":
            best = max(best, (0, wanted))
    return best[1]


def is_taxii(content_type: str | None) -> bool:
    """Tell whether a `Content-Type` names a TAXII 2.1 message."""
    media_type, parameters = _read_media_type(content_type or "")
    return media_type == TAXII and parameters.get("version") in (None, "2.1")


def _read_media_type(text: str) -> tuple[str, Mapping[str, str]]:
    match = _RANGE.fullmatch(text)
    if match is None:
        return "", {}
    parameters = {}
    for item in match[2].split(";")[1:]:
        name, _, value = item.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    return match[1].lower(), parameters


def discovery_document(title: str, contact: str | None) -> dict[str, Any]:
    """Give the discovery resource. Source: TAXII 2.1, 4.1."""
    document = {"title": title, "default": API_ROOT_PATH, "api_roots": [API_ROOT_PATH]}
    return document | ({"contact": contact} if contact else {})


def api_root_document(title: str, max_content_length: int) -> dict[str, Any]:
    """Give the resource of our one API root. Source: TAXII 2.1, 4.2."""
    return {
        "title": title,
        "description": "Each channel is a collection.",
        "versions": [TAXII_21],
        "max_content_length": max_content_length,
    }


def collection_document(shelf: Shelf) -> dict[str, Any]:
    """Give a collection as its caller may use it. Source: TAXII 2.1, 5.2.1."""
    document = {
        "id": shelf.id,
        "title": shelf.title,
        "can_read": shelf.can_read,
        "can_write": shelf.can_write,
        "media_types": [f"{STIX};version=2.1"],
    }
    return document | ({"description": shelf.description} if shelf.description else {})


def envelope_bytes(page: Page, next_token: str | None) -> bytes:
    """Put an envelope together from stored bytes. Source: TAXII 2.1, 3.7."""
    head = b""
    if page.more:
        head = b'"more":true'
        if next_token is not None:
            head += b',"next":"' + next_token.encode("ascii") + b'"'
    if not page.contents:
        return b"{" + head + b"}"
    separator = b"," if head else b""
    return b"".join((b"{", head, separator, b'"objects":[', b",".join(page.contents), b"]}"))


def manifest_document(page: ManifestPage) -> dict[str, Any]:
    """Give a manifest; it has no `next`. Source: TAXII 2.1, 5.3."""
    document: dict[str, Any] = {"more": True} if page.more else {}
    if page.records:
        document["objects"] = [
            {
                "id": record.stix_id,
                "date_added": stamp_text(record.date_added),
                "version": record.version,
                "media_type": f"{STIX};version={record.spec_version}",
            }
            for record in page.records
        ]
    return document


def versions_document(page: ManifestPage) -> dict[str, Any]:
    """Give the versions of one object, as they were added. Source: TAXII 2.1, 5.8."""
    document: dict[str, Any] = {"more": True} if page.more else {}
    if page.records:
        document["versions"] = [record.version for record in page.records]
    return document


def status_document(
    status_id: str, requested_at: datetime, outcomes: Iterable[Outcome]
) -> dict[str, Any]:
    """Give the status of a submission; it is complete at once. Source: TAXII 2.1, 4.3."""
    successes: list[dict[str, str]] = []
    failures: list[dict[str, str]] = []
    for outcome in outcomes:
        details = {
            "id": outcome.object_id[:_ID_SHOWN],
            "version": outcome.version or TIMELESS_VERSION,
        }
        if outcome.failure is None:
            successes.append(details)
        else:
            failures.append(details | {"message": outcome.failure})
    document: dict[str, Any] = {
        "id": status_id,
        "status": "complete",
        "request_timestamp": f"{requested_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
        "total_count": len(successes) + len(failures),
        "success_count": len(successes),
        "failure_count": len(failures),
        "pending_count": 0,
    }
    lists = {"successes": successes, "failures": failures}
    return document | {name: items for name, items in lists.items() if items}


def error_document(error: CoordinationError, *, error_id: str | None = None) -> dict[str, Any]:
    """Give an error message; `http_status` is text there. Source: TAXII 2.1, 3.6.1."""
    status = status_of(error)
    document: dict[str, Any] = {
        "title": status.phrase,
        "description": error.message if error.hint is None else f"{error.message} {error.hint}",
        "http_status": str(int(status)),
    }
    if error_id is not None:
        document["error_id"] = error_id
    if error.field is not None:
        document["details"] = {"field": error.field}
    return document


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """Write a resource."""
    return orjson.dumps(document)
