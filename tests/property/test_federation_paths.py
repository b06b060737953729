"""Whatever is thrown at the paths between nodes is answered with a refusal, never with a fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federation.identity.keys import b64
from federation.partners.tokens import ASSERTION_TYPE
from sharing.canonical import MalformedError, canonical
from tests.integration.federation.nodes import Clock, RunningNode


def _encodable(value: object) -> bool:
    try:
        canonical(value)
    except MalformedError:
        return False
    return True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["secret", "descriptors", "payload", "signatures", "iss", "sub", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
PARTS = st.one_of(
    st.binary(max_size=80).map(b64),
    st.text(max_size=40),
    JSON.filter(_encodable).map(lambda value: b64(canonical(value))),
)
TOKENS = st.lists(PARTS, min_size=1, max_size=4).map(".".join)


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("fuzz")
    url = f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'node.db')}"
    node = RunningNode("Example CERT", folder, url, Clock())
    yield node.app.test_client()
    node.stop()


relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(body=st.binary(max_size=200) | JSON.filter(_encodable).map(canonical))
def test_pairing_refuses_every_body(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/federation/pairing/", data=body, content_type="application/json")
    assert answer.status_code in {400, 410}
    assert answer.content_type == "application/problem+json"


@relaxed
@given(token=TOKENS)
def test_bells_and_confirmations_refuse_every_signature(client: FlaskClient, token: str) -> None:
    for path in ("/federation/bell/", "/federation/pairing/confirmed/"):
        answer = client.post(path, data=token.encode(), content_type="application/jose")
        assert answer.status_code in {400, 401, 404, 413}, (path, answer.status_code)


@relaxed
@given(token=TOKENS, kind=st.sampled_from(["Bearer", "bearer", "Basic", ""]))
def test_heads_refuse_every_token(client: FlaskClient, token: str, kind: str) -> None:
    header = f"{kind} {token}".encode().decode("latin-1").replace("\n", "").replace("\r", "")
    answer = client.get("/federation/heads/", headers={"Authorization": header})
    assert answer.status_code == 401


@relaxed
@given(token=TOKENS, more=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_nobody_gets_a_token_by_chance(
    client: FlaskClient, token: str, more: dict[str, str]
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": token,
    } | more
    answer = client.post("/federation/token/", data=form)
    assert answer.status_code in {400, 401}
    assert "access_token" not in answer.text
