"""Text that tries to be more than text, in every field of every form and every object of others.

Source: threat model (*Words of others*).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import click
import pytest
from sqlalchemy import select

from federation.ledgers.ledger_records import ChannelRecord
from federation.partners.partner_records import PartnerRecord
from hub.cases import course, intel, own_words, timeline
from hub.cases.records import CaseView
from hub.channels import service
from hub.commands import main
from hub.commands.frame import printable
from hub.community import directory
from hub.community.directory_statement import StatedConstituency, StatedPoint
from hub.reports import exchange, recording
from hub.reports.recording import Said
from hub.web import frame
from policies.acts import Act, ChannelKind
from policies.assessment import Assessment, FunctionalImpact
from policies.directory import Way, WayKind
from policies.reports import ReportKind
from policies.tlp import TLP
from sharing import stix
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.crooked_objects import crooked_hand, texts_in, types_of_acts
from tests.kit.form_sweep import Filled, Visitor, forms_of_pages, texts_of
from tests.kit.hostile_peer import signed_in
from tests.kit.hostile_text import Marks, line
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

pytestmark = pytest.mark.timeout(600)

VALID: Final = {
    "as_numbers": "64500",
    "begins": "08:00",
    "domains": "{m}.example",
    "ends": "17:00",
    "name": "{m}",
    "networks": "192.0.2.0/24",
    "pasted": "See 45.77.12.9 and http://evil-{m}.com/a?<script>{m}()</script>",
    "percent": "50",
    "ranges": "192.0.2.0/24",
    "reference": "incident--c3b1a5c6-58c8-4c7e-a0d4-43b6a37b3a10",
    "services": "{m}",
    "systems_high": "2",
    "systems_low": "1",
    "until": "2026-03-02",
    "when": "2026-03-01",
    "zone": "Europe/Vienna",
}
"""Field → what it is given once hostile text was refused; what is not named is left empty."""
CHOSEN: Final = {"charter": "majority"}
IDS: Final = {
    "addressees", "bundles", "case", "channel", "community", "deputy_1", "deputy_2", "deputy_3",
    "into", "members", "not_yet", "objects", "organisation", "organisations", "other", "outcome",
    "option", "owner", "place", "ref", "replaces", "report", "to",
}  # fmt: skip
"""Fields that hold what a page offers to choose from; anything else is refused."""
SENT_BY_HAND: Final = "no page of this world offers the form: it is sent by hand, and refused"
NOT_TAKEN: Final[dict[str, str]] = {
    "account.PasswordForm.password": "a password, which is never shown",
    "account.PasswordForm.present": "a password, which is never shown",
    "account.TokenForm.networks": "networks",
    "administration.AuditForm.action": "looked for in the log, and nothing is found",
    "administration.AuditForm.actor": "looked for in the log, and nothing is found",
    "administration.AuditForm.subject": "looked for in the log, and nothing is found",
    "call_forms.AcknowledgementForm.text": SENT_BY_HAND,
    "call_forms.RefusalForm.text": SENT_BY_HAND,
    "call_forms.ToldForm.informant": SENT_BY_HAND,
    "call_forms.ToldForm.text": SENT_BY_HAND,
    "case_forms.ClosingForm.reason": SENT_BY_HAND,
    "case_forms.RecoveredForm.reason": "goes with who has not recovered, and nobody is marked",
    "case_forms.VoteForm.dissent": "no page has the field",
    "case_related.LinkForm.reference": "the id of an incident",
    "case_related.MergeForm.reason": SENT_BY_HAND,
    "case_relay.ToldVoteForm.dissent": SENT_BY_HAND,
    "case_relay.ToldVoteForm.informant": SENT_BY_HAND,
    "case_timeline.EventForm.until": "a time",
    "case_timeline.EventForm.when": "a time",
    "channels.PlaceForm.before": "a place in the history",
    "channels.PlaceForm.ended": "a place in the list of what has ended",
    "charter_forms.RefusalForm.reason": SENT_BY_HAND,
    "charter_forms.ToldForm.informant": SENT_BY_HAND,
    "charter_forms.ToldForm.text": SENT_BY_HAND,
    "directory.FactsForm.as_numbers": "numbers",
    "directory.FactsForm.informant": "no organisation without a node is in this community",
    "directory.FactsForm.ranges": "ranges of addresses",
    "directory.PointForm.begins": "a time of the day",
    "directory.PointForm.ends": "a time of the day",
    "directory.PointForm.informant": "no organisation without a node is in this community",
    "directory.PointForm.zone": "a time zone",
    "directory.RefForm.informant": "no organisation without a node is in this community",
    "directory.SearchForm.name": "looked for, and nobody is found",
    "door.SignInForm.name": "nobody is called so",
    "door.SignInForm.password": "a password, which is never shown",
    "partners.PasteForm.invitation": "an invitation has one form",
    "publishing.PublicationForm.text": SENT_BY_HAND,
    "publishing.PublicationForm.title": SENT_BY_HAND,
    "repair.ReopenForm.at": "a place in the history",
    "report_forms.ClosingForm.text": SENT_BY_HAND,
    "report_forms.ReportForm.category": "a word of a vocabulary",
}
"""Field in which no hostile text is taken → why."""
NOT_SHOWN: Final = {
    "pages.post_absent.contact": "stands beside whoever is silent, and this one is asked nothing",
}
"""Text that was taken and stands on no page that these people read → why."""
READING: Final = {
    "calls", "directory", "doubtful", "intel", "invitations", "likely-reports", "list", "log",
    "members", "preview", "receipts", "related", "repair", "show", "timeline", "verify", "whom",
}  # fmt: skip
"""The last words of commands that only read."""
SHOWN: Final = {
    "event.description",
    "event.name",
    "grouping.description",
    "grouping.name",
    "identity.contact_information",
    "identity.name",
    "impact.description",
    "incident.description",
    "incident.name",
    "indicator.description",
    "indicator.name",
    "indicator.pattern",
    "malware.description",
    "malware.name",
    "note.content",
    "opinion.explanation",
    "relationship.description",
    "report.description",
    "report.name",
    "sighting.description",
    "vulnerability.description",
    "vulnerability.name",
}
"""What pages show of the objects of others; the rest stands in the ledger, and nowhere else."""
OFTEN: Final = {f"pages.post_{name}": 2 for name in ("request", "case", "case_question")}
LATE: Final = (
    (
        "case_declined charter_declined question_withdrawn call_end told_disputed uninvite "
        "report_withdrawal charter_withdrawn community_question_withdrawn declining member_suspend"
    ),
    (
        "case_recovered case_closing case_merge leaving report_closing charter_ended token_end "
        "removal invitation_end reopening take_over endorsement rotation partner_suspend"
    ),
    (
        "partner_end leaving_now user_disabled user_roles user_password session_end sign_in "
        "password sign_out_everywhere sign_out"
    ),
)
"""Forms that end something, in the order in which they do."""


@dataclass
class World:
    """Two nodes on whose pages every form was filled in."""

    cert: Visitor
    grid: Visitor
    marks: Marks
    filled: Filled

    @property
    def visitors(self) -> tuple[Visitor, Visitor]:
        return (self.cert, self.grid)


def found(cert: RunningNode, grid: RunningNode) -> tuple[str, str]:
    """Give a community and a case that both are in, and a report that lies at CERT."""
    community = cert.open("Energy", kind=ChannelKind.COMMUNITY)
    with cert.writing() as session:
        desk, now = cert.office.desk(session), cert.now()
        case = course.open_case(session, desk, CONSOLE, title="Pumps", text="They stop.", now=now)
        said = Said(ReportKind.INCIDENT, "Updater", "It phones home.")
        recording.record(session, CONSOLE, said, now=now)
    for channel in (community, case):
        cert.invite(channel, grid, "member" if channel == community else "affected")
    settle(cert, grid)
    for channel in (community, case):
        grid.join(channel)
    settle(cert, grid)
    return community, case


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hostile_text")
    with (
        running(folder, "CERT", "Grid", "Vendor") as (cert, grid, _),
        pytest.MonkeyPatch.context() as patch,
    ):
        # The number beside Today costs more than the page, and holds nobody's text.
        patch.setattr(frame, "count_waiting", lambda *_given, **_named: 0)
        community, case = found(cert, grid)
        marks, filled = Marks(), Filled()
        done, tried, idle = Counter[str](), Counter[str](), set[str]()
        grave = {f"pages.post_{name}" for late in LATE for name in late.split()}
        rooms = ("", "/timeline", "/intel", "/members")
        roots = [f"/cases/{case}{room}" for room in rooms]
        roots += [f"/communities/{community}", f"/communities/{community}/charters/new"]
        roots += [f"/channels/{community}", f"/channels/{community}/directory"]
        one, other = (
            Visitor(
                node,
                signed_in(node),
                marks,
                filled,
                VALID,
                grave,
                chosen=CHOSEN,
                often=OFTEN,
                roots=roots,
                done=done,
                tried=tried,
                idle=idle,
            )
            for node in (cert, grid)
        )
        made = World(one, other, marks, filled)
        with filled.watching():
            for late in ("", "", *LATE):
                grave -= {f"pages.post_{name}" for name in late.split()}
                for visitor in made.visitors:
                    visitor.sweep()
                    settle(cert, grid)
            for visitor in made.visitors:
                visitor.client = signed_in(visitor.node, "bob")
                look_at_all(visitor)
            names = sorted({one.rpartition(".")[2] for one in all_fields()})
            for route in sorted(
                sent_routes(cert) - {"pages.post_sign_out", "pages.post_sign_out_everywhere"}
            ):
                made.cert.knock(route, names)
            for path in (
                "/administration/audit",
                f"/channels/{community}/directory",
                f"/channels/{community}",
            ):
                made.cert.look(path, **{name: line(marks.at(f"{path} {name}")) for name in names})
        yield made


def look_at_all(visitor: Visitor) -> None:
    """Look at the room of every case and the page of every partner once more."""
    with visitor.node.reading() as session:
        cases = [f"/cases/{one}" for one in session.scalars(select(CaseView.channel))]
        partners = session.scalars(select(PartnerRecord.organisation))
        pages = [*cases, *(f"/partners/{one}" for one in partners)]
    for path in pages:
        visitor.look(path)


def sent_routes(node: RunningNode) -> set[str]:
    """Give all routes to which pages send forms."""
    rules = node.app.url_map.iter_rules()
    return {one.endpoint for one in rules if one.endpoint.startswith("pages.post_")}


_OF_CHANNELS: Final = ("/api/v1/channels/<", "/api/v1/cases/<", "/api/v1/communities/<")


def read_paths(node: RunningNode) -> list[str]:
    """Give what can be read through the interface for programs, of all and of each channel."""
    case, community = case_of(node), community_of(node)
    paths = []
    for rule in node.app.url_map.iter_rules():
        path = str(rule.rule)
        if path.startswith("/api/v1/") and "GET" in (rule.methods or ()):
            if not rule.arguments:
                paths.append(path.removeprefix("/api/v1"))
            elif len(rule.arguments) == 1 and path.startswith(_OF_CHANNELS):
                channel = community if "communities" in path else case
                paths.append(re.sub(r"<.*?>", channel, path.removeprefix("/api/v1")))
    return paths


def texts_of_document(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from texts_of_document(one)


def case_of(node: RunningNode) -> str:
    return channel_of(node, ChannelKind.CASE)


def community_of(node: RunningNode) -> str:
    return channel_of(node, ChannelKind.COMMUNITY)


def channel_of(node: RunningNode, kind: ChannelKind) -> str:
    with node.reading() as session:
        wanted = select(ChannelRecord.id).where(ChannelRecord.kind == kind)
        return session.scalars(wanted.limit(1)).one()


def reading_commands() -> Iterator[tuple[str, ...]]:
    """Give every command that only reads, and needs no more than a channel."""
    for path, command in leaves(main, click.Context(main)):
        needed = {one.name for one in command.params if one.required}
        if (
            path[-1] in READING
            and path != ("community", "verify")
            and needed <= {"channel", "case", "community"}
        ):
            yield path


def needs(path: tuple[str, ...]) -> int:
    return next(
        sum(one.required for one in command.params)
        for other, command in leaves(main, click.Context(main))
        if other == path
    )


def leaves(
    group: click.Command, context: click.Context, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(group, click.Group):
        yield path, group
        return
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        if inner is not None:
            yield from leaves(inner, click.Context(inner, parent=context), (*path, name))


def unprintable(character: str) -> bool:
    return character not in "\n\t" and printable(character) != character


def all_fields() -> set[str]:
    return {f"{name}.{one}" for name, form in forms_of_pages().items() for one in texts_of(form)}


def test_no_page_makes_anything_of_it_but_text(world: World) -> None:
    assert sorted({fault for one in world.visitors for fault in one.faults}) == []


def test_every_field_of_every_form_that_takes_text_is_given_it(world: World) -> None:
    assert sorted(all_fields() - world.filled.given) == []


def test_it_is_taken_or_the_reason_is_named(world: World) -> None:
    named = {one for one in all_fields() if one.rpartition(".")[2] in IDS} | set(NOT_TAKEN)
    assert sorted(all_fields() - world.filled.taken - named) == []
    assert sorted(set(NOT_TAKEN) & world.filled.taken) == []
    assert set(NOT_TAKEN) <= all_fields()


def test_what_was_taken_is_shown_somewhere(world: World) -> None:
    written = world.cert.written | world.grid.written
    assert written - world.cert.shown - world.grid.shown == set(NOT_SHOWN)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a node that read what a partner wrote whose software checks nothing."""
    folder = tmp_path_factory.mktemp("crooked")
    with running(folder, "CERT", "Grid") as (cert, grid), pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame, "count_waiting", lambda *_given, **_named: 0)
        community, case = found(cert, grid)
        marks, filled = Marks(), Filled()
        for polite in (True, False):
            with crooked_hand(grid.organisation, marks, polite=polite):
                write_everything(grid, community, case, cert.organisation)
            settle(cert, grid)
        roots = [f"/channels/{community}/directory", f"/channels/{community}", f"/cases/{case}"]
        one, other = (
            Visitor(node, signed_in(node), marks, filled, VALID, set(), roots=roots)
            for node in (cert, grid)
        )
        for _ in one.pages():
            pass
        yield World(one, other, marks, filled)


