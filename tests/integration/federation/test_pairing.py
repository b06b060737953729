"""Two real nodes meet over HTTP: invitation, phrase, confirmation, and what stays shut before."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from federation.identity.descriptor_making import first_descriptor
from federation.identity.keys import PrivateKey, Typ, b64, unb64
from federation.partners.confirmations import build_confirmation
from federation.partners.pairing import invitations as given_invitations
from federation.partners.pairing import verification_phrase, withdraw_invitation
from federation.partners.partner_records import PartnerState
from federation.partners.partners import end_partner, resume_partner, suspend_partner
from policies.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
    UnverifiedError,
)
from sharing.canonical import canonical
from tests.integration.federation.nodes import Clock, RunningNode

on_both = pytest.mark.usefixtures("tables_url")


def post_pairing(node: RunningNode, body: object, **kwargs: Any) -> requests.Response:
    data = body if isinstance(body, bytes) else canonical(body)
    headers = {"Content-Type": "application/json"}
    url = f"{node.base_url}/federation/pairing/"
    return requests.post(url, data=data, headers=headers, timeout=5, **kwargs)


def post_confirmation(node: RunningNode, jws: str) -> requests.Response:
    url = f"{node.base_url}/federation/pairing/confirmed/"
    headers = {"Content-Type": "application/jose"}
    return requests.post(url, data=jws, headers=headers, timeout=5)


def stranger_descriptors(base_url: str, clock: Clock, **identity: str) -> list[Any]:
    id_ = "identity--7d1c2f0e-6b0e-4c63-9a52-3a0b4c1d0099"
    organisation = {
        "type": "identity",
        "spec_version": "2.1",
        "id": id_,
        "created_by_ref": id_,
        "created": "2026-11-20T09:00:00.000Z",
        "modified": "2026-11-20T09:00:00.000Z",
        "name": "Stranger",
        "identity_class": "organization",
    } | identity
    keys = {name: PrivateKey.generate() for name in ("recovery", "signing", "transport")}
    return [first_descriptor(organisation, base_url, now=clock(), **keys).jws]


@on_both
def test_two_nodes_pair_and_are_active_when_both_have_confirmed(
    cert: RunningNode, operator: RunningNode
) -> None:
    partner = operator.accept(cert.invite().line)
    assert partner.name == "Example CERT"
    assert partner.state is PartnerState.TO_CONFIRM
    assert cert.partner(operator).state is PartnerState.TO_CONFIRM
    assert verification_phrase(operator.node, partner) == verification_phrase(
        cert.node, cert.partner(operator)
    )

    assert operator.confirm(cert).state is PartnerState.TO_CONFIRM
    assert cert.partner(operator).they_confirmed_at is not None
    assert cert.confirm(operator).state is PartnerState.ACTIVE
    assert operator.partner(cert).state is PartnerState.ACTIVE
    assert cert.activated == [operator.organisation]
    assert operator.activated == [cert.organisation]
    assert operator.partner(cert).phrase_compared is True
    assert operator.token(cert)
    assert cert.token(operator)


def test_until_both_have_confirmed_nobody_gets_a_token(
    cert: RunningNode, operator: RunningNode
) -> None:
    operator.accept(cert.invite().line)
    operator.confirm(cert)
    with pytest.raises(UnverifiedError, match="no transport key"):
        operator.token(cert)
    with pytest.raises(UnverifiedError, match="no transport key"):
        cert.token(operator)


def test_confirming_without_comparing_the_phrase_is_remembered_as_such(
    cert: RunningNode, operator: RunningNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="federation.partners.confirmations")
    operator.accept(cert.invite().line)
    operator.confirm(cert, compared=False)
    assert operator.partner(cert).phrase_compared is False
    assert "partner confirmed unverified, phrase not compared" in caplog.messages


@on_both
def test_an_invitation_works_once(cert: RunningNode, operator: RunningNode) -> None:
    line = cert.invite().line
    operator.accept(line)
    with pytest.raises(NotFoundError, match="410"):
        operator.accept(line)


@on_both
def test_used_expired_withdrawn_and_unknown_secrets_get_the_same_answer(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    documents = operator.node.documents
    used, withdrawn, expired = cert.invite(), cert.invite(), cert.invite()
    body = {"secret": b64(used.secret), "descriptors": documents}
    assert post_pairing(cert, body).status_code == HTTPStatus.OK
    with cert.session() as session:
        for given in given_invitations(session):
            if given.used_at is None:
                withdraw_invitation(session, given.id, now=clock())
                break
    clock.advance(hours=72)
    answers = [
        post_pairing(cert, {"secret": b64(secret), "descriptors": documents})
        for secret in (used.secret, withdrawn.secret, expired.secret, bytes(16))
    ]
    assert {answer.status_code for answer in answers} == {HTTPStatus.GONE}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["Content-Type"] == "application/problem+json"


def test_the_secret_is_kept_as_a_hash_alone(cert: RunningNode, tmp_path: Path) -> None:
    invitation = cert.invite()
    with cert.session() as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM invitation").all()
    text = repr(rows)
    assert b64(invitation.secret) not in text
    assert invitation.secret.hex() not in text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"secret":"AAECAwQFBgcICQoLDA0ODw","secret":"AAECAwQFBgcICQoLDA0ODw"}', 400),
        (b'{"secret":' + b"[" * 40 + b"]" * 40 + b"}", 400),
        (b'{"secret":"\xff"}', 400),
        (b"[]", 400),
        (b"", 400),
        (b'{"secret":"AAECAwQFBgcICQoLDA0ODx","descriptors":[]}', 400),
        (b'{"secret":"AAECAwQFBgcICQoLDA0ODw==","descriptors":[]}', 400),
        (b'{"secret":7,"descriptors":[]}', 400),
        (b" " * (4 * 1024 * 1024 + 1), 413),
    ],
    ids=["twice", "deep", "not-utf8", "list", "empty", "leftover-bits", "padded", "number", "huge"],
)
def test_a_body_out_of_bounds_is_refused_with_a_problem(
    cert: RunningNode, body: bytes, status: int
) -> None:
    answer = post_pairing(cert, body)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.content)["detail"]


def test_a_body_of_another_type_or_encoded_is_refused(cert: RunningNode) -> None:
    url = f"{cert.base_url}/federation/pairing/"
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        answer = requests.post(url, data=b"{}", headers=headers, timeout=5)
        assert answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://stranger.example/path",
        "https://user@stranger.example",
        "https://stranger.example?x=1",
        "https://Stranger.example",
        "https://stranger.example:443",
        "http://stranger.example",
        "http://10.0.0.1",
        "ftp://stranger.example",
        "https://",
    ],
)
def test_an_address_that_is_no_safe_origin_can_not_pair(
    cert: RunningNode, clock: Clock, base_url: str
) -> None:
    secret = b64(cert.invite().secret)
    body = {"secret": secret, "descriptors": stranger_descriptors(base_url, clock)}
    answer = post_pairing(cert, body)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    good = {
        "secret": secret,
        "descriptors": stranger_descriptors("https://stranger.example", clock),
    }
    assert post_pairing(cert, good).status_code == HTTPStatus.OK, "a refusal uses nothing up"


def test_descriptors_that_prove_nothing_can_not_pair(
    cert: RunningNode, operator: RunningNode
) -> None:
    secret = b64(cert.invite().secret)
    document = json.loads(json.dumps(operator.node.documents[0]))
    document["signatures"] = document["signatures"][:1]
    body = {"secret": secret, "descriptors": [document]}
    answer = post_pairing(cert, body)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "signed" in answer.json()["detail"]


@on_both
def test_nobody_takes_over_the_name_or_the_address_of_a_partner(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    cert.pair_with(operator)
    thief = stranger_descriptors(
        "https://stranger.example",
        clock,
        id=operator.organisation,
        created_by_ref=operator.organisation,
    )
    squatter = stranger_descriptors(operator.base_url, clock)
    for documents in (thief, squatter):
        body = {"secret": b64(cert.invite().secret), "descriptors": documents}
        assert post_pairing(cert, body).status_code == HTTPStatus.CONFLICT
    assert cert.partner(operator).base_url == operator.base_url
    assert operator.token(cert)


def test_a_node_does_not_pair_with_itself(cert: RunningNode) -> None:
    with pytest.raises(ConflictError, match="your own node"):
        cert.accept(cert.invite().line)
    body = {"secret": b64(cert.invite().secret), "descriptors": cert.node.documents}
    assert post_pairing(cert, body).status_code == HTTPStatus.BAD_REQUEST


def test_an_invitation_whose_node_shows_another_recovery_key_is_refused(
    cert: RunningNode, operator: RunningNode
) -> None:
    fields = cert.invite().line.split()
    fields[2] = PrivateKey.generate().thumbprint
    with pytest.raises(InvalidError, match="another recovery key"):
        operator.accept(" ".join(fields))


@on_both
def test_a_lost_reply_is_healed_by_the_other_sides_confirmation(
    cert: RunningNode, operator: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = cert.invite()
    post = operator.http.post_pairing

    def lose_reply(*args: Any, **kwargs: Any) -> list[Any]:
        post(*args, **kwargs)
        raise UnavailableError("the reply was lost")

    monkeypatch.setattr(operator.http, "post_pairing", lose_reply)
    with pytest.raises(UnavailableError):
        operator.accept(invitation.line)
    assert operator.partner(cert).state is PartnerState.INVITED
    cert.confirm(operator)
    assert operator.partner(cert).state is PartnerState.TO_CONFIRM
    assert operator.confirm(cert).state is PartnerState.ACTIVE
    assert cert.partner(operator).state is PartnerState.ACTIVE


def test_a_confirmation_waits_for_a_node_that_is_away_and_is_delivered_later(
    cert: RunningNode, operator: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.accept(cert.invite().line)
    operator.confirm(cert)

    def away(*_args: object) -> None:
        raise UnavailableError("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(cert.http, "post_confirmation", away)
        assert cert.confirm(operator).delivered_at is None
        assert cert.partner(operator).failure == "nobody answers"
    assert operator.partner(cert).state is PartnerState.TO_CONFIRM
    with cert.app.app_context():
        assert cert.exchanges.deliver_confirmations() == 0
        assert cert.exchanges.deliver_confirmations() == 0
    assert operator.partner(cert).state is PartnerState.ACTIVE


def test_a_confirmation_by_anybody_else_or_for_anybody_else_is_refused(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    operator.accept(cert.invite().line)
    node, thumbprint = operator.node, cert.node.recovery_thumbprint
    good = build_confirmation(node, operator.ring, cert.organisation, thumbprint, now=clock())
    payload = json.loads(unb64(good.split(".")[1]))
    signer = node.signing_key(operator.ring)
    bad = {
        "another key": PrivateKey.generate().sign(canonical(payload), Typ.PAIRING),
        "a transport key": node.transport_key(operator.ring).sign(canonical(payload), Typ.PAIRING),
        "another typ": signer.sign(canonical(payload), Typ.BELL),
        "another node": signer.sign(
            canonical(payload | {"to": operator.organisation}), Typ.PAIRING
        ),
        "another phrase": signer.sign(
            canonical(payload | {"phrase_sha256": "0" * 64}), Typ.PAIRING
        ),
        "altered": good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
    }
    for why, jws in bad.items():
        assert post_confirmation(cert, jws).status_code == HTTPStatus.UNAUTHORIZED, why
    unknown = payload | {"from": "identity--7d1c2f0e-6b0e-4c63-9a52-3a0b4c1d0099"}
    answer = post_confirmation(cert, signer.sign(canonical(unknown), Typ.PAIRING))
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert post_confirmation(cert, "no signature").status_code == HTTPStatus.UNAUTHORIZED
    assert post_confirmation(cert, "x" * 5000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert cert.partner(operator).they_confirmed_at is None
    for _ in range(2):
        assert post_confirmation(cert, good).status_code == HTTPStatus.NO_CONTENT


def test_what_is_confirmed_is_not_confirmed_again(cert: RunningNode, operator: RunningNode) -> None:
    operator.accept(cert.invite().line)
    operator.confirm(cert)
    with pytest.raises(ConflictError, match="has yet to confirm you"):
        operator.confirm(cert)
    cert.confirm(operator)
    with pytest.raises(ConflictError, match="is active"):
        operator.confirm(cert)


@on_both
def test_suspending_stops_both_ways_at_once_and_resuming_starts_again(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    cert.pair_with(operator)
    with operator.app.app_context():
        assert operator.exchanges.ask_heads(cert.organisation) is not None
    with cert.session() as session:
        suspend_partner(session, operator.organisation, by="anna", reason="test", now=clock())
    with operator.app.app_context(), pytest.raises(UnverifiedError, match="no transport key"):
        operator.exchanges.ask_heads(cert.organisation)
    with pytest.raises(UnverifiedError):
        operator.token(cert)
    with cert.app.app_context(), pytest.raises(ForbiddenError, match="suspended"):
        cert.exchanges.ask_heads(operator.organisation)
    with cert.session() as session, pytest.raises(ConflictError):
        suspend_partner(session, operator.organisation, by="anna", now=clock())
    with cert.session() as session:
        resume_partner(session, operator.organisation, by="anna", now=clock())
    with operator.app.app_context():
        assert operator.exchanges.ask_heads(cert.organisation) is not None
    with cert.session() as session, pytest.raises(ConflictError):
        resume_partner(session, operator.organisation, by="anna", now=clock())


@on_both
def test_after_the_end_a_new_invitation_begins_anew(
    cert: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    cert.pair_with(operator)
    clock.advance(minutes=1)
    for one, other in ((cert, operator), (operator, cert)):
        with one.session() as session:
            end_partner(session, other.organisation, by="anna", now=clock())
        with one.session() as session, pytest.raises(ConflictError):
            end_partner(session, other.organisation, by="anna", now=clock())
    with pytest.raises(UnverifiedError):
        operator.token(cert)
    clock.advance(minutes=1)
    operator.accept(cert.invite().line)
    assert cert.partner(operator).confirmed_at is None
    assert cert.partner(operator).they_confirmed_at is None
    operator.confirm(cert)
    assert cert.confirm(operator).state is PartnerState.ACTIVE
    assert operator.token(cert)


def test_descriptors_are_served_as_signed_and_unknown_versions_are_not_found(
    cert: RunningNode,
) -> None:
    newest = requests.get(f"{cert.base_url}/.well-known/coordination-node", timeout=5)
    assert newest.headers["Content-Type"] == "application/jose+json"
    assert newest.content == canonical(cert.node.newest.jws)
    first = requests.get(f"{cert.base_url}/federation/descriptors/1/", timeout=5)
    assert first.content == newest.content
    for version in ("2", "0", "9" * 30):
        answer = requests.get(f"{cert.base_url}/federation/descriptors/{version}/", timeout=5)
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert answer.headers["Content-Type"] == "application/problem+json"
