"""Tokens between nodes over HTTP: what is granted, and every way of asking that is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
import requests

from federation.identity.descriptor import KeyUse
from federation.identity.key_changes import rotate_keys
from federation.identity.keys import PrivateKey, Typ, b64, unb64
from federation.identity.node import get_node
from federation.partners.bells import build_bell
from federation.partners.heads import Head
from federation.partners.partners import end_partner, suspend_partner
from federation.partners.tokens import ASSERTION_TYPE, build_access_token, build_assertion
from sharing.canonical import canonical
from tests.integration.federation.nodes import Clock, RunningNode

CHANNEL = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
HEAD = Head(CHANNEL, 1, 4, "ab" * 32)


def ask(node: RunningNode, assertion: str, **form: str) -> requests.Response:
    data = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    } | form
    return requests.post(f"{node.base_url}/federation/token/", data=data, timeout=5)


def assertion(of: RunningNode, to: RunningNode, **kwargs: Any) -> str:
    key = of.node.transport_key(of.ring)
    values: dict[str, Any] = {
        "organisation": of.organisation,
        "audience": to.base_url,
        "now": of.clock(),
    }
    return build_assertion(key, **(values | kwargs))


def heads(node: RunningNode, token: str | None, **headers: str) -> requests.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return requests.get(f"{node.base_url}/federation/heads/", headers=headers, timeout=5)


def with_header(token: str, change: Callable[[dict[str, Any]], None], key: PrivateKey) -> str:
    header, payload, _ = token.split(".")
    value = json.loads(unb64(header))
    change(value)
    encoded = b64(canonical(value))
    return f"{encoded}.{payload}.{key.signature(encoded, unb64(payload))}"


@pytest.mark.usefixtures("tables_url")
def test_a_partner_gets_a_token_for_ten_minutes(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    answer = ask(paired, assertion(operator, paired))
    assert answer.status_code == HTTPStatus.OK
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.json()
    assert document["token_type"] == "Bearer"
    assert document["expires_in"] == 600
    claims = json.loads(unb64(document["access_token"].split(".")[1]))
    assert claims["iss"] == claims["aud"] == paired.base_url
    assert claims["sub"] == claims["client_id"] == operator.organisation
    assert claims["exp"] - claims["iat"] == 600
    assert heads(paired, document["access_token"]).status_code == HTTPStatus.OK
    clock.advance(minutes=10)
    refused = heads(paired, document["access_token"])
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    assert "expired" in refused.json()["detail"]
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.usefixtures("tables_url")
def test_an_assertion_is_taken_once(paired: RunningNode, operator: RunningNode) -> None:
    token = assertion(operator, paired)
    assert ask(paired, token).status_code == HTTPStatus.OK
    again = ask(paired, token)
    assert again.status_code == HTTPStatus.UNAUTHORIZED
    assert again.json() == {
        "error": "invalid_client",
        "error_description": "the assertion was used before",
    }


def test_used_assertions_are_forgotten_when_they_could_not_be_used_any_more(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    for _ in range(3):
        ask(paired, assertion(operator, paired))
    clock.advance(minutes=5)
    ask(paired, assertion(operator, paired))
    with paired.session() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM used_assertion").scalar()
    assert count == 1


def test_every_other_assertion_is_refused(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    now = clock()
    key = operator.node.transport_key(operator.ring)
    good = assertion(operator, paired)
    claims = json.loads(unb64(good.split(".")[1]))
    header, payload, signature = good.split(".")

    def signed(changes: Mapping[str, Any], *without: str) -> str:
        value = {name: part for name, part in (claims | changes).items() if name not in without}
        return key.sign(canonical(value), Typ.ASSERTION)

    def hs256() -> str:
        head = b64(canonical({"alg": "HS256", "kid": key.thumbprint, "typ": Typ.ASSERTION.value}))
        mac = hmac.new(key.public.raw, f"{head}.{payload}".encode(), hashlib.sha256).digest()
        return f"{head}.{payload}.{b64(mac)}"

    none = b64(canonical({"alg": "none", "kid": key.thumbprint, "typ": Typ.ASSERTION.value}))
    stranger = PrivateKey.generate()
    standard = base64.b64encode(unb64(signature)).decode()
    bad = {
        "another node's": assertion(operator, paired, audience="https://other.example"),
        "a list of audiences": signed({"aud": [paired.base_url]}),
        "with the path": signed({"aud": f"{paired.base_url}/federation/token/"}),
        "too old": assertion(operator, paired, now=now - timedelta(seconds=121)),
        "from the future": assertion(operator, paired, now=now + timedelta(seconds=61)),
        "long-lived": signed({"exp": claims["exp"] + 1}),
        "born dead": signed({"exp": claims["iat"]}),
        "a time as text": signed({"exp": str(claims["exp"])}),
        "endless": signed({"iat": 2**53 - 2, "exp": 2**53 - 1}),
        "without jti": signed({}, "jti"),
        "short jti": signed({"jti": "AAAA"}),
        "two organisations": signed({"sub": paired.organisation}),
        "nobody": signed({"iss": 7, "sub": 7}),
        "one claim more": signed({"scope": "all"}),
        "stranger's key": build_assertion(
            stranger, organisation=operator.organisation, audience=paired.base_url, now=now
        ),
        "signing key": build_assertion(
            operator.node.signing_key(operator.ring),
            organisation=operator.organisation,
            audience=paired.base_url,
            now=now,
        ),
        "unknown organisation": signed(
            dict.fromkeys(("iss", "sub"), "identity--7d1c2f0e-6b0e-4c63-9a52-3a0b4c1d0099")
        ),
        "another typ": key.sign(canonical(claims), Typ.ACCESS_TOKEN),
        "alg none": f"{none}.{payload}.",
        "alg none, signature kept": f"{none}.{payload}.{signature}",
        "alg HS256 with the public key": hs256(),
        "alg EdDSA": with_header(good, lambda head: head.update(alg="EdDSA"), key),
        "jwk in the header": with_header(
            good, lambda head: head.update(jwk=stranger.public.jwk), stranger
        ),
        "kid of the header's jwk": with_header(
            good,
            lambda head: head.update(jwk=stranger.public.jwk, kid=stranger.thumbprint),
            stranger,
        ),
        "crit": with_header(good, lambda head: head.update(crit=["exp"]), key),
        "padded": f"{header}.{payload}.{signature}==",
        "standard base64": f"{header}.{payload}.{standard}",
        "line break": f"{header}.{payload}.\n{signature}",
        "leftover bits": f"{header}.{payload}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        "altered": f"{header}.{b64(canonical(claims | {'jti': b64(bytes(16))}))}.{signature}",
        "two parts": f"{header}.{payload}",
        "four parts": f"{good}.AAAA",
        "empty": "",
        "huge": "A" * 5000,
        "not JSON": f"{header}.{b64(b'x')}.{signature}",
        "claims twice": key.sign(b'{"iss":"a","iss":"b"}', Typ.ASSERTION),
    }
    for why, token in bad.items():
        answer = ask(paired, token)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, why
        assert answer.json()["error"] == "invalid_client", why
        assert "access_token" not in answer.json(), why
    assert ask(paired, good).status_code == HTTPStatus.OK


def test_a_form_that_is_not_the_one_form_is_refused(
    paired: RunningNode, operator: RunningNode
) -> None:
    def fresh() -> str:
        return assertion(operator, paired)

    url = f"{paired.base_url}/federation/token/"
    assert ask(paired, fresh(), scope="everything").json()["error"] == "invalid_scope"
    assert ask(paired, fresh(), grant_type="password").json()["error"] == "unsupported_grant_type"
    assert ask(paired, fresh(), client_assertion_type="x").json()["error"] == "invalid_client"
    assert ask(paired, fresh(), client_id=paired.organisation).json()["error"] == "invalid_client"
    basic = requests.post(
        url,
        data={"grant_type": "client_credentials"},
        auth=(operator.organisation, "secret"),
        timeout=5,
    )
    assert basic.json()["error"] == "invalid_client"
    pairs = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", fresh()),
        ("client_assertion", fresh()),
    ]
    assert requests.post(url, data=pairs, timeout=5).json()["error"] == "invalid_request"
    many = requests.post(url, data=[(f"n{i}", "x") for i in range(50)], timeout=5)
    assert many.status_code == HTTPStatus.BAD_REQUEST
    large = requests.post(url, data={"grant_type": "x" * 20_000}, timeout=5)
    assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    as_json = requests.post(url, json={"grant_type": "client_credentials"}, timeout=5)
    assert as_json.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    in_query = requests.post(f"{url}?grant_type=client_credentials", data={"x": "1"}, timeout=5)
    assert in_query.json()["error"] == "unsupported_grant_type"


def test_every_other_access_token_is_refused(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    good = ask(paired, assertion(operator, paired)).json()["access_token"]
    own = paired.node.transport_key(paired.ring)
    header, payload, signature = good.split(".")
    claims = json.loads(unb64(payload))
    foreign = build_access_token(
        operator.node.transport_key(operator.ring),
        base_url=paired.base_url,
        organisation=operator.organisation,
        now=clock(),
    )
    bad = {
        "none": None,
        "by the caller itself": foreign,
        "an assertion": assertion(operator, paired),
        "for another origin": own.sign(
            canonical(claims | {"aud": "https://other.example"}), Typ.ACCESS_TOKEN
        ),
        "more claims": own.sign(canonical(claims | {"scope": "x"}), Typ.ACCESS_TOKEN),
        "another typ": own.sign(canonical(claims), Typ.BELL),
        "altered": f"{header}.{b64(canonical(claims | {'sub': 'x'}))}.{signature}",
        "huge": "A" * 5000,
        "empty": "",
    }
    for why, token in bad.items():
        assert heads(paired, token).status_code == HTTPStatus.UNAUTHORIZED, why
    basic = requests.get(f"{paired.base_url}/federation/heads/", auth=("a", good), timeout=5)
    assert basic.status_code == HTTPStatus.UNAUTHORIZED
    assert heads(paired, good).status_code == HTTPStatus.OK


@pytest.mark.usefixtures("tables_url")
def test_a_live_token_ends_with_the_partnership(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    token = operator.token(paired)
    with paired.session() as session:
        suspend_partner(session, operator.organisation, by="anna", now=clock())
    assert "suspended" in heads(paired, token).json()["detail"]
    with paired.session() as session:
        end_partner(session, operator.organisation, by="anna", now=clock())
    assert heads(paired, token).status_code == HTTPStatus.UNAUTHORIZED


def test_who_only_shares_a_channel_gets_a_token_by_the_keys_in_its_ledger(
    cert: RunningNode, operator: RunningNode
) -> None:
    assert ask(cert, assertion(operator, cert)).status_code == HTTPStatus.UNAUTHORIZED
    key = operator.node.transport_key(operator.ring)
    cert.channel_keys[operator.organisation, key.thumbprint] = key.public
    token = ask(cert, assertion(operator, cert)).json()["access_token"]
    assert heads(cert, token).status_code == HTTPStatus.OK


def test_heads_show_each_caller_its_own_and_cost_nothing_when_nothing_moved(
    paired: RunningNode, operator: RunningNode
) -> None:
    paired.heads[operator.organisation] = [HEAD]
    paired.heads["identity--somebody-else"] = [Head("0" * 8, 1, 1, "cd" * 32)]
    token = operator.token(paired)
    answer = heads(paired, token)
    assert answer.json() == {
        "descriptor": {
            "version": 1,
            "sha256": paired.node.newest.sha256,
        },
        "channels": [{"channel": CHANNEL, "epoch": 1, "seq": 4, "sha256": "ab" * 32}],
    }
    etag = answer.headers["ETag"]
    assert heads(paired, token, **{"If-None-Match": etag}).status_code == HTTPStatus.NOT_MODIFIED
    with operator.app.app_context():
        first = operator.exchanges.ask_heads(paired.organisation)
        assert first is not None
        assert first.channels == (HEAD,)
        assert operator.exchanges.ask_heads(paired.organisation, etag=first.etag) is None
    assert operator.partner(paired).heard_at is not None


def ring_bell(node: RunningNode, jws: str | bytes) -> requests.Response:
    headers = {"Content-Type": "application/jose"}
    return requests.post(f"{node.base_url}/federation/bell/", data=jws, headers=headers, timeout=5)


@pytest.mark.usefixtures("tables_url")
def test_a_bell_is_heard_and_tells_nothing_about_the_channel(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    key = operator.node.transport_key(operator.ring)
    bell = build_bell(
        key, organisation=operator.organisation, member=paired.organisation, head=HEAD, now=clock()
    )
    answer = ring_bell(paired, bell)
    assert (answer.status_code, answer.content) == (HTTPStatus.NO_CONTENT, b"")
    assert paired.heard == [(operator.organisation, CHANNEL)]
    clock.advance(minutes=11)
    assert ring_bell(paired, bell).status_code == HTTPStatus.NO_CONTENT
    assert len(paired.heard) == 1, "a stale bell is no news"
    with operator.app.app_context():
        fresh = build_bell(
            key,
            organisation=operator.organisation,
            member=paired.organisation,
            head=HEAD,
            now=clock(),
        )
        operator.http.post_bell(paired.destination, fresh)
    assert len(paired.heard) == 2


def test_bells_by_anybody_else_or_for_anybody_else_are_refused(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    key = operator.node.transport_key(operator.ring)

    def bell(
        by: PrivateKey, frm: str = operator.organisation, to: str = paired.organisation
    ) -> str:
        return build_bell(by, organisation=frm, member=to, head=HEAD, now=clock())

    payload = json.loads(unb64(bell(key).split(".")[1]))
    bad: dict[str, tuple[str | bytes, int]] = {
        "a stranger": (bell(PrivateKey.generate()), 401),
        "somebody unknown": (bell(key, frm="identity--x"), 401),
        "another door": (bell(key, to=operator.organisation), 401),
        "signing key": (bell(operator.node.signing_key(operator.ring)), 401),
        "another typ": (key.sign(canonical(payload), Typ.RECEIPT), 401),
        "no bell": (b"hello", 401),
        "not ASCII": ("é..".encode(), 400),
        "one member more": (key.sign(canonical(payload | {"x": 1}), Typ.BELL), 400),
        "no channel": (key.sign(canonical(payload | {"channel": "../x"}), Typ.BELL), 400),
        "no number": (key.sign(canonical(payload | {"seq": True}), Typ.BELL), 400),
        "huge": (b"A" * 5000, 413),
    }
    for why, (jws, status) in bad.items():
        answer = ring_bell(paired, jws)
        assert answer.status_code == status, why
        assert answer.headers["Content-Type"] == "application/problem+json", why
    with paired.session() as session:
        suspend_partner(session, operator.organisation, by="anna", now=clock())
    assert ring_bell(paired, bell(key)).status_code == HTTPStatus.UNAUTHORIZED
    assert paired.heard == []


def test_a_rotated_transport_key_is_followed_by_way_of_heads(
    paired: RunningNode, operator: RunningNode, clock: Clock
) -> None:
    old = paired.node.transport_key(paired.ring)
    token = operator.token(paired)
    clock.advance(minutes=1)
    with paired.session() as session:
        rotate_keys(session, paired.store, [KeyUse.TRANSPORT], ring=paired.ring, now=clock())
        paired.ring = paired.store.load()
        assert get_node(session).transport_key(paired.ring).thumbprint != old.thumbprint
    assert heads(paired, token).status_code == HTTPStatus.OK, "a live token stays good"
    assert ask(operator, assertion(paired, operator)).status_code == HTTPStatus.UNAUTHORIZED
    with operator.app.app_context():
        operator.exchanges.ask_heads(paired.organisation)
    assert operator.partner(paired).descriptor_version == 2
    assert ask(operator, assertion(paired, operator)).status_code == HTTPStatus.OK
    retired = build_assertion(
        old, organisation=paired.organisation, audience=operator.base_url, now=clock()
    )
    assert ask(operator, retired).status_code == HTTPStatus.UNAUTHORIZED