def write_everything(node: RunningNode, community: str, case: str, coordinator: str) -> None:
    """Write every type of object that bundles carry, by services where there is one."""
    point = StatedPoint("Desk", (Way(WayKind.E_MAIL, out_of_band=False),), ("a@b.example",))
    facts = StatedConstituency(domains=("grid.example",))
    hit = Assessment(functional_impact=FunctionalImpact.DENIAL)
    with node.writing() as session:
        where = (session, node.office.desk(session), CONSOLE)
        now = node.now()
        directory.describe(*where, community, points=[point], constituency=facts, now=now)
        timeline.add_event(*where, case, text="First beacon", when="2026-03-01", now=now)
        intel.share(*where, case, pasted="45.77.12.9", now=now)
        own_words.assess(*where, case, assessment=hit, text="Pumps stand.", now=now)
        said = Said(ReportKind.INCIDENT, "Updater", "It phones home.", pasted="45.77.12.9")
        report = recording.record(session, CONSOLE, said, now=now)
        exchange.submit(*where, report.id, to=coordinator, now=now)
        objects = [
            stix.build(one, {}, created_by=node.organisation, now=now, marking=TLP.GREEN)
            for one in sorted(types_of_acts())
        ]
        service.write(*where, case, Act.NOTE_ADDED, {}, objects, now=now)


