"""Several organisations name one channel: each invitation is shown and answered by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from federation.branches.openings import find_direct
from federation.ledgers import channels
from federation.ledgers.ledger import get_channel, get_state, head_of
from federation.ledgers.ledger_records import Standing
from federation.partners.partner_keys import get_chain
from hub.channels import service
from hub.channels.invitations import visible_invitations
from policies.acts import Act
from policies.errors import ConflictError, NotFoundError
from sharing import stix
from sharing.canonical import write_time
from tests.integration.test_membership import open_case
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

Three = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    folder = tmp_path_factory.mktemp("invitations")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield cert, grid, vendor


def states(node: RunningNode, channel: str) -> dict[str, str]:
    """Give who invited to a channel, and how that stands."""
    with node.reading() as session:
        rows = visible_invitations(session, CONSOLE, now=node.now(), open_only=False)
    return {row.owner_name: row.state for row in rows if row.channel == channel}


def pretend(by: RunningNode, to: RunningNode, channel: str, *, genesis: str | None = None) -> None:
    """Have a member invite to a channel that another one coordinates, in its own direct channel."""
    with by.writing() as session:
        record = get_channel(session, channel)
        state, head = get_state(session, record), head_of(record)
        direct = find_direct(session, by.organisation, to.organisation)
        assert direct is not None
        assert head is not None
        body = {
            "organisation": to.organisation,
            "role": "affected",
            "reply_by": write_time(by.now()),
            "ceiling": state.ceiling.value,
            "older": "released",
            "recovery_key": get_chain(session, to.organisation)[0].recovery.thumbprint,
            "channel": channel,
            "genesis": genesis or record.genesis,
            "head": head.document(),
            "kind": "case",
        }
        named = stix.identity(
            "Come here instead",
            stix_id=stix.channel_identity_id(channel),
            identity_class="group",
            now=by.now(),
        )
        # No page writes this: it is what a member with a node of its own making can write.
        desk = by.office.desk(session)
        channels.write(
            session,
            desk,
            direct.id,
            Act.MEMBER_INVITED,
            body,
            [named],
            by="console",
            now=by.now(),
        )


def test_a_fellow_member_can_not_put_its_own_invitation_in_place_of_the_true_one(
    nodes: Three,
) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid)
    cert.invite(case, vendor)
    pretend(grid, vendor, case)
    settle(*nodes)
    assert states(vendor, case) == {"CERT": "open", "Grid": "open"}
    with pytest.raises(ConflictError, match="several organisations"):
        vendor.join(case)
    with pytest.raises(NotFoundError):
        vendor.does(service.join, case, owner=vendor.organisation)
    # A tired person takes the wrong one; the right one is still there and can be answered.
    vendor.does(service.join, case, owner=grid.organisation)
    settle(*nodes)
    assert vendor.channel(case).standing is Standing.JOINING
    vendor.does(service.join, case, owner=cert.organisation)
    settle(*nodes)
    assert vendor.channel(case).standing is Standing.CURRENT
    assert vendor.state(case) == cert.state(case)
    assert states(vendor, case)["CERT"] == "joined"


def test_an_invitation_to_another_beginning_is_left_by_answering_the_true_one(
    nodes: Three,
) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid)
    pretend(grid, vendor, case, genesis="0" * 64)
    settle(*nodes)
    vendor.join(case)
    settle(cert, grid)
    cert.invite(case, vendor)
    settle(cert, grid)
    for _ in range(5):
        vendor.work()
    assert states(vendor, case)["CERT"] == "open"
    vendor.does(service.join, case, owner=cert.organisation)
    settle(*nodes)
    assert vendor.channel(case).standing is Standing.CURRENT
    assert vendor.state(case) == cert.state(case)
