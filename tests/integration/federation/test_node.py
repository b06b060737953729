"""Setting a node up, and what the database itself refuses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy.exc import IntegrityError

from federation.identity.descriptor import KeyUse
from federation.identity.key_changes import recover, revoke_key, rotate_keys
from federation.identity.keys import PrivateKey, b64
from federation.identity.keystore import KeyStore
from federation.identity.node import find_node, get_node, init_node
from federation.partners.partner_records import PartnerRecord, PartnerState, StopReason
from federation.partners.partners import find_partner, partners, record_contact
from federation.partners.tokens import ASSERTION_TYPE, build_assertion
from policies.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from sharing.db import db, reading, transaction
from tests.conftest import make_store_app
from tests.integration.federation.nodes import START, RunningNode

BASE_URL = "https://cert.example"


@pytest.fixture
def empty(sqlite_template: Path, tmp_path: Path) -> Iterator[Flask]:
    app = make_store_app(f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'node.db')}")
    with app.app_context():
        yield app
        db.engine.dispose()


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", b"a passphrase for tests")


@pytest.mark.usefixtures("empty")
def test_a_node_is_set_up_once_and_keeps_its_recovery_key_nowhere(
    store: KeyStore, tmp_path: Path
) -> None:
    with reading() as session:
        assert find_node(session) is None
        with pytest.raises(NotFoundError, match="not been set up"):
            get_node(session)
    with transaction() as session:
        recovery = init_node(
            session,
            store,
            organisation=" Example CERT ",
            base_url=BASE_URL,
            sectors=["government", "energy", "energy"],
            now=START,
        )
    with reading() as session:
        node = get_node(session)
    ring = store.load()
    assert node.name == "Example CERT"
    assert node.base_url == BASE_URL
    assert node.identity["sectors"] == ["energy", "government"]
    assert node.recovery_thumbprint == recovery.thumbprint
    assert recovery.thumbprint not in ring
    assert set(ring) == {entry.key.thumbprint for entry in node.newest.keys}
    assert node.signing_key(ring).thumbprint != node.transport_key(ring).thumbprint
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or recovery.seed not in path.read_bytes()
    with transaction() as session, pytest.raises(ConflictError, match="set up before"):
        init_node(session, store, organisation="Other", base_url=BASE_URL, now=START)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("organisation", "base_url", "sectors"),
    [
        ("", BASE_URL, []),
        ("x" * 201, BASE_URL, []),
        ("line\nbreak", BASE_URL, []),
        ("CERT", "https://cert.example/path", []),
        ("CERT", BASE_URL, ["Energy"]),
        ("CERT", BASE_URL, [""]),
        ("CERT", BASE_URL, ["energy"] * 21),
    ],
)
def test_a_node_with_an_unusable_name_or_address_is_not_set_up(
    store: KeyStore, organisation: str, base_url: str, sectors: list[str]
) -> None:
    with transaction() as session, pytest.raises(InvalidError):
        init_node(
            session,
            store,
            organisation=organisation,
            base_url=base_url,
            sectors=sectors,
            now=START,
        )
    assert store.load() == {}


@pytest.mark.usefixtures("empty")
def test_keys_are_rotated_and_revoked_under_one_chain(store: KeyStore) -> None:
    with transaction() as session:
        recovery = init_node(session, store, organisation="C", base_url=BASE_URL, now=START)
    old = store.load()
    with transaction() as session:
        rotate_keys(session, store, [KeyUse.SIGN], ring=old, now=START + timedelta(days=1))
    ring = store.load()
    with reading() as session:
        node = get_node(session)
    current = node.signing_key(ring)
    assert node.newest.version == 2
    assert current.thumbprint not in old
    with pytest.raises(UnavailableError, match="no private key for sign"):
        node.signing_key({})
    later = START + timedelta(days=2)
    with transaction() as session:
        revoke_key(session, store, current.thumbprint, recovery=recovery, since=later, now=later)
    with reading() as session:
        node = get_node(session)
    assert node.newest.version == 3
    assert node.signing_key(store.load()).thumbprint != current.thumbprint
    for thumbprint, error in ((current.thumbprint, ConflictError), ("x", NotFoundError)):
        with transaction() as session, pytest.raises(error):
            revoke_key(session, store, thumbprint, recovery=recovery, since=later, now=later)
    with transaction() as session, pytest.raises(InvalidError):
        revoke_key(session, store, "x", recovery=PrivateKey.generate(), since=later, now=later)


@pytest.mark.usefixtures("empty")
def test_a_node_whose_key_folder_is_lost_begins_anew_with_its_recovery_key(
    store: KeyStore, tmp_path: Path
) -> None:
    with transaction() as session:
        recovery = init_node(session, store, organisation="C", base_url=BASE_URL, now=START)
    lost, fresh = store.load(), KeyStore(tmp_path / "other keys", b"a passphrase for tests")
    later, new_recovery = START + timedelta(days=1), PrivateKey.generate()
    with transaction() as session:
        recover(
            session,
            fresh,
            recovery=recovery,
            new_recovery=new_recovery,
            since=later,
            now=later,
        )
    with reading() as session:
        node = get_node(session)
    ring = fresh.load()
    assert not set(ring) & set(lost)
    assert {node.signing_key(ring).thumbprint, node.transport_key(ring).thumbprint} == set(ring)
    assert {one.key.thumbprint for one in node.newest.keys if one.revoked_at} == set(lost)
    assert node.newest.recovery == new_recovery.public
    assert node.recovery_thumbprint == recovery.thumbprint
    # A time that has not come is no time since when a key was stolen.
    with transaction() as session, pytest.raises(InvalidError, match="has passed"):
        recover(session, fresh, recovery=new_recovery, since=later + timedelta(days=1), now=later)
    with transaction() as session, pytest.raises(InvalidError, match="not the recovery key"):
        recover(session, fresh, recovery=recovery, since=later, now=later)


@pytest.mark.usefixtures("empty")
def test_a_retired_key_is_revoked_without_another_in_its_place(store: KeyStore) -> None:
    with transaction() as session:
        recovery = init_node(session, store, organisation="C", base_url=BASE_URL, now=START)
        first = get_node(session).newest.keys_in_use(KeyUse.SIGN)[0].key.thumbprint
    later = START + timedelta(days=1)
    with transaction() as session:
        rotate_keys(session, store, list(KeyUse), ring=store.load(), now=later)
    count = len(store.load())
    with transaction() as session:
        revoke_key(session, store, first, recovery=recovery, since=later, now=later)
    assert len(store.load()) == count
    with reading() as session:
        node = get_node(session)
    assert len(node.newest.keys_in_use(KeyUse.SIGN)) == 1
    assert [one.thumbprint for one in node.transport_keys(store.load())][1:] == [
        node.descriptors[0].keys_in_use(KeyUse.TRANSPORT)[0].key.thumbprint
    ]


def partner_row(**values: object) -> PartnerRecord:
    facts: dict[str, object] = {
        "organisation": "identity--1",
        "name": "Somebody",
        "base_url": BASE_URL,
        "recovery_thumbprint": "x",
        "state": PartnerState.TO_CONFIRM,
        "we_invited": True,
        "paired_at": START,
        "changed_at": START,
    }
    return PartnerRecord(**(facts | values))


@pytest.mark.usefixtures("app_context")
def test_the_database_refuses_an_active_partner_that_nobody_confirmed() -> None:
    confirmed = {"confirmed_at": START, "their_confirmation": "x"}
    active = {"state": PartnerState.ACTIVE}
    for values in (
        active,
        active | {"confirmed_at": START},
        active | confirmed | {"stopped_by": StopReason.DESCRIPTOR_FORK},
    ):
        with pytest.raises(IntegrityError), transaction() as session:
            session.add(partner_row(**values))
    with transaction() as session:
        session.add(partner_row(**active, **confirmed))
    with transaction() as session:
        record_contact(session, "identity--1", now=START, failure="x" * 1000)
        record_contact(session, "identity--nobody", now=START)
    with reading() as session:
        partner = find_partner(session, "identity--1")
        assert partner is not None
        assert len(partner.failure or "") == 500
        assert partners(session) == [partner]


@pytest.mark.usefixtures("tables_url")
def test_of_many_answers_to_one_invitation_at_once_one_is_taken(
    cert: RunningNode, operator: RunningNode
) -> None:
    body = {"secret": b64(cert.invite().secret), "descriptors": operator.node.documents}
    url = f"{cert.base_url}/federation/pairing/"

    def post(_: int) -> int:
        return requests.post(url, json=body, timeout=20).status_code

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(post, range(6)))
    assert codes == [HTTPStatus.OK, *[HTTPStatus.GONE] * 5]


@pytest.mark.usefixtures("tables_url")
def test_of_many_uses_of_one_assertion_at_once_one_is_granted(
    paired: RunningNode, operator: RunningNode
) -> None:
    assertion = build_assertion(
        operator.node.transport_key(operator.ring),
        organisation=operator.organisation,
        audience=paired.base_url,
        now=paired.clock(),
    )
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    url = f"{paired.base_url}/federation/token/"

    def post(_: int) -> int:
        return requests.post(url, data=form, timeout=20).status_code

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(post, range(6)))
    assert codes == [HTTPStatus.OK, *[HTTPStatus.UNAUTHORIZED] * 5]
