"""What a partner's node says of its keys over time: rotation, revocation, forks and their end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from federation.identity.descriptor import Descriptor, DescriptorError, KeyUse
from federation.identity.descriptor_making import next_descriptor, sign_payload
from federation.identity.key_changes import revoke_key, rotate_keys
from federation.identity.keys import PrivateKey, b64, unb64
from federation.partners.pairing import take_pairing
from federation.partners.partner_keys import fork_evidence, get_chain, record_descriptors
from federation.partners.partner_records import PartnerState, StopReason
from federation.partners.partners import resume_partner
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.integration.federation.nodes import Clock, RunningNode

pytestmark = pytest.mark.usefixtures("tables_url")


def take(node: RunningNode, other: RunningNode, *descriptors: Descriptor) -> bool:
    with node.session() as session:
        return record_descriptors(
            session, other.organisation, [one.jws for one in descriptors], now=node.clock()
        )


def moved(node: RunningNode, base_url: str, clock: Clock) -> Descriptor:
    """A second version that the node's own signing key has signed."""
    return next_descriptor(
        node.node.newest,
        signers=[node.node.signing_key(node.ring)],
        base_url=base_url,
        now=clock(),
    )


def test_two_descriptors_of_one_version_stop_the_partnership_and_are_kept_as_proof(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    one = moved(operator, "https://one.example", clock)
    other = moved(operator, "https://other.example", clock)
    assert take(paired, operator, one) is True
    assert take(paired, operator, other) is False

    stopped = paired.partner(operator)
    assert stopped.state is PartnerState.SUSPENDED
    assert stopped.stopped_by is StopReason.DESCRIPTOR_FORK
    assert stopped.base_url == "https://one.example"
    with paired.session() as session:
        assert fork_evidence(session, operator.organisation) == [other.jws]
    with paired.session() as session, pytest.raises(ConflictError, match="still stands"):
        resume_partner(session, operator.organisation, by="anna", now=clock())
    with paired.app.app_context(), pytest.raises(ForbiddenError):
        paired.exchanges.ask_heads(operator.organisation)
    # More of the same changes nothing, and neither does an ordinary next version.
    assert take(paired, operator, other) is False
    third = next_descriptor(one, signers=[operator.node.signing_key(operator.ring)], now=clock())
    assert take(paired, operator, third) is False
    assert paired.partner(operator).descriptor_version == 2


def test_only_the_recovery_key_ends_a_fork_and_an_administrator_resumes(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    one = moved(operator, "https://one.example", clock)
    other = moved(operator, "https://other.example", clock)
    take(paired, operator, one)
    take(paired, operator, other)
    branch = next_descriptor(operator.node.newest, signers=[operator.recovery], now=clock())
    assert branch.version == 2
    assert take(paired, operator, branch) is True

    settled = paired.partner(operator)
    assert settled.stopped_by is None
    assert settled.base_url == operator.base_url
    with paired.session() as session:
        resume_partner(session, operator.organisation, by="anna", now=clock())
        assert len(fork_evidence(session, operator.organisation)) == 2
    # What the recovery key has settled is not asked again.
    assert take(paired, operator, one) is True
    assert take(paired, operator, other) is True
    assert paired.partner(operator).active
    after = next_descriptor(branch, signers=[operator.node.signing_key(operator.ring)], now=clock())
    assert take(paired, operator, after) is True
    assert paired.partner(operator).descriptor_version == 3


def test_a_recovery_key_that_contradicts_itself_stops_the_partnership(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    first = operator.node.newest
    one, other = (
        next_descriptor(first, signers=[operator.recovery], base_url=url, now=clock())
        for url in ("https://one.example", "https://other.example")
    )
    assert take(paired, operator, one) is True
    assert take(paired, operator, other) is False
    assert paired.partner(operator).stopped_by is StopReason.DESCRIPTOR_FORK
    assert paired.partner(operator).base_url == "https://one.example"


def test_pairing_again_with_a_chain_that_says_otherwise_stops_the_partnership(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    one = moved(operator, "https://one.example", clock)
    other = moved(operator, "https://other.example", clock)
    first, node = operator.node.newest, paired.node
    assert take(paired, operator, one) is True
    with paired.session() as session:
        take_pairing(
            session,
            node,
            {
                "secret": b64(paired.invite_in(session).secret),
                "descriptors": [first.jws, other.jws],
            },
            plain_http_hosts=frozenset(),
            now=clock(),
        )
    assert paired.partner(operator).stopped_by is StopReason.DESCRIPTOR_FORK
    assert paired.partner(operator).state is PartnerState.SUSPENDED


def test_an_accusation_that_the_partner_has_not_signed_stops_nothing(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    take(paired, operator, moved(operator, "https://one.example", clock))
    payload: dict[str, Any] = json.loads(unb64(operator.node.newest.jws["payload"]))
    payload |= {"version": 2, "previous": operator.node.newest.sha256, "base_url": "https://x.org"}
    forged = sign_payload(payload, [PrivateKey.generate()])
    with paired.session() as session, pytest.raises(DescriptorError, match="not signed by"):
        record_descriptors(session, operator.organisation, [forged], now=clock())
    assert paired.partner(operator).active


def test_a_chain_that_skips_or_proves_nothing_changes_nothing(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    second = moved(operator, "https://one.example", clock)
    third = next_descriptor(second, signers=[operator.node.signing_key(operator.ring)], now=clock())
    with pytest.raises(DescriptorError):
        take(paired, operator, third)
    with paired.session() as session, pytest.raises(DescriptorError):
        record_descriptors(session, operator.organisation, [{"payload": "x"}], now=clock())
    with paired.session() as session, pytest.raises(NotFoundError):
        record_descriptors(session, "identity--nobody", [second.jws], now=clock())
    bad = moved(operator, "https://one.example/path", clock)
    with pytest.raises(InvalidError):
        take(paired, operator, bad)
    assert paired.partner(operator).descriptor_version == 1
    assert paired.partner(operator).base_url == operator.base_url


def test_a_key_revoked_with_the_recovery_key_is_gone_for_partners_too(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    stolen = operator.node.transport_key(operator.ring)
    clock.advance(minutes=1)
    with operator.session() as session, pytest.raises(InvalidError, match="not the recovery key"):
        revoke_key(
            session,
            operator.store,
            stolen.thumbprint,
            recovery=PrivateKey.generate(),
            since=clock(),
            now=clock(),
        )
    with operator.session() as session:
        revoke_key(
            session,
            operator.store,
            stolen.thumbprint,
            recovery=operator.recovery,
            since=clock(),
            now=clock(),
        )
    operator.ring = operator.store.load()
    with paired.app.app_context():
        paired.exchanges.ask_heads(operator.organisation)
    with paired.session() as session:
        newest = get_chain(session, operator.organisation)[-1]
    entry = newest.find_key(stolen.thumbprint, KeyUse.TRANSPORT)
    assert entry is not None
    assert entry.revoked_at is not None
    assert operator.token(paired)


def test_recheck_walks_the_whole_chain_again(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    for _ in range(3):
        clock.advance(minutes=1)
        with operator.session() as session:
            rotate_keys(session, operator.store, [KeyUse.SIGN], ring=operator.ring, now=clock())
        operator.ring = operator.store.load()
    with paired.app.app_context():
        assert paired.exchanges.recheck(operator.organisation).descriptor_version == 4
