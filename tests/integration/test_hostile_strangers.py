"""Whoever may not know of a thing gets the answer of a thing that is not there.

Source: protocol, 4, 5 and 9; issue 2, acceptance 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask.testing import FlaskClient

from federation.judging.bundles import Position, SignedBundle
from federation.ledgers.ledger import head_of
from hub.channels import history
from policies.acts import Act
from sharing.objects import StixObject
from sharing.taxii.resources import TAXII_21
from tests.kit.hostile_peer import HostilePeer, csrf, kept, note_by, peers, read_all, signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

UNKNOWN = "00000000-0000-4000-8000-00000000ffff"
COLLECTIONS = "/taxii2/channels/collections"


@dataclass
class World:
    """A case of the CERT's, a member, a partner that is none, and one who is nobody."""

    cert: RunningNode
    grid: RunningNode
    mallory: HostilePeer
    trudy: HostilePeer
    nobody: HostilePeer
    case: str
    note: str
    """Id of a note in the case."""
    cert_browser: FlaskClient
    grid_browser: FlaskClient

    def seen(self, channel: str) -> Position:
        head = head_of(self.cert.channel(channel))
        assert head is not None
        return head

    def joining(self, peer: HostilePeer, channel: str, nth: int = 1) -> list[object]:
        body = {"role": "affected", "descriptors": peer.documents}
        bundle = peer.contribution(
            channel, Act.MEMBER_JOINED, body, [peer.identity], nth=nth, seen=self.seen(channel)
        )
        return [peer.identity, bundle]

    def noting(self, peer: HostilePeer, channel: str, nth: int) -> SignedBundle:
        return peer.contribution(channel, Act.NOTE_ADDED, {}, [], nth=nth, seen=self.seen(channel))

    def opened(self, peer: HostilePeer) -> str:
        """Open a case that a peer has joined."""
        case = self.cert.open("Case")
        self.cert.invite(case, peer)  # type: ignore[arg-type]
        status = peer.post(self.cert, case, self.joining(peer, case)).json()
        assert status["failure_count"] == 0, status
        return case


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("strangers")
    names = ("Mallory", "Trudy", "Nobody")
    with running(folder, "CERT", "Grid") as (cert, grid), peers(cert.now, *names) as made:
        mallory, trudy, nobody = made
        mallory.pair(cert)
        trudy.pair(cert)
        browsers = signed_in(cert), signed_in(grid)
        there = World(cert, grid, mallory, trudy, nobody, "", "", *browsers)
        there.case = there.opened(mallory)
        cert.note(there.case, "for members")
        settle(cert, grid)
        shown = read_all(cert, mallory, there.case)
        there.note = next(one["id"] for one in shown if one["type"] == "note")
        yield there


def told(answer: requests.Response) -> tuple[int, bytes, dict[str, str]]:
    """Give all that an answer tells: status, body, headers but for date and request id."""
    passing = {"Date", "X-Request-Id"}
    headers = {name: text for name, text in answer.headers.items() if name not in passing}
    return answer.status_code, answer.content, headers


CHANNEL_PATHS = [
    ("GET", "/taxii2/channels/collections/{channel}/"),
    ("GET", "/taxii2/channels/collections/{channel}/objects/"),
    ("GET", "/taxii2/channels/collections/{channel}/objects/?match[id]={note}"),
    ("GET", "/taxii2/channels/collections/{channel}/objects/?added_after=nonsense"),
    ("GET", "/taxii2/channels/collections/{channel}/objects/?next=nonsense"),
    ("GET", "/taxii2/channels/collections/{channel}/manifest/"),
    ("GET", "/taxii2/channels/collections/{channel}/objects/{note}/"),
    ("GET", "/taxii2/channels/collections/{channel}/objects/{note}/versions/"),
    ("DELETE", "/taxii2/channels/collections/{channel}/objects/{note}/"),
    ("POST", "/taxii2/channels/collections/{channel}/objects/"),
    ("GET", "/federation/channels/{channel}/receipts/"),
    ("GET", "/federation/channels/{channel}/receipts/?since_seq=0&epoch=1"),
    ("GET", "/federation/channels/{channel}/"),
    ("GET", "/federation/blobs/" + "0" * 64 + "/"),
]


