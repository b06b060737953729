"""Late joiners between whole nodes: consent, releases, an owner that joined late, the suspended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from federation.ledger_records import Standing
from hub.channels import service
from policies.acts import Act
from policies.tlp import TLP
from sharing import collections, stix
from sharing.objects import StixObject
from tests.integration.test_membership import hand_over, open_case, texts
from tests.kit.nodes import RunningNode, running, settle

Four = tuple[RunningNode, RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Four]:
    folder = tmp_path_factory.mktemp("late")
    with running(folder, "CERT", "Grid", "Vendor", "Water") as (cert, grid, vendor, water):
        yield cert, grid, vendor, water


def admit(owner: RunningNode, case: str, member: RunningNode, *others: RunningNode) -> None:
    """Invite a member and have it join."""
    owner.invite(case, member)
    settle(owner, member, *others)
    member.join(case)
    settle(owner, member, *others)


def note_of(node: RunningNode, case: str, text: str, tlp: TLP = TLP.AMBER) -> StixObject:
    """Write a note into a case and give it."""
    about = [node.state(case).identity]
    note = stix.note(text, about=about, created_by=node.organisation, now=node.now(), marking=tlp)
    node.write(case, Act.NOTE_ADDED, {}, [note])
    return note


def test_an_author_consents_when_writing_or_releases_later_and_a_late_owner_serves_it(
    nodes: Four,
) -> None:
    cert, grid, vendor, water = nodes
    case = open_case(cert, grid)
    secret = note_of(grid, case, "kept close")
    grid.does(service.add_note, case, text="for all", tlp=TLP.AMBER, later_members=True)
    indicator = stix.indicator(
        "[ipv4-addr:value = '198.51.100.7']",
        name="C2",
        created_by=grid.organisation,
        now=grid.now(),
        marking=TLP.AMBER,
    )
    grid.write(case, Act.INTEL_SHARED, {}, [indicator])
    settle(cert, grid)
    # Who joins later gets what its author opened: by a word, and intelligence by itself.
    admit(cert, case, vendor, grid)
    assert texts(vendor, case) == ["for all", "withheld"]
    assert vendor.state(case) == cert.state(case)
    assert _holds(vendor, case, indicator)
    assert not _holds(vendor, case, secret)
    # The one that was withheld from takes over, and is asked to serve what it never had.
    hand_over(cert, vendor, case)
    settle(*nodes)
    grid.write(case, Act.OBJECT_RELEASED, {"objects": [secret.stix_id]})
    settle(*nodes)
    assert texts(vendor, case) == ["for all", "kept close"]
    admit(vendor, case, water, cert, grid)
    assert texts(water, case) == ["for all", "kept close"]
    assert water.state(case) == vendor.state(case) == cert.state(case) == grid.state(case)


def test_who_was_away_gets_from_other_members_what_a_late_owner_never_had(nodes: Four) -> None:
    cert, grid, vendor, water = nodes
    case = open_case(cert, grid, water)
    note = note_of(grid, case, "while water was away")
    settle(cert, grid)
    admit(cert, case, vendor, grid)
    hand_over(cert, vendor, case)
    settle(*nodes)
    assert not _holds(vendor, case, note)
    assert water.channel(case).standing is Standing.CURRENT
    assert texts(water, case) == ["while water was away"]
    assert water.state(case) == vendor.state(case)


def test_who_is_gone_is_shown_nothing_new_and_not_stopped_by_what_was_recalled_since(
    nodes: Four,
) -> None:
    cert, grid, vendor, _ = nodes
    case = open_case(cert, grid)
    before = note_of(grid, case, "before vendor came")
    settle(cert, grid)
    admit(cert, case, vendor, grid)
    note = note_of(grid, case, "while vendor was there")
    settle(cert, grid)
    cert.write(case, Act.MEMBER_SUSPENDED, {"organisation": vendor.organisation})
    settle(cert, grid)
    grid.write(case, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    grid.write(case, Act.OBJECT_RELEASED, {"objects": [before.stix_id]})
    settle(cert, grid)
    # It asks by id for what was withheld, what was released after its part ended, and at random.
    with vendor.app.app_context():
        server = vendor.office.replicas.connect(cert.organisation, case)
        foreign = note_of(cert, cert.open("Another case"), "not theirs")
        assert server.by_ids(case, [before.stix_id, note.stix_id, foreign.stix_id]) == []
    settle(*nodes)
    assert vendor.state(case).members[vendor.organisation].state == "suspended"
    assert vendor.channel(case).standing is Standing.CURRENT
    assert not _holds(vendor, case, before)
    cert.write(case, Act.MEMBER_RESUMED, {"organisation": vendor.organisation})
    settle(*nodes)
    assert vendor.state(case) == cert.state(case) == grid.state(case)
    assert texts(vendor, case) == ["recalled", "before vendor came"]


def _holds(node: RunningNode, case: str, stix_object: StixObject) -> bool:
    with node.reading() as session:
        return bool(collections.find_hashes(session, case, [stix_object.sha256]))
