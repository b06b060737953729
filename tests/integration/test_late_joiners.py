"""Late joiners between whole nodes: consent, releases, an owner that joined late, the suspended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import CoveredRecord, Standing
from hub.channels import audience, history, queries, service
from hub.channels.history import EntryItem
from hub.channels.member_queries import visible_members
from policies.acts import Act
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import collections, objects, stix
from sharing.objects import StixObject
from tests.integration.test_membership import hand_over, open_case, texts
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

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


def test_members_in_doubt_ceilings_and_limits_are_settled_with_words_that_all_read(
    nodes: Four,
) -> None:
    cert, grid, vendor, water = nodes
    case = open_case(cert, grid, vendor)
    with pytest.raises(InvalidError, match="say why"):
        cert.does(audience.suspend, case, organisation=vendor.organisation, reason=" ")
    cert.does(audience.suspend, case, organisation=vendor.organisation, reason="a stolen laptop")
    note_of(cert, case, "what vendor must not read")
    settle(*nodes)
    assert texts(vendor, case) == ["a stolen laptop"]
    with pytest.raises(ConflictError):
        vendor.note(case, "let me in")
    # What we take binds how far the channel is opened.
    grid.does(audience.change_limits, case, takes=TLP.AMBER, topics=["energy"])
    settle(*nodes)
    with pytest.raises(ConflictError, match="TLP:AMBER"):
        cert.does(audience.change_ceiling, case, ceiling=TLP.AMBER_STRICT)
    with pytest.raises(InvalidError, match="breakouts"):
        cert.does(audience.change_ceiling, case, ceiling=TLP.RED)
    # Who was invited under the old ceiling can still answer under the new one.
    cert.invite(case, water)
    settle(*nodes)
    cert.does(audience.change_ceiling, case, ceiling=TLP.GREEN)
    with pytest.raises(ForbiddenError, match="goes up to TLP:GREEN"):
        cert.note(case, "too strict now", TLP.AMBER)
    settle(*nodes)
    water.join(case)
    settle(*nodes)
    assert water.state(case) == cert.state(case)
    cert.does(
        audience.resume, case, organisation=vendor.organisation, reason="compared by telephone"
    )
    settle(*nodes)
    assert vendor.state(case) == cert.state(case) == grid.state(case)
    assert "what vendor must not read" not in texts(vendor, case)
    assert "compared by telephone" in texts(vendor, case)
    with cert.reading() as session:
        rows = visible_members(session, CONSOLE, case, us=cert.organisation, now=cert.now())
    assert {row.name: row.takes for row in rows}["Grid"] is TLP.AMBER


def test_red_goes_to_those_of_a_breakout_and_the_others_learn_nothing_of_it(nodes: Four) -> None:
    cert, grid, vendor, water = nodes
    case = open_case(cert, grid, vendor, tlp=TLP.AMBER_STRICT)
    with pytest.raises(NotFoundError, match="no member of the case"):
        cert.does(
            audience.open_breakout,
            case,
            name="The insider",
            ceiling=TLP.RED,
            members=[water.organisation],
        )
    breakout = grid.does(
        audience.open_breakout,
        case,
        name="The insider",
        ceiling=TLP.RED,
        members=[cert.organisation],
    ).id
    settle(*nodes)
    with pytest.raises(ConflictError, match="members of its case"):
        grid.invite(breakout, water)
    cert.join(breakout)
    settle(*nodes)
    secret = note_of(grid, breakout, "a name", TLP.RED)
    settle(*nodes)
    assert texts(cert, breakout) == ["a name"]
    with cert.reading() as session:
        assert queries.get_visible_summary(session, CONSOLE, breakout).parent == case
        (shown,) = queries.visible_breakouts(session, CONSOLE, case)
        auditor = replace(CONSOLE, roles=frozenset({PersonRole.AUDITOR}))
        entries = history.visible_entries(session, auditor, breakout)
    assert shown.id == breakout
    assert [one.absence for entry in entries for one in entry.items if one.type == "note"] == [
        "red"
    ]
    for node in (vendor, water):
        with node.reading() as session, pytest.raises(NotFoundError):
            queries.get_visible_summary(session, CONSOLE, breakout)
    with vendor.app.app_context():
        server = vendor.office.replicas.connect(grid.organisation, case)
        with pytest.raises(Exception, match="404"):
            server.by_ids(breakout, [secret.stix_id])
    vendor_case = vendor.state(case)
    assert breakout not in str(vendor_case.document())


def test_who_joined_late_asks_and_the_author_releases(nodes: Four) -> None:
    cert, grid, vendor, _ = nodes
    case = open_case(cert, grid)
    secret = note_of(grid, case, "before you came")
    settle(cert, grid)
    admit(cert, case, vendor, grid)
    assert _entry_items(grid, case, secret)[0].may_open
    assert _entry_items(vendor, case, secret)[0].absence == "withheld"
    vendor.does(audience.ask_release, case, objects=[secret.stix_id])
    settle(*nodes)
    assert texts(grid, case)[0] == audience.PLEASE_RELEASE
    with pytest.raises(NotFoundError):
        grid.does(audience.release, case, objects=["note--00000000-0000-4000-8000-00000000dead"])
    with pytest.raises(ConflictError, match="not all of it is here"):
        vendor.does(audience.release, case, objects=[secret.stix_id])
    with pytest.raises(ConflictError):
        cert.does(audience.release, case, objects=[secret.stix_id])
    grid.does(audience.release, case, objects=[secret.stix_id])
    settle(*nodes)
    assert _entry_items(vendor, case, secret)[0].text == "before you came"
    assert _entry_items(grid, case, secret)[0].later
    with pytest.raises(ConflictError, match="nothing of this is withheld"):
        vendor.does(audience.ask_release, case, objects=[secret.stix_id])


def _entry_items(node: RunningNode, case: str, stix_object: StixObject) -> list[EntryItem]:
    with node.reading() as session:
        entries = history.visible_entries(session, CONSOLE, case, limit=100)
    return [item for one in entries for item in one.items if item.ref == stix_object.stix_id]


def test_nobody_guesses_what_is_withheld_by_its_id_or_hash(nodes: Four) -> None:
    cert, grid, vendor, _ = nodes
    case = open_case(cert, grid)
    address = {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
        "value": "198.51.100.3",
    }
    seen = StixObject.of(address)
    for _ in range(2):
        # Written twice, it is the same object twice.
        grid.write(case, Act.EVENT_ADDED, {}, [seen])
    open_to_all = StixObject.of(address | {"object_marking_refs": [TLP.GREEN.marking_id]})
    grid.write(case, Act.EVENT_ADDED, {}, [open_to_all])
    cert.note(case, "yes")
    settle(cert, grid)
    admit(cert, case, vendor, grid)
    with vendor.reading() as session:
        entries = history.visible_entries(session, CONSOLE, case, limit=100)
    refs = [one.ref for entry in entries for one in entry.items if one.type == "ipv4-addr"]
    assert len(refs) == 3
    assert len(set(refs)) == 2
    assert seen.stix_id == refs[0]
    with vendor.app.app_context():
        server = vendor.office.replicas.connect(cert.organisation, case)
        found = server.by_ids(case, [seen.stix_id, *refs])
    assert [one.value["object_marking_refs"] for one in found] == [[TLP.GREEN.marking_id]]
    # Its id is taken now: other content of the same id is written under another one.
    other = StixObject.of(address | {"object_marking_refs": [TLP.CLEAR.marking_id]})
    cert.write(case, Act.EVENT_ADDED, {}, [other])
    foreign = stix.indicator(
        "[ipv4-addr:value = '198.51.100.3']",
        name="C2",
        created_by="identity--6b6a4f0f-7c0d-4f7e-8d43-0c6d3b2a0004",
        now=grid.now(),
        marking=TLP.GREEN,
    )
    named = StixObject.of({**foreign.value, "x_seen_refs": [seen.stix_id]})
    settle(*nodes)
    with pytest.raises(InvalidError, match="could be guessed"):
        cert.write(case, Act.INTEL_SHARED, {}, [seen, named])
    # The same words, written twice, are two objects whose hashes have nothing in common to try.
    cert.note(case, "yes")
    with cert.reading() as session:
        entries = history.visible_entries(session, CONSOLE, case, limit=100)
        contents = [
            objects.find_contents(session, [one.sha256 for one in _covered(session, entry)])
            for entry in entries
            if entry.act == "note.added"
        ]
    nonces = {
        StixObject.read(content).value["extensions"][stix.NONCE_EXTENSION]["nonce"]
        for found_here in contents
        for content in found_here.values()
    }
    assert len(nonces) == 2


def _covered(session: Session, entry: history.Entry) -> list[CoveredRecord]:
    query = select(CoveredRecord).where(
        CoveredRecord.channel == entry.channel,
        CoveredRecord.epoch == entry.epoch,
        CoveredRecord.seq == entry.seq,
    )
    return list(session.scalars(query))
