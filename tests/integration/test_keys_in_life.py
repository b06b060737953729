"""The keys of nodes over time, between whole nodes over HTTP: rotated, stolen, revoked, recovered.

Source: protocol, 2; issue 3, item 2.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import requests
from sqlalchemy import select

from federation.descriptor import KeyUse
from federation.keys import PrivateKey
from federation.ledger_records import EntryRecord
from federation.node import get_node
from federation.partner_keys import get_chain
from federation.tokens import ASSERTION_TYPE, build_assertion
from hub import own_keys
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle


def rotate(node: RunningNode, *uses: KeyUse) -> own_keys.Changed:
    with node.writing() as session:
        wanted = uses or tuple(KeyUse)
        return own_keys.rotate(session, node.office, CONSOLE, wanted, now=node.now())


def version_known(node: RunningNode, other: RunningNode) -> int:
    with node.reading() as session:
        return get_chain(session, other.organisation)[-1].version


def pass_time(node: RunningNode, **span: float) -> None:
    assert isinstance(node.now, Clock)
    node.now.advance(**span)


def newest(node: RunningNode, channel: str, count: int = 1) -> list[EntryRecord]:
    with node.reading() as session:
        rows = session.scalars(
            select(EntryRecord)
            .where(EntryRecord.channel == channel)
            .order_by(EntryRecord.epoch.desc(), EntryRecord.seq.desc())
            .limit(count)
        ).all()
        session.expunge_all()
        return list(rows)


def first_key(node: RunningNode, use: KeyUse) -> str:
    with node.reading() as session:
        keys = get_node(session).descriptors[0].keys
    return next(one.key.thumbprint for one in keys if one.use is use)


def ask_token(node: RunningNode, other: RunningNode, key: PrivateKey) -> int:
    assertion = build_assertion(
        key, organisation=other.organisation, audience=node.base_url, now=node.now()
    )
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return requests.post(f"{node.base_url}/federation/token/", data=form, timeout=20).status_code


def same_everywhere(case: str, *nodes: RunningNode) -> None:
    assert len({node.channel(case).head_sha256 for node in nodes}) == 1
    assert all(node.state(case) == nodes[0].state(case) for node in nodes)


def test_keys_are_rotated_while_everybody_writes(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as (cert, grid, water):
        case = cert.open()
        for node in (grid, water):
            cert.invite(case, node)
        settle(cert, grid, water)
        grid.join(case)
        water.join(case)
        settle(cert, grid, water)
        # A member rotates while something of its own waits in the outbox.
        grid.note(case, "before")
        changed = rotate(grid)
        grid.note(case, "after")
        assert case in changed.told.pending
        settle(cert, grid, water)
        cert.note(case, "meanwhile")
        settle(cert, grid, water)
        same_everywhere(case, cert, grid, water)
        descriptor = water.state(case).descriptor(grid.organisation)
        assert descriptor is not None
        assert descriptor.version == 2
        # The owner rotates too: its own channels say so at once.
        changed = rotate(cert)
        assert case in changed.told.history
        cert.note(case, "by the owner's new key")
        water.note(case, "by a member that has not rotated")
        settle(cert, grid, water)
        same_everywhere(case, cert, grid, water)
        # Partners hear of it by polling; tokens and bells go by the new keys.
        pass_time(cert, minutes=11)
        settle(cert, grid, water)
        for node, other in ((water, grid), (grid, cert), (cert, grid)):
            assert version_known(node, other) == 2
        pass_time(cert, minutes=1)
        grid.note(case, "with a token by the new transport key")
        settle(cert, grid, water)
        assert [one.author for one in newest(cert, case)] == [grid.organisation]
        same_everywhere(case, cert, grid, water)
        # What was retired opens no door any more.
        old = grid.office.keys.ring()[first_key(grid, KeyUse.TRANSPORT)]
        assert ask_token(cert, grid, old) == HTTPStatus.UNAUTHORIZED
        with grid.reading() as session:
            new = get_node(session).transport_key(grid.office.keys.ring())
        assert ask_token(cert, grid, new) == HTTPStatus.OK
