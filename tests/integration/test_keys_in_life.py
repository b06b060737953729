"""The keys of nodes over time, between whole nodes over HTTP: rotated, stolen, revoked, recovered.

Source: protocol, 2; issue 3, item 2.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from federation.archive.verifying import verify_file
from federation.identity.descriptor import KeyUse, NodeKey
from federation.identity.descriptor_making import next_descriptor
from federation.identity.key_state import KeyStanding
from federation.identity.keys import PrivateKey
from federation.identity.keystore import read_recovery_pem, recovery_pem
from federation.identity.node import get_node
from federation.identity.origins import Destination
from federation.judging.bundles import items_of, make_bundle
from federation.ledgers.ledger_records import EntryRecord, Standing
from federation.partners.client import PartnerHttp
from federation.partners.partner_keys import find_key_state, fork_evidence, get_chain
from federation.partners.partner_records import StopReason
from federation.partners.partners import get_partner
from federation.partners.tokens import ASSERTION_TYPE, build_assertion
from federation.rounds.servers import NodeServer
from hub import own_keys
from hub.channels import repair
from hub.channels.history import visible_entries
from hub.channels.proofs import get_export, rebuild
from policies.acts import Act
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import write_time
from sharing.objects import StixObject
from sharing.taxii.connection import Limits
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle
from tests.kit.reach import LOOPBACK


def shared_case(owner: RunningNode, *members: RunningNode) -> str:
    case = owner.open()
    for node in members:
        owner.invite(case, node)
    settle(owner, *members)
    for node in members:
        node.join(case)
    settle(owner, *members)
    return case


def rotate(node: RunningNode, *uses: KeyUse) -> own_keys.Changed:
    with node.writing() as session:
        wanted = uses or tuple(KeyUse)
        return own_keys.rotate(session, node.office, CONSOLE, wanted, now=node.now())


def revoke(node: RunningNode, key: PrivateKey, since: datetime) -> None:
    with node.writing() as session:
        own_keys.revoke(
            session,
            node.office,
            CONSOLE,
            key.thumbprint,
            recovery=node.recovery,
            since=since,
            now=node.now(),
        )


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


def newest_transport(node: RunningNode) -> str:
    with node.reading() as session:
        newest = get_node(session).newest
    return newest.keys_in_use(KeyUse.TRANSPORT)[-1].key.thumbprint


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
        case = shared_case(cert, grid, water)
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


@dataclass
class Thief:
    """Somebody who has copied the key folder of a node, and writes in its name."""

    victim: RunningNode
    signing: PrivateKey
    transport: PrivateKey

    @classmethod
    def of(cls, victim: RunningNode) -> Thief:
        ring = victim.office.keys.ring()
        with victim.reading() as session:
            node = get_node(session)
        return cls(victim, node.signing_key(ring), node.transport_key(ring))

    def server(self, of: RunningNode) -> NodeServer:
        def assert_to(audience: str) -> list[str]:
            who = self.victim.organisation
            key, now = self.transport, self.victim.now()
            return [build_assertion(key, organisation=who, audience=audience, now=now)]

        http = PartnerHttp(assert_to, clock=self.victim.now, reach=LOOPBACK)
        limits = Limits(reach=LOOPBACK)
        return NodeServer(http, Destination(of.base_url, of.organisation), limits=limits)

    def posts(
        self,
        owner: RunningNode,
        channel: str,
        act: Act,
        body: dict[str, Any] | None = None,
        *new: StixObject,
    ) -> tuple[str, str | None]:
        """Post a contribution; give its hash, and why it was refused."""
        state = owner.state(channel)
        nth = state.members[self.victim.organisation].last_nth + 1
        bundle = make_bundle(
            key=self.signing,
            author=self.victim.organisation,
            channel=channel,
            act=act.value,
            body=body or {},
            contents=items_of(new, {one.sha256: TLP.AMBER for one in new}),
            label=TLP.AMBER,
            now=self.victim.now(),
            nth=nth,
            seen=state.head,
        )
        contents = [one.content for one in new] + [bundle.stix.content]
        return bundle.sha256, self.server(owner).post(channel, contents).failure


def stolen_note(thief: Thief, channel: str, text: str) -> StixObject:
    return stix.note(
        text,
        about=[f"identity--{channel}"],
        created_by=thief.victim.organisation,
        now=thief.victim.now(),
        marking=TLP.AMBER,
    )


def standings(node: RunningNode, channel: str) -> dict[int, tuple[bool, bool, list[str | None]]]:
    """Give, for each entry, whether it is doubtful, disowned, and what words it shows."""
    with node.reading() as session:
        entries = visible_entries(session, CONSOLE, channel)
    return {
        one.seq: (bool(one.doubtful), one.disowned, [item.text for item in one.items])
        for one in entries
    }


def verified(node: RunningNode, channel: str) -> dict[int, str]:
    """Export the channel and check it with nothing but the file."""
    with node.reading() as session:
        export = get_export(session, CONSOLE, channel, us=node.organisation, now=node.now())
        file = io.BytesIO(b"".join(export.lines(session)))
    report = verify_file(file)
    assert report.holds, report.failures
    return {one.position.seq: one.standing.partition(":")[0] for one in report.history}


def disown_on_the_page(node: RunningNode, channel: str, bundle: str) -> None:
    browser = signed_in(node)
    page = browser.get("/administration/keys").text
    assert "Was this you?" in page
    assert "a lie" in page
    for bundles, status in (([], HTTPStatus.BAD_REQUEST), ([bundle], HTTPStatus.SEE_OTHER)):
        form = {
            "channel": channel,
            "bundles": bundles,
            "csrf_token": csrf(browser, "/administration/keys"),
        }
        answer = browser.post("/administration/keys/disowning", data=form)
        assert answer.status_code == status
    text = browser.get(f"/channels/{channel}").text
    assert "Doubtful:" in text
    assert "a key was revoked" in text


def test_a_thief_writes_the_victim_revokes_and_disowns(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, water = nodes
        case = shared_case(*nodes)
        grid.note(case, "honest")
        settle(*nodes)
        # The thief copies the keys and writes twice in the victim's name.
        thief, since = Thief.of(grid), grid.now()
        lie, mistake = (stolen_note(thief, case, text) for text in ("a lie", "as we would say"))
        stolen, refused = thief.posts(cert, case, Act.NOTE_ADDED, None, lie)
        assert refused is None
        assert thief.posts(cert, case, Act.NOTE_ADDED, None, mistake)[1] is None
        token = thief.server(cert).http.token(Destination(cert.base_url, cert.organisation))
        settle(*nodes)
        assert all("a lie" in standings(node, case)[6][2] for node in nodes)
        pass_time(grid, minutes=1)
        # The victim revokes both keys with its recovery key: one act for each.
        for key in (thief.signing, thief.transport):
            revoke(grid, key, since)
        settle(*nodes)
        same_everywhere(case, *nodes)
        for node in nodes:
            shown = standings(node, case)
            assert [seq for seq, one in shown.items() if one[0]] == [7, 6]
            assert "a lie" in shown[6][2]
        # What was stolen opens nothing and signs nothing any more; tokens that it got are dead.
        pass_time(grid, seconds=2)
        assert ask_token(cert, grid, thief.transport) == HTTPStatus.UNAUTHORIZED
        heads = f"{cert.base_url}/federation/heads/"
        answer = requests.get(heads, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        thief.transport = grid.office.keys.ring()[newest_transport(grid)]
        assert str(thief.posts(cert, case, Act.NOTE_ADDED)[1]).startswith("revoked_key: ")
        # Its people look at what stands in their name, and disown one of the two.
        with grid.writing() as session:
            rows = own_keys.visible_doubtful(session, grid.office, CONSOLE)
            assert [row.entry.seq for row in rows] == [7, 6]
            assert rows[1].entry.bundle == stolen
            with pytest.raises(InvalidError):
                own_keys.disown(session, grid.office, CONSOLE, case, ["0" * 64], now=grid.now())
        disown_on_the_page(grid, case, stolen)
        settle(*nodes)
        same_everywhere(case, *nodes)
        said = [verified(node, case) for node in nodes]
        assert said[0] == said[1] == said[2]
        assert (said[0][5], said[0][6], said[0][7]) == (
            "in effect",
            "disowned by its author",
            "doubtful",
        )
        for node in nodes:
            shown = standings(node, case)
            assert shown[6] == (True, True, [None])
            assert shown[7] == (True, False, ["as we would say"])
            with node.writing() as session:
                rebuilt = rebuild(session, node.office.desk(session), CONSOLE, case, now=node.now())
                assert rebuilt.equal, rebuilt.differences
        # Everybody writes on, the victim with its new keys too.
        grid.note(case, "it is us again")
        settle(*nodes)
        same_everywhere(case, *nodes)
        assert newest(water, case)[0].author == grid.organisation


def forked(thief: Thief, issued: datetime) -> dict[str, Any]:
    """Have the thief describe the victim anew, with a key of its own."""
    with thief.victim.reading() as session:
        first = get_node(session).descriptors[0]
    own, at = PrivateKey.generate(), write_time(issued)
    keys = [*first.keys, NodeKey(own.public, KeyUse.SIGN, at)]
    made = next_descriptor(first, signers=(thief.signing, own), keys=keys, now=issued)
    thief.signing = own
    return dict(made.jws)


def recovered(console: Console, folder: Path) -> str:
    """Recover by command, with a new recovery key; give its thumbprint."""
    file, other = folder / "recovery.pem", folder / "other.pem"
    file.write_text(recovery_pem(console.node.recovery))
    other.write_text(recovery_pem(PrivateKey.generate()))
    for path in (other, folder / "nothing.pem"):
        console.run("node", "recover", "--recovery-key", path, code=1)
    console.run(*("node", "recover", "--recovery-key", file, "--new-recovery-key", other), code=1)
    new = folder / "new.pem"
    answer = console.run(*("node", "recover", "--recovery-key", file, "--new-recovery-key", new))
    assert "Call your partners now" in answer.stdout
    assert read_recovery_pem(new.read_text()).thumbprint in answer.stdout
    # The old recovery key counts for nothing now.
    console.run("node", "recover", "--recovery-key", file, code=1)
    return read_recovery_pem(new.read_text()).thumbprint


def test_a_fork_stops_the_partnership_by_name_and_the_recovery_key_ends_it(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid") as nodes:
        cert, grid = nodes
        case = shared_case(cert, grid)
        console = Console(grid)
        thief = Thief.of(grid)
        # The thief describes the victim in a ledger, and writes with a key of its own.
        body = {"descriptors": [forked(thief, grid.now())]}
        assert thief.posts(cert, case, Act.NODE_DESCRIBED, body)[1] is None
        note = stolen_note(thief, case, "a lie")
        assert thief.posts(cert, case, Act.NOTE_ADDED, None, note)[1] is None
        settle(*nodes)
        frozen = grid.channel(case)
        assert frozen.standing is Standing.FROZEN
        assert "knows newer keys of ours than this node" in str(frozen.sentence)
        # The victim rotates, which is too little: now there are two versions 2.
        answer = console.run("node", "rotate-key")
        assert "nothing has to be typed there" in answer.stdout
        settle(*nodes)
        # The partner has proof, and says so by name.
        with cert.reading() as session:
            stopped = get_partner(session, grid.organisation)
            assert stopped.stopped_by is StopReason.DESCRIPTOR_FORK
            assert fork_evidence(session, grid.organisation)
            state = find_key_state(session, grid.organisation)
            assert state is not None
            assert state.standing is KeyStanding.FORKED
        shown = Console(cert).run("partner", "show", "Grid").stdout
        assert "keys          stopped since" in shown
        # The recovery key ends it; nobody else can.
        new = recovered(console, tmp_path)
        pass_time(cert, minutes=6)
        settle(*nodes)
        with cert.app.app_context():
            # Every few minutes the worker asks for what only the recovery key can have signed.
            cert.office.rounds.poll_all(cert.app, "", cert.now())
        Console(cert).run("partner", "resume", "Grid")
        pass_time(cert, minutes=6)
        settle(*nodes)
        same_everywhere(case, *nodes)
        chain = cert.state(case).chains[grid.organisation]
        assert chain[-1].recovery.thumbprint == new
        # What the thief signed with a key of its own is doubtful, and is disowned by command.
        rows = [row for row in console.asks("node", "doubtful") if row["channel"] == case]
        assert [row["says"].split()[-3:] for row in rows] == [
            ["wrote", "a", "note"],
            ["node", "have", "changed"],
        ]
        console.run("node", "disown", case, "9/9", code=1)
        console.run("node", "disown", case, rows[0]["entry"])
        console.run("node", "affirm", case, rows[1]["entry"])
        settle(*nodes)
        assert verified(cert, case) == verified(grid, case)
        assert list(verified(cert, case).values()).count("disowned by its author") == 1
        assert case not in [row["channel"] for row in console.asks("node", "doubtful")]


def test_who_joins_later_or_was_away_verifies_past_what_was_disowned(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, water = nodes
        case = shared_case(cert, grid)
        since = cert.now()
        # One reads the lie and is away for the rest; the other joins when all is over.
        cert.note(case, "a lie", TLP.GREEN)
        settle(cert, grid)
        cert.note(case, "another lie", TLP.GREEN)
        pass_time(cert, minutes=1)
        with cert.writing() as session:
            own_keys.recover(
                *(session, cert.office, CONSOLE),
                recovery=cert.recovery,
                since=since,
                now=cert.now(),
            )
        for _ in range(2):
            with cert.writing() as session:
                row = own_keys.visible_doubtful(session, cert.office, CONSOLE)[-1]
                bundles = [row.entry.bundle]
                own_keys.disown(session, cert.office, CONSOLE, case, bundles, now=cert.now())
        cert.invite(case, water)
        settle(*nodes)
        water.join(case)
        settle(*nodes)
        same_everywhere(case, *nodes)
        assert verified(cert, case) == verified(grid, case) == verified(water, case)
        texts = [text for one in standings(water, case).values() for text in one[2]]
        assert not {"a lie", "another lie"} & set(texts)


def test_a_ledger_that_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid") as nodes:
        cert, grid = nodes
        case = shared_case(cert, grid)
        cert.write(case, Act.MEMBER_SUSPENDED, {"organisation": grid.organisation})
        settle(*nodes)
        changed = rotate(grid)
        assert case not in (*changed.told.history, *changed.told.pending)
        settle(*nodes)
        assert cert.state(case).chains[grid.organisation][-1].version == 1
        cert.write(case, Act.MEMBER_RESUMED, {"organisation": grid.organisation})
        settle(*nodes)
        with grid.app.app_context():
            # The worker looks at every channel each hour, whatever was missed.
            grid.office.rounds.describe_all(grid.app, "", grid.now())
        settle(*nodes)
        assert cert.state(case).chains[grid.organisation][-1].version == 2
        same_everywhere(case, *nodes)
        grid.note(case, "by the new key")
        settle(*nodes)
        assert newest(cert, case)[0].author == grid.organisation


def test_what_new_keys_sign_goes_behind_their_description(tmp_path: Path) -> None:
    """Nobody looked yet at what a ledger lacks, and somebody writes: it must not wait for ever."""
    with running(tmp_path, "Cert", "Grid") as nodes:
        cert, grid = nodes
        case = shared_case(cert, grid)
        cert.write(case, Act.MEMBER_SUSPENDED, {"organisation": grid.organisation})
        settle(*nodes)
        rotate(grid)
        cert.write(case, Act.MEMBER_RESUMED, {"organisation": grid.organisation})
        with grid.app.app_context():
            grid.office.rounds.pull(grid.app, case, grid.now())
        grid.note(case, "by the new key")
        settle(*nodes)
        assert cert.state(case).chains[grid.organisation][-1].version == 2
        assert newest(cert, case)[0].author == grid.organisation
        same_everywhere(case, *nodes)


def test_who_leaves_at_once_with_new_keys_is_heard(tmp_path: Path) -> None:
    """What waited is told as refused, the description too; that we left must still be believed."""
    with running(tmp_path, "Cert", "Grid") as nodes:
        cert, grid = nodes
        case = shared_case(cert, grid)
        rotate(grid)
        grid.note(case, "never read")
        grid.does(repair.leave, case)
        settle(*nodes)
        assert grid.organisation not in cert.state(case).joined
        assert newest(cert, case)[0].author == grid.organisation
