"""A ledger in miniature: it asks the tables, and keeps what they changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from policies.acts import Act, ChannelKind, read_body
from policies.lifecycles import Change, Ruling, Situation, rule
from policies.roles import Role, read_roles

NOW: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def organisation(number: int) -> str:
    return f"identity--00000000-0000-4000-8000-{number:012d}"


CERT: Final = organisation(1)
GRID: Final = organisation(2)
VENDOR: Final = organisation(3)
WATER: Final = organisation(4)
STRANGER: Final = organisation(99)
EVERYBODY: Final = (CERT, GRID, VENDOR, WATER)

THUMBPRINT: Final = "71fI5vnDA6ilFwHHle44_JBjsh0jz1PI1IZzE1XYQcU"
DIGEST: Final = "ab" * 32
CHANNEL_ID: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
JWS: Final = {"payload": "e30", "signatures": [{"protected": "e30", "signature": "AA"}]}


def object_of(author: str, number: int = 0) -> str:
    """Give the id of an object that this organisation's bundle first covered."""
    return f"note--{number:08d}-0000-4000-8000-{author[-12:]}"


def opening(
    kind: ChannelKind, members: Mapping[str, str | list[str]], **more: Any
) -> dict[str, Any]:
    listed = [
        {"organisation": who, "role": role, "descriptors": [JWS]} for who, role in members.items()
    ]
    return {"kind": kind.value, "ceiling": "amber", "acts": "1", "members": listed} | more


def invitation(who: str, role: str = "responder", **more: Any) -> dict[str, Any]:
    body = {
        "organisation": who,
        "role": role,
        "reply_by": "2026-11-21T10:00:00.000Z",
        "ceiling": "amber",
        "older": "released",
        "recovery_key": THUMBPRINT,
    }
    return body | more


def joining(role: str = "responder", **more: Any) -> dict[str, Any]:
    return {"role": role, "descriptors": [JWS]} | more


def relay(who: str) -> dict[str, str]:
    """Say whose word a coordinator passes on, and how it came."""
    return {"organisation": who, "way": "telephone", "at": "2026-11-20T03:00:00Z"}


@dataclass
class World:
    """One channel and what its ledger says."""

    kind: ChannelKind = ChannelKind.CASE
    owner: str = CERT
    members: dict[str, frozenset[Role]] = field(default_factory=dict)
    roles: dict[str, frozenset[Role]] = field(default_factory=dict)
    states: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def opened(
        cls, kind: ChannelKind = ChannelKind.CASE, others: Iterable[str] = (GRID, VENDOR)
    ) -> World:
        world = cls(kind)
        members: dict[str, str | list[str]] = {CERT: "coordinator"}
        members |= dict.fromkeys(others, "responder")
        world.must(CERT, Act.CHANNEL_OPENED, **opening(kind, members))
        return world

    def state_of(self, thing: str, subject: str) -> str | None:
        if thing == "source":
            authors = {object_of(who, n): who for who in EVERYBODY for n in range(3)}
            _, _, uuid = subject.partition("--")
            return authors.get(f"note--{uuid}")
        return self.states.get((thing, subject))

    def situation(
        self, author: str, body: Mapping[str, Any], endorsed_by: Iterable[str] = ()
    ) -> Situation:
        return Situation(
            kind=self.kind,
            owner=self.owner,
            author=author,
            body=body,
            ledger_time=NOW,
            members=dict(self.members),
            state_of=self.state_of,
            endorsed_by=frozenset(endorsed_by),
        )

    def ask(self, author: str, act: Act, *, endorsed_by: Iterable[str] = (), **body: Any) -> Ruling:
        """Judge an act and forget it."""
        read_body(act, body)
        return rule("1", act, self.situation(author, body, endorsed_by))

    def do(self, author: str, act: Act, *, endorsed_by: Iterable[str] = (), **body: Any) -> Ruling:
        """Judge an act, and keep what it changed."""
        ruling = self.ask(author, act, endorsed_by=endorsed_by, **body)
        if ruling.decision:
            for change in ruling.changes:
                self.states[change.thing, change.subject] = change.after
                self._keep_membership(change)
            self._keep_roles(author, act, body)
        return ruling

    def must(
        self, author: str, act: Act, *, endorsed_by: Iterable[str] = (), **body: Any
    ) -> Ruling:
        ruling = self.do(author, act, endorsed_by=endorsed_by, **body)
        assert ruling.decision, ruling.decision.reason
        return ruling

    def refusal(self, author: str, act: Act, **body: Any) -> str:
        ruling = self.ask(author, act, **body)
        assert not ruling.decision
        assert ruling.changes == ()
        return ruling.decision.reason

    def membership(self, who: str) -> str | None:
        return self.states.get(("membership", who))

    @property
    def coordination(self) -> str | None:
        return self.states.get(("coordination", "channel"))

    def _keep_membership(self, change: Change) -> None:
        if change.thing != "membership":
            return
        if change.after == "joined":
            self.members[change.subject] = self.roles.get(change.subject, frozenset())
        else:
            self.members.pop(change.subject, None)

    def _keep_roles(self, author: str, act: Act, body: Mapping[str, Any]) -> None:
        if act is Act.CHANNEL_OPENED:
            self.owner = author
            given = {m["organisation"]: m["role"] for m in body["members"]}
        elif act is Act.MEMBER_JOINED:
            spoken_for = body.get("on_behalf_of", {"organisation": author})
            given = {spoken_for["organisation"]: body["role"]}
        elif act is Act.MEMBER_ROLE_CHANGED:
            given = {body["organisation"]: body["role"]}
        else:
            given = {}
        for who, role in given.items():
            self.roles[who] = read_roles(role)
            if who in self.members:
                self.members[who] = self.roles[who]
