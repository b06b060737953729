"""Nodes that keep everything in memory: the rules at full speed, without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from federation.identity.keys import PrivateKey
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import DoubtError
from federation.judging.judge import judge_entry
from federation.judging.reader import Reader
from federation.ledgers.ledger import labels_of, metadata_label
from policies.acts import LATER_MEMBERS, Act
from policies.audience import opens_to_later_members
from policies.errors import ConflictError, NotFoundError
from policies.tlp import TLP
from sharing import stix as builders
from sharing.objects import StixObject
from tests.simulation.branching import Branching
from tests.simulation.kept import Again
from tests.simulation.nodes import Connect, CrashError, Given, Invitation, SimNode
from tests.simulation.oracle import Line

REPLY_BY = "2027-11-20T10:00:00.000Z"


class MemoryNode(Branching):
    """One organisation's node in one channel."""

    # What people do.

    def open(self, *, ceiling: TLP, parent: str | None) -> str:
        self._channel = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
        body: dict[str, Any] = {
            "kind": "case",
            "owner": self.organisation,
            "ceiling": ceiling.value,
            "acts": "1",
            "members": [
                {
                    "organisation": self.organisation,
                    "role": "coordinator",
                    "descriptors": self._own.documents,
                }
            ],
        }
        if parent is not None:
            body["parent"] = parent
        identity = builders.identity(
            "Simulated",
            stix_id=f"identity--{self._channel}",
            identity_class="group",
            now=self._now(),
            marking=metadata_label(ceiling),
        )
        new = [self._identity, identity]
        self._append(Act.CHANNEL_OPENED, body, new, position=(1, 0), label=metadata_label(ceiling))
        return self._channel

    def enter(self, channel: str) -> None:
        self._channel = channel

    def write(
        self, act: Act, body: Mapping[str, Any], new: Sequence[StixObject], *, later: bool | None
    ) -> None:
        state = self._known()
        label = metadata_label(state.ceiling)
        if later is None:
            labels = labels_of(new, label, self._facts)
            later = opens_to_later_members(act, state.kind, labels.values())
        full = dict(body) | ({LATER_MEMBERS: True} if later else {})
        if self.owns():
            self._append(act, full, new)
        else:
            self._contribute(act, full, new, seen=state.head, label=label)

    def invite(self, other: SimNode, *, replaces: str | None = None) -> Invitation:
        assert isinstance(other, MemoryNode)
        state = self._known()
        if not self.owns():
            raise ConflictError("only the owner invites")
        body = {
            "organisation": other.organisation,
            "role": "responder",
            "reply_by": REPLY_BY,
            "ceiling": state.ceiling.value,
            "older": "released",
            "recovery_key": other._own.recovery.public.thumbprint,
        }
        if replaces is not None:
            body["replaces"] = replaces
        self._append(Act.MEMBER_INVITED, body, [other._identity])
        state = self._known()
        return Invitation(self._channel, self.organisation, state.genesis, state.head, "responder")

    def answer(self, invitation: Invitation, act: Act) -> None:
        known = self._state
        if self._inviter is not None or (known and known.is_member(self.organisation)):
            raise ConflictError("this invitation has been answered")
        body: dict[str, Any] = {"descriptors": self._own.documents}
        self._answers_to = invitation.owner
        if act is Act.MEMBER_JOINED:
            body["role"] = invitation.role
            self._inviter = invitation.owner
            self._cursors.pop(invitation.owner, None)
        self._contribute(act, body, (), seen=invitation.head, label=TLP.CLEAR)

    def rotate(self) -> None:
        self._own.rotate(self._now())
        self._describe()

    def revoke(self, since: int) -> None:
        now = self._now()
        self._own.revoke(self._own.key, now, since=now - timedelta(seconds=since))
        self._describe()

    def key(self) -> PrivateKey:
        return self._own.key

    def documents(self) -> Sequence[Mapping[str, Any]]:
        return self._own.documents

    # What the worker does.

    def deliver(self, connect: Connect) -> None:
        self._describe()
        while self._outbox:
            bundle, new = self._outbox[0]
            known = self._state
            is_member = known is not None and known.is_member(self.organisation)
            owner = known.owner if known is not None and is_member else self._answers_to
            if owner is None:
                return
            contents = [one.content for one in new if one.sha256 not in self._rows]
            if bundle.act == Act.OBJECT_RELEASED:
                # An owner that joined late may lack what it is asked to serve.
                wanted = {
                    h for ref in bundle.body["objects"] for h in self._facts.covered_contents(ref)
                }
                found = (self._facts.find_object(one) for one in sorted(wanted))
                contents += [one.content for one in found if one is not None]
            failure = connect(owner).post([*contents, bundle.stix.content])
            if failure is not None and failure.partition(":")[0] in (
                "gap",
                "missing_object",
                "hash_mismatch",
                "unknown_key",
                "stale_epoch",
            ):
                return
            refused = self._outbox.pop(0)[0]
            if failure is not None:
                self._written = [one for one in self._written if one[0] is not refused]

    def pull(self, connect: Connect) -> None:
        for _ in range(5):
            source = self._source()
            if source is None:
                break
            server = connect(source)
            for page in server.pages(self._cursors.get(source, -1)):
                self._stage(page.contents)
                self._apply()
                # Only now: what died before this is pulled again.
                if page.last is not None:
                    self._cursors[source] = page.last
            self._ask_for(connect, server)
            if self._source() == source:
                break
        self._describe()

    def rewind(self) -> None:
        self._cursors.clear()

    # What others ask.

    def serve(
        self, reader: str, after: int, limit: int, refs: Iterable[str] | None = None
    ) -> Given:
        scope = self._scope(reader)
        wanted = None if refs is None else set(refs)
        shown = [
            row
            for row in self._rows.values()
            if row.date > after
            and not row.hidden
            and (wanted is None or row.stix.stix_id in wanted)
            and scope.shows(row.date, row.claimed, released_from=row.released_from)
        ][:limit]
        return Given([row.stix.content for row in shown], shown[-1].date if shown else None)

    def take(self, author: str, contents: Sequence[bytes]) -> str | None:
        *new, last = (StixObject.read(content) for content in contents)
        bundle = SignedBundle.read(last)
        if bundle.author != author:
            return "malformed: a contribution is posted by its author"
        member = self._state.members.get(author) if self._state is not None else None
        if member is not None and member.is_joined and not self.owns() and not new:
            return self._take_endorsement(bundle)
        if member is None or not self.owns() or not (member.is_joined or member.state == "invited"):
            raise NotFoundError("there is no such collection")
        if self._facts.is_admitted(bundle.sha256):
            return None
        for stix in (*new, last):
            self._facts.add_object(stix)
        try:
            self._append(Act.ADMITTED, {}, (), admits=bundle)
        except (DoubtError, CrashError) as error:
            for stix in (*new, last):
                self._drop(stix)
            if isinstance(error, CrashError):
                raise
            return f"{error.doubt}: {error.message}"
        return None

    # What the simulation looks at.

    def ledger(self) -> list[Line]:
        return [
            Line(
                one.entry.stix.value,
                one.contribution.stix.value if one.contribution is not None else None,
            )
            for one in self._entries
        ]

    def held(self) -> set[str]:
        here = set(self._staged) | set(self._facts.pool)
        return here | {one.sha256 for _, new in self._outbox for one in new}

    def state(self) -> Mapping[str, Any] | None:
        return self._state.document() if self._state is not None else None

    def trouble(self) -> str | None:
        return str(self._doubt) if self._doubt is not None else None

    def pending(self) -> int:
        return len(self._outbox)

    def answers(self) -> Mapping[str, str] | None:
        return None

    def rebuilt(self, *, anew: bool) -> list[str]:
        done = self._again.entries
        if anew or done != self._entries[: len(done)]:
            self._again = Again()
        again = self._again
        for stix in self._facts.pool.values():
            if stix.sha256 not in again.facts.pool:
                again.facts.add_object(stix)
        for old in self._entries[len(again.entries) :]:
            again.facts.add_object(old.entry.stix)
            if old.contribution is not None:
                again.facts.add_object(old.contribution.stix)
            judged = judge_entry(again.state, old.entry, again.facts, Reader(lenient=True))
            again.facts.record(judged)
            again.state = judged.state
            again.entries.append(old)
        return [] if again.state == self._state else ["the channel's state"]
