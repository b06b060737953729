"""Another node's TAXII server, as replicas and the outbox use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from federation.identity.origins import Destination
from federation.ledgers.outbox import Posted
from federation.ledgers.stage import Brought
from federation.partners.client import PartnerHttp
from federation.replicas.pulled import PulledPage
from policies.errors import TooLargeError, UnavailableError
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.taxii.ahead import read_ahead
from sharing.taxii.client import Limits, PeerRefusalError, TaxiiClient

_FINAL: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


@dataclass(frozen=True)
class NodeServer:
    """The server of one organisation's node.

    Args:
        http: gives the token that its origin issued to us.
        destination: where it is.
        ca_file: the only authorities to trust, in place of the system's.
    """

    http: PartnerHttp
    destination: Destination
    ca_file: Path | None = None
    limits: Limits | None = None

    def pages(self, channel: str, added_after: str | None) -> Iterator[PulledPage]:
        """Give every version of every object, oldest first."""
        with self._client() as client:
            for page in read_ahead(client.pages(channel, added_after)):
                # What is no object may still be meant as an entry: the stage looks at it.
                unreadable = [one.value for one in page.unreadable]
                yield PulledPage(Brought(page.objects, unreadable), page.last_added, page.more)

    def bundles(self, channel: str, added_after: str | None) -> Iterator[StixObject]:
        """Give the signed bundles, oldest first."""
        with self._client() as client:
            for page in client.pages(channel, added_after, stix_type=SIGNED_BUNDLE):
                yield from page.objects

    def by_ids(self, channel: str, refs: Iterable[str]) -> list[StixObject]:
        """Give every version of these objects."""
        with self._client() as client:
            pages = client.by_ids(channel, list(refs))
            return [stix for page in pages for stix in page.objects]

    def post(self, channel: str, contents: Sequence[bytes]) -> Posted:
        """Submit objects in one envelope, the bundle last."""
        objects = [StixObject.read(content) for content in contents]
        try:
            with self._client() as client:
                status = client.post(channel, objects)
        except TooLargeError as error:
            return Posted(f"too_large: {error.message}")
        except PeerRefusalError as error:
            if error.status not in _FINAL:
                raise
            return Posted(f"malformed: {error.message}")
        if not status.complete:
            raise UnavailableError("the owner has not decided yet")
        failed = [report.message or "refused" for report in status.failures]
        return Posted(failed[0] if failed else None)

    @contextmanager
    def _client(self) -> Iterator[TaxiiClient]:
        ca_file = str(self.ca_file) if self.ca_file is not None else None
        auth = self.http.auth(self.destination)
        with TaxiiClient(
            self.destination.origin, auth, ca_file=ca_file, limits=self.limits
        ) as client:
            try:
                yield client
            except PeerRefusalError as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    # They restarted with another key, or our token ran out on their clock.
                    self.http.forget_token(self.destination)
                    raise UnavailableError(
                        "our access token was refused; a new one is asked for"
                    ) from error
                raise