def test_objects_of_others_are_shown_as_text_whatever_they_hold(others: World) -> None:
    assert sorted(set(others.cert.faults)) == []
    planted = set(others.marks.places.values())
    assert {f"{kind}.{name}" for kind in types_of_acts() for name in texts_in(kind)} <= planted
    assert others.cert.shown == SHOWN


def test_the_interface_for_programs_gives_it_as_it_came(others: World) -> None:
    node, told = others.cert.node, set[str]()
    api = Api.of(node)
    for path in read_paths(node):
        answer = api.ask("GET", path)
        assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, path
        assert str(answer.mimetype).endswith(("json", "jsonl", "octet-stream")), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.mimetype == "application/json":
            told |= set(texts_of_document(answer.get_json()))
    for place in ("note.content", "event.name", "indicator.name"):
        mark = others.marks.at(place)
        assert any(f'{mark}<b {mark}=1>{{{{7*7}}}}"' in one for one in told), place


def test_no_command_lets_it_act_on_a_terminal(
    others: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = others.cert.node
    monkeypatch.setattr("hub.app.create_app", lambda _settings: node.app)
    console, told = Console(node), ""
    for command in reading_commands():
        arguments = [community_of(node) if command[0] == "community" else case_of(node)]
        for more in ((), ("--json",)):
            result = console.run(*command, *arguments[: needs(command)], *more)
            acting = sorted({one for one in result.output if unprintable(one)})
            assert acting == [], (command, more)
            told += result.stdout
    for place in ("note.content", "event.name", "indicator.name"):
        assert others.marks.at(place) + "<b " in told, place
