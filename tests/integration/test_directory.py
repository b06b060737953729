"""The directory of a community on three whole nodes: said, read, relayed, taken back.

Source: domain, 1 (*Three in the morning*) and 2 (*Plan and prepare*); lifecycles, 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from federation.ledgers import rebuild
from federation.ledgers.ledger_records import CoveredRecord
from hub.accounts import users
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.calls import answering, calling
from hub.calls import queries as call_queries
from hub.cases import course
from hub.channels import history, relay, service
from hub.channels.relay import Told
from hub.community import directory, directory_queries
from hub.community.directory import Whom
from hub.community.directory_queries import Contact, Listed
from hub.community.directory_statement import StatedConstituency, StatedPoint
from policies.acts import Act, ChannelKind
from policies.directory import (
    FRESH_FOR,
    Duty,
    Freshness,
    Hours,
    OnDuty,
    Sector,
    Way,
    WayKind,
)
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import objects, stix
from sharing.objects import StixObject
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
LIAISON = Actor("l", "lea", frozenset({PersonRole.LIAISON}), Via.SESSION)
AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)
STRANGER = Actor("s", "sam", frozenset(), Via.SESSION)
PASSWORD = "four words in a row"
PRIVATE = "+43 1 111, for our eyes"
PHONE = Way(WayKind.TELEPHONE, out_of_band=True, ceiling=TLP.AMBER)
MAIL = Way(WayKind.E_MAIL, out_of_band=False)
DESK = StatedPoint("Control room", (MAIL, PHONE), ("soc@grid.example", "+43 1 234"))
OFFICE = Hours(frozenset(range(5)), 8 * 60, 18 * 60, "Europe/Vienna")
BOSS = StatedPoint("Kim Boss", (PHONE,), ("+43 1 999",), duty=Duty.EXECUTIVE, order=9, hours=OFFICE)


@dataclass
class Story:
    """A CERT that coordinates a community, a grid operator, a vendor; water has a telephone."""

    cert: RunningNode
    grid: RunningNode
    vendor: RunningNode
    place: str
    water: str

    @property
    def nodes(self) -> tuple[RunningNode, ...]:
        return self.cert, self.grid, self.vendor

    def settle(self) -> None:
        settle(*self.nodes)

    def does(self, node: RunningNode, use_case: Any, *given: Any, **more: Any) -> Any:
        actor, where = more.pop("actor", CONSOLE), more.pop("channel", self.place)
        with node.writing() as session:
            desk = node.office.desk(session)
            return use_case(session, desk, actor, where, *given, now=node.now(), **more)

    def says(self, node: RunningNode, *points: StatedPoint, **more: Any) -> None:
        self.does(node, directory.describe, points=points, **more)
        self.settle()

    def directory(self, node: RunningNode, actor: Actor = CONSOLE, **more: Any) -> list[Listed]:
        where = more.pop("channel", self.place)
        with node.reading() as session:
            return directory_queries.visible_directory(
                session, actor, where, us=node.organisation, now=node.now(), **more
            )

    def of(
        self, who: RunningNode | str, by: RunningNode | None = None, actor: Actor = CONSOLE
    ) -> Listed:
        organisation = who if isinstance(who, str) else who.organisation
        found = self.directory(by or self.cert, actor)
        return next(one for one in found if one.organisation == organisation)

    def contacts(
        self, node: RunningNode, who: RunningNode | str, actor: Actor = CONSOLE
    ) -> tuple[Contact, ...]:
        organisation = who if isinstance(who, str) else who.organisation
        with node.reading() as session:
            found = directory_queries.visible_contacts(
                session, actor, [organisation], us=node.organisation, now=node.now()
            )
        return found.get(organisation, ())

    def whom(self) -> Whom:
        return Whom(self.water, Told("telephone", self.cert.now(), "Jo, shift leader"))


@pytest.fixture
def story(tmp_path: Any) -> Iterator[Story]:
    with running(tmp_path, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        place = cert.open("Energy sector", kind=ChannelKind.COMMUNITY)
        for node in (grid, vendor):
            cert.invite(place, node, "member")
            settle(cert, grid, vendor)
            node.join(place)
        settle(cert, grid, vendor)
        water = cert.does(
            relay.add_absent, place, name="Water Utility", roles=["member"], contact=PRIVATE
        )
        made = Story(cert, grid, vendor, place, water)
        told = Told("telephone", cert.now(), "Jo, shift leader")
        made.does(cert, relay.relay, organisation=water, act=Act.MEMBER_JOINED, told=told)
        made.settle()
        yield made


def test_what_one_says_of_itself_all_members_read_and_who_is_on_duty_comes_first(
    story: Story,
) -> None:
    """The clock stands at a Friday, 11:00 in Vienna."""
    facts = StatedConstituency(
        sectors=(Sector.ENERGY,),
        as_numbers=(64496,),
        domains=("Grid.Example.",),
        ranges=("192.0.2.9/24",),
        services=("forensics", "hotline"),
    )
    night = replace(BOSS, hours=Hours(frozenset({4}), 22 * 60, 6 * 60, 60), name="Night watch")
    story.says(story.grid, night, BOSS, DESK, constituency=facts)
    for node in story.nodes:
        first = story.directory(node)[0]
        assert first.organisation == story.grid.organisation
        assert [one.name for one in first.contacts] == ["Control room", "Kim Boss", "Night watch"]
        desk, boss, watch = first.contacts
        assert desk.on_duty is boss.on_duty is OnDuty.YES
        assert (watch.on_duty, f"{watch.next_at:%d %H:%M}") == (OnDuty.NO, "20 21:00")
        assert [(one.words, one.link, one.out_of_band) for one in desk.ways] == [
            ("+43 1 234", "tel:+431234", True),
            ("soc@grid.example", "mailto:soc@grid.example", False),
        ]
        assert desk.freshness is Freshness.NEVER
        assert first.constituency == replace(
            facts,
            domains=("grid.example",),
            ranges=("192.0.2.0/24",),
            ref=first.constituency.ref if first.constituency else None,
        )
        assert story.directory(node)[-1].described_at is None


def test_the_newest_statement_takes_the_place_of_the_whole_and_a_plain_reader_sees_it(
    story: Story,
) -> None:
    story.says(story.grid, DESK, BOSS, constituency=StatedConstituency(sectors=(Sector.ENERGY,)))
    before = story.of(story.grid)
    refs = {one.name: one.ref for one in before.contacts}
    story.says(story.grid, replace(DESK, name="New desk", ref=refs["Control room"]))
    after = story.of(story.grid, by=story.vendor)
    assert [(one.name, one.ref) for one in after.contacts] == [("New desk", refs["Control room"])]
    assert after.constituency is None
    newest = _newest_identities(story.vendor, story.place, story.grid.organisation)
    assert newest[refs["Control room"]]["name"] == "New desk"
    assert newest[refs["Kim Boss"]]["revoked"] is True
    assert "contact_information" not in newest[refs["Kim Boss"]]


def test_points_are_added_changed_verified_and_taken_back_one_by_one(story: Story) -> None:
    for point in (DESK, BOSS):
        # Two of them before the coordinator has heard of either.
        story.does(story.grid, directory.set_point, point)
    story.does(story.grid, directory.set_constituency, StatedConstituency(sectors=(Sector.ENERGY,)))
    story.settle()
    said = story.of(story.grid)
    assert [one.name for one in said.contacts] == ["Control room", "Kim Boss"]
    desk, boss = said.contacts
    changed = replace(DESK, name="Shift leader", ref=desk.ref)
    story.does(story.grid, directory.set_point, changed)
    story.does(story.grid, directory.verify, refs=[boss.ref])
    story.settle()
    said = story.of(story.grid, by=story.vendor)
    assert [(one.name, one.freshness) for one in said.contacts] == [
        ("Shift leader", Freshness.NEVER),
        ("Kim Boss", Freshness.FRESH),
    ]
    assert said.constituency is not None
    story.does(story.grid, directory.verify)
    story.does(story.grid, directory.remove_point, boss.ref)
    story.settle()
    said = story.of(story.grid)
    assert [(one.name, one.freshness) for one in said.contacts] == [
        ("Shift leader", Freshness.FRESH)
    ]


def test_what_was_verified_long_ago_is_old(story: Story) -> None:
    story.says(story.cert, replace(DESK, verified_at=story.cert.now() - FRESH_FOR))
    assert story.of(story.cert).contacts[0].freshness is Freshness.OLD
    ahead = story.cert.now() + timedelta(days=400)
    story.says(story.cert, replace(DESK, verified_at=ahead))
    contact = story.of(story.cert).contacts[0]
    assert contact.verified_at is not None
    assert contact.verified_at <= story.cert.now(), "nobody verifies today what holds tomorrow"


def test_the_coordinator_speaks_for_who_has_no_node_and_its_own_note_stays_here(
    story: Story,
) -> None:
    story.says(story.cert, replace(DESK, name="Pump house"), whom=story.whom())
    for node in story.nodes:
        water = story.of(story.water, by=node)
        assert [one.name for one in water.contacts] == ["Pump house"]
        assert water.by_name == "CERT"
        assert (water.private == PRIVATE) is (node is story.cert)
    assert story.of(story.water, actor=HANDLER).private is None
    with story.vendor.reading() as session:
        entries = history.visible_entries(session, CONSOLE, story.place, limit=1)
    assert "on behalf of Water Utility (by telephone" in entries[0].sentence
    assert "said how to reach it: 1 contact point" in entries[0].sentence
    story.does(story.cert, directory.set_point, BOSS, whom=story.whom())
    story.does(story.cert, directory.verify, whom=story.whom())
    story.settle()
    assert [one.freshness for one in story.of(story.water, by=story.grid).contacts] == [
        Freshness.FRESH,
        Freshness.FRESH,
    ]
    about_grid = Whom(story.grid.organisation, Told("telephone", story.cert.now()))
    with pytest.raises(ConflictError, match="it writes for itself"):
        story.says(story.cert, DESK, whom=about_grid)
    with pytest.raises(InvalidError, match="who told you"):
        story.says(story.cert, DESK, whom=Whom(story.water))
    with pytest.raises(ConflictError, match="only the coordinator"):
        story.says(story.grid, DESK, whom=story.whom())


def test_who_joins_later_reads_how_to_reach_everybody(story: Story) -> None:
    story.does(story.vendor, service.leave)
    story.settle()
    story.says(story.grid, DESK)
    story.cert.invite(story.place, story.vendor, "member")
    story.settle()
    story.vendor.join(story.place)
    story.settle()
    assert [one.name for one in story.of(story.grid, by=story.vendor).contacts] == ["Control room"]


def test_whom_to_call_is_gathered_from_what_we_share_and_may_read(story: Story) -> None:
    story.says(story.grid, DESK, replace(DESK, name="Lawyer", duty=Duty.LEGAL))
    assert [one.name for one in story.contacts(story.cert, story.grid)] == ["Control room"]
    assert story.contacts(story.cert, story.grid)[0].channel == story.place
    assert story.contacts(story.cert, story.grid, STRANGER) == ()
    assert [one.name for one in story.contacts(story.cert, story.grid, AUDITOR)] == ["Control room"]
    case = story.cert.open("Pumps stand still")
    story.cert.invite(case, story.grid)
    story.settle()
    story.grid.join(case)
    story.settle()
    story.says(story.grid, replace(DESK, name="Case desk"), channel=case)
    assert [one.name for one in story.contacts(story.cert, story.grid)] == ["Case desk"]
    assert [one.name for one in story.contacts(story.vendor, story.grid)] == ["Control room"]
    story.does(story.grid, service.leave, channel=case)
    story.settle()
    assert [one.name for one in story.contacts(story.cert, story.grid)] == ["Control room"]
    story.does(story.vendor, service.leave)
    story.settle()
    assert story.contacts(story.vendor, story.grid) == ()


def test_red_numbers_are_for_coordinators_and_handlers(story: Story) -> None:
    case = story.cert.open("Pumps stand still")
    story.cert.invite(case, story.grid)
    story.settle()
    story.grid.join(case)
    story.settle()
    breakout = story.cert.does(
        service.open_channel,
        kind=ChannelKind.CASE,
        name="Inner circle",
        ceiling=TLP.RED,
        parent=case,
    ).id
    story.cert.invite(breakout, story.grid)
    story.settle()
    story.grid.join(breakout)
    story.settle()
    story.says(story.grid, replace(DESK, name="Open desk"))
    story.says(story.grid, replace(DESK, name="Red desk"), channel=breakout, tlp=TLP.RED)
    assert [one.name for one in story.contacts(story.cert, story.grid, HANDLER)] == ["Red desk"]
    for actor in (LIAISON, AUDITOR):
        assert [one.name for one in story.contacts(story.cert, story.grid, actor)] == ["Open desk"]
        (red,) = next(
            one.contacts
            for one in story.directory(story.cert, actor, channel=breakout)
            if one.organisation == story.grid.organisation
        )
        assert red.name == "for coordinators and handlers"
        assert [(way.words, way.link) for way in red.ways] == [(None, None), (None, None)]


def test_what_was_recalled_is_shown_no_more_and_a_rebuild_gives_the_same(story: Story) -> None:
    story.says(story.grid, DESK, BOSS)
    ref = story.of(story.grid).contacts[0].ref
    story.grid.write(story.place, Act.OBJECT_RECALLED, {"objects": [ref]})
    story.settle()
    for node in story.nodes:
        gone = story.of(story.grid, by=node).contacts[0]
        assert gone.name == "its words are not here"
        assert all(way.words is None for way in gone.ways)
        assert [one.name for one in story.contacts(node, story.grid)] == ["Kim Boss"]
        with node.writing() as session:
            desk = node.office.desk(session)
            assert not rebuild.rebuild(session, desk, story.place, VIEWS).differences
    story.does(story.grid, directory.verify)
    story.settle()
    assert [one.name for one in story.of(story.grid).contacts] == ["Kim Boss"]


def test_checks_are_shown_where_the_numbers_are(story: Story) -> None:
    ref = story.does(story.cert, calling.check).ref
    story.settle()
    story.does(story.grid, answering.acknowledge, ref)
    story.settle()
    reached = story.of(story.grid).reached
    assert reached is not None
    assert (reached.minutes, reached.way, reached.relayed) == (1, "node", False)
    assert story.of(story.vendor).reached is None
    told = Told("telephone", story.cert.now())
    story.does(story.cert, answering.acknowledge_for, ref, organisation=story.water, told=told)
    story.settle()
    reached = story.of(story.water, by=story.grid).reached
    assert reached is not None
    assert (reached.way, reached.relayed) == ("telephone", True)


def test_whom_to_call_stands_beside_the_silent_and_with_nobody_else(story: Story) -> None:
    story.says(story.grid, DESK)
    story.says(story.vendor, DESK)
    case = story.cert.open("Pumps stand still")
    for node in (story.grid, story.vendor):
        story.cert.invite(case, node)
        story.settle()
        node.join(case)
    story.settle()
    ref = story.does(story.cert, calling.warn, channel=case, text="Pull the plug.").ref
    story.settle()
    story.does(story.grid, answering.acknowledge, ref, channel=case)
    story.settle()

    def people(node: RunningNode, actor: Actor) -> dict[str, list[str]]:
        with node.reading() as session:
            call = call_queries.get_call(
                session, actor, case, ref, us=node.organisation, now=node.now()
            )
        return {one.name: [each.name for each in one.people] for one in call.addressees}

    assert people(story.cert, CONSOLE) == {"Vendor": ["Control room"], "Grid": []}
    assert people(story.cert, AUDITOR) == {"Vendor": ["Control room"], "Grid": []}
    assert people(story.vendor, CONSOLE) == {"Vendor": [], "Grid": []}, "nobody calls itself"
    story.does(story.vendor, service.leave)
    story.settle()
    assert people(story.cert, CONSOLE)["Vendor"] == [], "no community is shared any more"


def test_the_room_of_a_case_says_whom_to_call(story: Story) -> None:
    hostile = "<script>alert(1)</script>"
    story.says(story.grid, replace(DESK, name=hostile, lines=("x@y.example'><b>", "+43 1 234")))
    with story.cert.writing() as session:
        desk = story.cert.office.desk(session)
        room = course.open_case(
            session, desk, CONSOLE, title="Pumps", text="They stand.", now=story.cert.now()
        )
    story.cert.invite(room, story.grid)
    story.settle()
    story.grid.join(room)
    story.settle()
    dam = story.does(
        story.cert,
        relay.add_absent,
        channel=room,
        name="Dam",
        roles=["affected"],
        contact="the dam keeper",
    )
    told = Told("telephone", story.cert.now())
    story.does(
        story.cert,
        relay.relay,
        channel=room,
        organisation=dam,
        act=Act.MEMBER_JOINED,
        told=told,
    )
    story.settle()
    text = _page(story.cert, f"/cases/{room}")
    assert "To you alone: <strong>the dam keeper</strong>" in text
    assert "the dam keeper" not in _page(story.grid, f"/cases/{room}")
    assert "Whom to call" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert hostile not in text
    assert 'href="tel:+431234"' in text
    assert "mailto:" not in text
    for place in ("channels", "communities"):
        text = _page(story.cert, f"/{place}/{story.place}/directory")
        assert hostile not in text
        assert "mailto:" not in text


def test_another_members_object_gives_no_words(story: Story) -> None:
    """A member names as its contact point what somebody else has said: nothing is read from it."""
    story.says(story.grid, DESK)
    ref = story.of(story.grid).contacts[0].ref
    body = {
        "points": [
            {
                "ref": ref,
                "duty": "primary",
                "order": 1,
                "hours": "always",
                "ways": [{"kind": "telephone", "out_of_band": True}],
            }
        ]
    }
    forged = stix.build(
        "identity",
        {"name": "Mallory", "identity_class": "individual", "contact_information": "+1 666"},
        created_by=story.vendor.organisation,
        now=story.vendor.now(),
        marking=TLP.AMBER,
    )
    story.vendor.write(story.place, Act.MEMBER_DESCRIBED, body, [forged])
    story.settle()
    vendor = story.of(story.vendor)
    assert [(one.name, one.is_readable) for one in vendor.contacts] == [
        ("its words are not here", False)
    ]
    assert story.of(story.grid).contacts[0].name == "Control room"


@pytest.mark.parametrize(
    ("point", "field"),
    [
        (replace(DESK, name=" "), "points[0].name"),
        (replace(DESK, name="Jo\u202e"), "points[0].name"),
        (replace(DESK, lines=("soc@grid.example", "two\nlines")), "points[0].ways"),
        (replace(DESK, ways=(), lines=()), "points[0].ways"),
        (replace(DESK, hours=replace(OFFICE, zone="Mars/Olympus")), "points[0].zone"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(
    story: Story, point: StatedPoint, field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        story.says(story.cert, point)
    assert refused.value.field == field


def test_who_may_not_is_refused_and_strangers_find_nothing(story: Story) -> None:
    with pytest.raises(ForbiddenError):
        story.says(story.cert, DESK, actor=LIAISON)
    with pytest.raises(NotFoundError):
        story.directory(story.cert, STRANGER)
    with pytest.raises(NotFoundError):
        story.directory(story.cert, channel="0" * 36)
    with pytest.raises(NotFoundError):
        story.does(story.cert, directory.remove_point, story.cert.organisation)
    with pytest.raises(ConflictError, match="no contact point"):
        story.does(story.cert, directory.verify)
    for wrong, field in (
        (StatedConstituency(domains=("not a domain",)), "domains"),
        (StatedConstituency(ranges=("300.0.0.0/8",)), "ranges"),
        (StatedConstituency(services=("a, b",)), "services"),
    ):
        with pytest.raises(InvalidError) as refused:
            story.does(story.cert, directory.set_constituency, wrong)
        assert refused.value.field == field


def test_a_name_finds_an_organisation_or_a_person(story: Story) -> None:
    story.says(story.grid, DESK, BOSS)
    for text, expected in (("boss", ["Grid"]), ("WATER", ["Water Utility"]), ("nobody", [])):
        assert [one.name for one in story.directory(story.cert, name=text)] == expected


def _newest_identities(node: RunningNode, channel: str, author: str) -> dict[str, dict[str, Any]]:
    """Give what a plain reader of STIX has of identities in the end: id → newest version."""
    found: dict[str, dict[str, Any]] = {}
    with node.reading() as session:
        hashes = session.scalars(
            select(CoveredRecord.sha256)
            .where(CoveredRecord.channel == channel, CoveredRecord.author == author)
            .order_by(CoveredRecord.version_ns)
        ).all()
        contents = objects.find_contents(session, hashes)
        for sha256 in hashes:
            value = dict(StixObject.read(contents[sha256]).value)
            if value["type"] == "identity":
                found[value["id"]] = value
    return found


def _page(node: RunningNode, path: str) -> str:
    """Give a page as somebody who coordinates reads it."""
    with node.writing() as session:
        if users.find_user(session, "mara") is None:
            users.create_user(
                session,
                CONSOLE,
                "mara",
                roles=[PersonRole.COORDINATOR],
                password=PASSWORD,
                now=node.now(),
            )
    client = node.app.test_client()
    door = client.get("/sign-in").text
    token = door.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    client.post("/sign-in", data={"name": "mara", "password": PASSWORD, "csrf_token": token})
    found = client.get(path)
    assert found.status_code == 200, found.text
    return found.text