@pytest.mark.parametrize(("method", "path"), CHANNEL_PATHS)
def test_a_partner_that_is_no_member_gets_404_as_for_what_is_not_there(
    world: World, method: str, path: str
) -> None:
    answers = [
        told(
            world.trudy.ask(
                world.cert,
                method,
                path.format(channel=channel, note=world.note),
                headers={"Content-Type": TAXII_21},
                data=b'{"objects":[]}' if method == "POST" else None,
            )
        )
        for channel in (world.case, UNKNOWN)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(("method", "path"), CHANNEL_PATHS[:10])
@pytest.mark.parametrize("token", ["forged", "none", "garbage", "basic"])
def test_who_proves_nothing_gets_401_whatever_is_asked_for(
    world: World, method: str, path: str, token: str
) -> None:
    header = {
        "forged": f"Bearer {world.nobody.forged_token(world.cert)}",
        "none": "",
        "garbage": "Bearer a.b.c",
        "basic": "Basic YTpi",
    }[token]
    answers = [
        told(
            requests.request(
                method,
                world.cert.base_url + path.format(channel=channel, note=world.note),
                headers={
                    "Accept": TAXII_21,
                    "Content-Type": TAXII_21,
                    **({"Authorization": header} if header else {}),
                },
                data=b"{}" if method == "POST" else None,
                timeout=10,
            )
        )
        for channel in (world.case, UNKNOWN)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == HTTPStatus.UNAUTHORIZED
    assert "Bearer" in answers[0][2]["WWW-Authenticate"]


def test_lists_and_heads_name_only_what_the_caller_may_read(world: World) -> None:
    ids = {
        peer.label: {
            one["id"]
            for one in peer.get(world.cert, f"{COLLECTIONS}/").json().get("collections", [])
        }
        for peer in (world.mallory, world.trudy)
    }
    assert world.case in ids["hostile Mallory"]
    assert world.case not in ids["hostile Trudy"]
    assert len(ids["hostile Trudy"]) == 1, "the direct channel to it, and no more"
    heads = world.trudy.get(world.cert, "/federation/heads/").json()["channels"]
    assert {one["channel"] for one in heads} == ids["hostile Trudy"]


def test_a_status_is_for_its_submitter_alone(world: World) -> None:
    answer = world.mallory.post(
        world.cert, world.case, [world.noting(world.mallory, world.case, 9)]
    )
    status = f"/taxii2/channels/status/{answer.json()['id']}/"
    unknown = f"/taxii2/channels/status/{uuid4()}/"
    assert world.mallory.get(world.cert, status).json() == answer.json()
    answers = [told(world.trudy.get(world.cert, path)) for path in (status, unknown)]
    assert answers[0] == answers[1]
    assert answers[0][0] == HTTPStatus.NOT_FOUND


def test_an_expired_token_opens_nothing_any_more(world: World) -> None:
    old = world.mallory.token(world.cert, fresh=True)
    path = f"{COLLECTIONS}/{world.case}/objects/"
    assert world.mallory.get(world.cert, path, token=old).status_code == HTTPStatus.OK
    world.cert.now.advance(minutes=11)  # type: ignore[attr-defined]
    for asked in (path, f"{COLLECTIONS}/{UNKNOWN}/objects/", "/federation/heads/"):
        answer = world.mallory.get(world.cert, asked, token=old)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
    for peer in (world.mallory, world.trudy):
        peer.token(world.cert, fresh=True)


def test_nobody_gets_a_token_without_a_key_that_is_known(world: World) -> None:
    with pytest.raises(AssertionError, match="invalid_client"):
        world.nobody.token(world.cert)


def test_a_token_of_one_node_opens_no_other(world: World) -> None:
    token = world.mallory.token(world.cert)
    answer = world.mallory.get(world.grid, f"{COLLECTIONS}/", token=token)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED


def test_the_invited_may_answer_and_read_nothing(world: World) -> None:
    cert, trudy = world.cert, world.trudy
    case = cert.open("Invited")
    cert.note(case, "not yet for you")
    cert.invite(case, trudy)  # type: ignore[arg-type]
    shelf = trudy.get(cert, f"{COLLECTIONS}/{case}/").json()
    assert (shelf["can_read"], shelf["can_write"]) == (False, True)
    for path in ("objects/", "manifest/", f"objects/{world.note}/", "objects/x--y/versions/"):
        answer = trudy.get(cert, f"{COLLECTIONS}/{case}/{path}")
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert b"not yet" not in answer.content
    heads = trudy.get(cert, "/federation/heads/").json()["channels"]
    assert case not in {one["channel"] for one in heads}
    body = {"descriptors": trudy.documents}
    declining = trudy.contribution(
        case, Act.MEMBER_DECLINED, body, [], nth=1, seen=world.seen(case)
    )
    assert trudy.post(cert, case, [declining]).json()["failure_count"] == 0
    answers = [told(trudy.get(cert, f"{COLLECTIONS}/{one}/")) for one in (case, UNKNOWN)]
    assert answers[0] == answers[1]
    assert answers[0][0] == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("act", [Act.MEMBER_SUSPENDED, Act.MEMBER_REMOVED, Act.MEMBER_LEFT])
def test_who_is_a_member_no_more_reads_nothing_new_and_writes_nothing(
    world: World, act: Act
) -> None:
    cert, mallory = world.cert, world.mallory
    case = world.opened(mallory)
    if act is Act.MEMBER_LEFT:
        leaving = mallory.contribution(case, act, {}, [], nth=2, seen=world.seen(case))
        assert mallory.post(cert, case, [leaving]).json()["failure_count"] == 0
    else:
        cert.write(case, act, {"organisation": mallory.id})
    before, last = read_all(cert, mallory, case), world.seen(case)
    cert.note(case, "behind closed doors")
    after = read_all(cert, mallory, case)
    assert after == before
    assert any(one.get("seq") == last.seq for one in after), "the entry that ended it is read"
    with cert.reading() as session:
        entries = history.visible_entries(session, CONSOLE, case)
    ref = next(item.ref for item in entries[0].items if item.type == "note")
    hidden = told(mallory.get(cert, f"{COLLECTIONS}/{case}/objects/{ref}/"))
    unknown = told(mallory.get(cert, f"{COLLECTIONS}/{case}/objects/note--{UNKNOWN}/"))
    assert hidden == unknown
    assert hidden[0] == HTTPStatus.NOT_FOUND
    heads = mallory.get(cert, "/federation/heads/").json()["channels"]
    assert {"channel": case, **last.document()} in heads
    stored = kept(cert)
    late = mallory.post(cert, case, [world.noting(mallory, case, 3)])
    assert late.status_code == HTTPStatus.FORBIDDEN
    assert kept(cert) == stored


API_PATHS = [
    ("GET", ""),
    ("GET", "/entries"),
    ("GET", "/members"),
    ("GET", "/pending"),
    ("GET", "/verification"),
    ("GET", "/open-acts"),
    ("GET", "/export"),
    ("POST", "/notes"),
    ("POST", "/acts"),
    ("POST", "/invitations"),
    ("POST", "/uninvite"),
    ("POST", "/remove"),
    ("POST", "/leave"),
    ("POST", "/retry"),
]


@pytest.mark.parametrize(("method", "path"), API_PATHS)
def test_the_api_of_a_node_that_is_no_member_does_not_know_the_channel(
    world: World, method: str, path: str
) -> None:
    answers = []
    for channel in (world.case, UNKNOWN):
        answer = world.grid_browser.open(
            f"/api/v1/channels/{channel}{path}",
            method=method,
            json=body_of(path) if method == "POST" else None,
            headers={"X-CSRFToken": csrf(world.grid_browser, "/account")},
        )
        answers.append((answer.status_code, answer.data))
    assert answers[0] == answers[1]
    assert answers[0][0] == HTTPStatus.NOT_FOUND, answers[0]


def body_of(path: str) -> dict[str, Any]:
    organisation = {"organisation": f"identity--{UNKNOWN}"}
    bodies: dict[str, dict[str, Any]] = {
        "/notes": {"text": "x"},
        "/acts": {"act": "note.added"},
        "/invitations": {**organisation, "roles": ["affected"]},
        "/uninvite": organisation,
        "/remove": {**organisation, "reason": "x"},
    }
    return bodies.get(path, {})


@pytest.mark.parametrize("path", ["", "/export", "/entries", "?before=1-1"])
def test_pages_and_api_tell_who_is_not_signed_in_nothing(world: World, path: str) -> None:
    for prefix in ("/channels/", "/api/v1/channels/"):
        answers = []
        for channel in (world.case, UNKNOWN):
            answer = world.cert.app.test_client().get(f"{prefix}{channel}{path}")
            text = answer.text.replace(channel, "CHANNEL")
            location = answer.headers.get("Location", "").replace(channel, "CHANNEL")
            answers.append((answer.status_code, location, len(text)))
        assert answers[0] == answers[1]
        assert answers[0][0] in (
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FOUND,
            HTTPStatus.SEE_OTHER,
            HTTPStatus.NOT_FOUND,
        )


@pytest.mark.parametrize("path", ["", "/export", "/notes", "/members", "/removals", "/retry"])
def test_the_pages_of_a_node_that_is_no_member_do_not_know_the_channel(
    world: World, path: str
) -> None:
    answers = []
    form = {"csrf_token": csrf(world.grid_browser, "/account"), "text": "x", "tlp": "amber"}
    for channel in (world.case, UNKNOWN):
        method = "GET" if path in ("", "/export") else "POST"
        answer = world.grid_browser.open(f"/channels/{channel}{path}", method=method, data=form)
        assert answer.status_code == HTTPStatus.NOT_FOUND, answer.text
        assert "for members" not in answer.text
        answers.append(len(answer.text.replace(channel, "")))
    assert answers[0] == answers[1]


def test_a_note_by_a_stranger_never_reaches_the_collection(world: World) -> None:
    stored = kept(world.cert)
    note: StixObject = note_by(world.trudy.id, world.case, "hello", world.cert.now())
    answer = world.trudy.post(
        world.cert, world.case, [note, *world.joining(world.trudy, world.case)]
    )
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert kept(world.cert) == stored
