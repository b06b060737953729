"""Exchanges with partners: prepare in one transaction, talk, record in another.

Pages, commands and the worker call these; no transaction is open while anything is on the wire.

Source: protocol, 2 and 3; wire format, 5.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from federation.identity.keys import b64
from federation.identity.keystore import KeyRing
from federation.identity.node import get_node
from federation.identity.origins import Destination
from federation.partners.client import PartnerHttp
from federation.partners.confirmations import (
    confirm_partner,
    record_delivered,
    undelivered_confirmations,
)
from federation.partners.heads import Heads
from federation.partners.invitations import read_invitation
from federation.partners.pairing import (
    record_invited,
    record_paired,
)
from federation.partners.partner_keys import get_chain, record_descriptors
from federation.partners.partners import (
    Partner,
    get_destination,
    get_partner,
    record_contact,
)
from federation.partners.tokens import build_assertion
from federation.serving.endpoints import PartnerHook
from policies.errors import ConflictError, CoordinationError
from sharing.db import reading, transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exchanges:
    """What every exchange needs.

    Args:
        http: the way out.
        ring: gives our private keys.
        clock: gives the time, in UTC.
        activated: called in the transaction in which a partnership became active.
        plain_http_hosts: hosts for which plain HTTP was allowed by name.
    """

    http: PartnerHttp
    ring: Callable[[], KeyRing]
    clock: Callable[[], datetime]
    activated: PartnerHook
    plain_http_hosts: frozenset[str] = frozenset()

    def accept(self, line: str) -> Partner:
        """Answer an invitation; the partnership then waits for both administrators.

        Raises:
            InvalidError: it is no invitation, or the node it names is not the one it describes.
            NotFoundError: it was used before, has expired, or was never given.
            ConflictError: the organisation or its address belongs to another partnership.
            UnavailableError: the other node does not answer; paste the same line again later.
        """
        invitation = read_invitation(line)
        with reading() as session:
            if get_node(session).recovery_thumbprint == invitation.recovery_thumbprint:
                raise ConflictError("this is an invitation of your own node", field="invitation")
        theirs = self.http.get_descriptors(invitation.destination)
        with transaction() as session:
            node = get_node(session)
            partner = record_invited(
                session,
                node,
                invitation,
                theirs,
                plain_http_hosts=self.plain_http_hosts,
                now=self.clock(),
            )
        answer = self.http.post_pairing(
            invitation.destination, secret=b64(invitation.secret), descriptors=node.documents
        )
        with transaction() as session:
            return record_paired(session, partner.organisation, answer, now=self.clock())

    def confirm(self, organisation: str, *, compared: bool, by: str) -> Partner:
        """Confirm a partner and tell it so; where it can't be told now, the worker does it later.

        Raises:
            NotFoundError: there is no such partner.
            ConflictError: there is nothing to confirm.
        """
        with transaction() as session:
            now = self.clock()
            partner = confirm_partner(
                session,
                get_node(session),
                self.ring(),
                organisation,
                compared=compared,
                by=by,
                now=now,
            )
            if partner.active:
                self.activated(session, organisation, now)
        self.deliver_confirmations(organisation)
        with reading() as session:
            return get_partner(session, organisation)

    def deliver_confirmations(self, organisation: str | None = None) -> int:
        """Deliver what the other sides have not taken yet; give how many are left.

        Args:
            organisation: only to this partner.
        """
        with reading() as session:
            waiting = undelivered_confirmations(session)
        left = 0
        for item in waiting:
            if organisation not in {None, item.partner.organisation}:
                continue
            left += not self._deliver(item.partner, item.jws)
        return left

    def ask_heads(self, organisation: str, *, etag: str | None = None) -> Heads | None:
        """Ask an active partner for its heads; `None` where nothing moved since `etag`.

        A newer descriptor is fetched and walked on the way. Whether the partner answered is kept.

        Raises:
            ForbiddenError: the partnership is not active.
            CoordinationError: what kept it from answering.
        """
        with reading() as session:
            destination = get_destination(session, organisation)
            known = get_chain(session, organisation)[-1]
        try:
            heads = self.http.get_heads(destination, etag=etag)
        except CoordinationError as error:
            self._keep_contact(organisation, error.message)
            raise
        self._keep_contact(organisation, None)
        if heads is not None and (heads.descriptor_version, heads.descriptor_sha256) != (
            known.version,
            known.sha256,
        ):
            self._fetch_descriptors(destination, organisation)
        return heads

    def recheck(self, organisation: str) -> Partner:
        """Fetch a partner's whole chain again, as when a fork is said to be settled.

        Raises:
            NotFoundError: there is no such partner.
            DescriptorError: what it serves proves nothing.
        """
        with reading() as session:
            destination = get_partner(session, organisation).destination
        documents = self.http.get_descriptors(destination)
        with transaction() as session:
            record_descriptors(session, organisation, documents, now=self.clock())
            return get_partner(session, organisation)

    def _deliver(self, partner: Partner, jws: str) -> bool:
        try:
            self.http.post_confirmation(partner.destination, jws)
        except CoordinationError as error:
            self._keep_contact(partner.organisation, error.message)
            logger.info("confirmation not delivered", extra={"organisation": partner.organisation})
            return False
        with transaction() as session:
            record_delivered(session, partner.organisation, now=self.clock())
        return True

    def _fetch_descriptors(self, destination: Destination, organisation: str) -> None:
        # The whole chain: one that left ours long ago shows where it did.
        documents = self.http.get_descriptors(destination)
        with transaction() as session:
            record_descriptors(session, organisation, documents, now=self.clock())

    def _keep_contact(self, organisation: str, failure: str | None) -> None:
        with transaction() as session:
            record_contact(session, organisation, now=self.clock(), failure=failure)


def assertion_maker(
    ring: Callable[[], KeyRing], clock: Callable[[], datetime]
) -> Callable[[str], Iterator[str]]:
    """Give what signs fresh token assertions for an audience, for `PartnerHttp`.

    The first is by the newest transport key; the others by those before it, newest first: who has
    not heard of our new key yet knows us by an older one, and hears of it then.
    """

    def assert_to(audience: str) -> Iterator[str]:
        with reading() as session:
            node = get_node(session)
        for key in node.transport_keys(ring()):
            yield build_assertion(
                key, organisation=node.organisation, audience=audience, now=clock()
            )

    return assert_to
