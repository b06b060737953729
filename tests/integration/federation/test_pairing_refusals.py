"""Refusals around pairing that no honest node meets, each with the sentence that a person reads."""

from __future__ import annotations

from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from federation.identity.descriptor_making import first_descriptor, next_descriptor
from federation.identity.keys import PrivateKey, Typ
from federation.identity.keystore import read_recovery_pem
from federation.identity.node import get_node
from federation.partners.confirmations import take_confirmation
from federation.partners.pairing import (
    create_invitation,
    invitations,
    record_paired,
    withdraw_invitation,
)
from federation.partners.partner_keys import newest_descriptor, record_descriptors
from federation.partners.partner_records import PartnerState
from federation.partners.partners import get_destination, get_partner, suspend_partner
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from sharing.canonical import canonical
from tests.integration.federation.nodes import Clock, RunningNode


def test_an_invitation_whose_node_says_it_lives_elsewhere_is_refused(
    cert: RunningNode, operator: RunningNode
) -> None:
    line = cert.invite().line.replace("127.0.0.1", "localhost")
    with pytest.raises(InvalidError, match="says that it is at"):
        operator.accept(line)


def test_an_invitation_can_be_taken_back_until_it_is_used(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    line = cert.invite().line
    with cert.session() as session:
        (given,) = invitations(session)
        assert given.open_at(clock())
        withdraw_invitation(session, given.id, now=clock())
        (given,) = invitations(session)
        assert not given.open_at(clock())
        with pytest.raises(NotFoundError):
            withdraw_invitation(session, uuid4(), now=clock())
    with pytest.raises(NotFoundError, match="never given"):
        operator.accept(line)
    operator.accept(cert.invite().line)
    with cert.session() as session:
        used = next(one for one in invitations(session) if one.used_at)
        assert used.used_by == operator.organisation
        with pytest.raises(ConflictError, match="was used"):
            withdraw_invitation(session, used.id, now=clock())


def test_notes_and_reasons_have_a_bound(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    with paired.session() as session:
        with pytest.raises(InvalidError):
            create_invitation(session, get_node(session), by="a", note="x" * 201, now=clock())
        with pytest.raises(InvalidError):
            suspend_partner(session, operator.organisation, by="a", reason="x" * 1001, now=clock())


def test_who_is_not_a_partner_is_not_found(cert: RunningNode, operator: RunningNode) -> None:
    with cert.session() as session:
        for ask in (get_partner, get_destination):
            with pytest.raises(NotFoundError, match="no such partner"):
                ask(session, operator.organisation)
        with pytest.raises(InvalidError, match="no descriptor"):
            newest_descriptor(session, operator.organisation)


def test_nothing_is_sent_before_the_partnership_is_active(
    cert: RunningNode, operator: RunningNode
) -> None:
    operator.accept(cert.invite().line)
    with cert.session() as session, pytest.raises(ForbiddenError, match="to confirm"):
        get_destination(session, operator.organisation)


def test_an_answer_that_describes_another_organisation_is_refused(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    operator.accept(cert.invite().line)
    identity = dict(cert.node.identity)
    other = "identity--7d1c2f0e-6b0e-4c63-9a52-3a0b4c1d0099"
    identity |= {"id": other, "created_by_ref": other}
    chain = first_descriptor(
        identity,
        cert.base_url,
        recovery=cert.recovery,
        signing=PrivateKey.generate(),
        transport=PrivateKey.generate(),
        now=clock(),
    )
    with operator.session() as session, pytest.raises(InvalidError, match="another organisation"):
        record_paired(session, cert.organisation, [chain.jws], now=clock())


def test_a_partner_that_forks_before_it_is_confirmed_can_not_be_confirmed(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    operator.accept(cert.invite().line)
    first, signer = cert.node.newest, cert.node.signing_key(cert.ring)
    forks = [
        next_descriptor(first, signers=[signer], base_url=url, now=clock())
        for url in ("https://one.example", "https://other.example")
    ]
    with operator.session() as session:
        taken = [
            record_descriptors(session, cert.organisation, [fork.jws], now=clock())
            for fork in forks
        ]
    assert taken == [True, False]
    assert operator.partner(cert).state is PartnerState.TO_CONFIRM
    with pytest.raises(ConflictError, match="two descriptors of one version"):
        operator.confirm(cert)


def test_a_confirmation_of_another_form_is_refused(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    operator.accept(cert.invite().line)
    signer = operator.node.signing_key(operator.ring)
    good = {
        "protocol": "1",
        "from": operator.organisation,
        "to": cert.organisation,
        "phrase_sha256": "0" * 64,
        "at": "2026-11-20T10:00:00.000Z",
    }
    bad: list[object] = [
        [],
        {},
        good | {"more": "x"},
        good | {"to": 7},
        good | {"protocol": "2"},
        good | {"at": "today"},
    ]
    with cert.session() as session:
        node = get_node(session)
        for payload in bad:
            jws = signer.sign(canonical(payload), Typ.PAIRING)
            with pytest.raises(InvalidError):
                take_confirmation(session, node, jws, now=clock())


def test_a_recovery_key_of_another_kind_is_refused() -> None:
    key = X25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(InvalidError, match="Ed25519"):
        read_recovery_pem(text)
