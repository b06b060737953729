"""The scene of the story: who is there, which case it is about, and what all have to see."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from hub.demo.cast import Cast
from hub.demo.errors import StoryError
from hub.demo.people import Person
from hub.demo.processes import wait_until
from hub.demo.telling import Telling

WAIT_SECONDS: Final = 60
COMEBACK_SECONDS: Final = 90
LOOK_SECONDS: Final = 0.01
SHORT: Final = 12
"""How much of a hash is shown."""


@dataclass
class Scene:
    """What the chapters of the story share.

    Args:
        folder: for exports and pictures.
        community, case: the ids of their channels, once they are open.
        delays: seconds from a member's commit to the view of another, as measured.
    """

    telling: Telling
    cast: Cast
    folder: Path
    community: str = ""
    case: str = ""
    delays: list[float] = field(default_factory=list)

    @property
    def export(self) -> Path:
        """The file that is proven."""
        return self.folder / "3cx.jsonl"

    def invite_and_join(
        self,
        channel: str,
        roles: Mapping[Person, str],
        reasons: Mapping[Person, str],
        *,
        tell_reason: bool = False,
    ) -> None:
        """Have the coordinator invite, each read why, and each join.

        Args:
            roles, reasons: who is invited → as what, and why.
        """
        for person, role in roles.items():
            self.cast.cert.invite(channel, person, role, reasons[person])
        for person in roles:
            invitation = wait_until(
                partial(person.find_invitation, channel),
                f"{person.name} has the invitation",
                seconds=WAIT_SECONDS,
            )
            if invitation["reason"] != reasons[person]:
                raise StoryError(f"{person.name} reads another reason: {invitation['reason']}")
            if tell_reason:
                self.telling.say(f"{person.name} reads:")
                self.telling.quote(invitation["reason"])
            person.join(channel)
            wait_until(partial(person.is_in, channel), f"{person.name} is in", seconds=WAIT_SECONDS)

    def contribute(
        self, author: Person, text: str, readers: Sequence[Person] | None = None
    ) -> None:
        """Write a note as a member, and take the time until each of the others shows it."""
        others = self.cast.others(author) if readers is None else list(readers)
        heads = {person: self._head(person) for person in others}
        written = author.note(self.case, text)
        began = time.monotonic()
        for seen_at in self._seen_by(heads, written["sha256"]):
            self.delays.append(seen_at - began)
        self.seen_by([author], written["sha256"])

    def seen_by(self, readers: Sequence[Person], *bundles: str) -> None:
        """Wait until all readers' nodes show what was written just now."""
        self._seen_by(dict.fromkeys(readers, ""), *bundles)

    def _seen_by(self, heads: Mapping[Person, str], *bundles: str) -> list[float]:
        """Wait until nodes show what was written; give when each did, by the monotonic clock.

        Args:
            heads: reader → the head before it was written.
        """
        # The head costs little to ask for; the history is read when it has moved.
        missing = dict(heads)
        seen: list[float] = []

        def look() -> bool:
            for person, known in tuple(missing.items()):
                missing[person] = self._head(person)
                looked_at = time.monotonic()
                if missing[person] != known and person.shows(self.case, *bundles):
                    del missing[person]
                    seen.append(looked_at)
            return not missing

        names = " and ".join(person.name for person in heads)
        wait_until(look, f"{names} can read it", seconds=WAIT_SECONDS, every=LOOK_SECONDS)
        return seen

    def _head(self, person: Person) -> str:
        head: str = person.channel(self.case)["head_sha256"]
        return head

    def same_head(self, channel: str, people: Sequence[Person] | None = None) -> tuple[int, str]:
        """Wait until all show one head; give its number and hash."""
        heads: list[tuple[int, str]] = []

        def look() -> bool:
            shown = [person.channel(channel) for person in people or self.cast.all]
            heads[:] = [(one["seq"], one["head_sha256"]) for one in shown]
            return len(set(heads)) == 1

        wait_until(look, "all copies have the same head", seconds=WAIT_SECONDS)
        return heads[0]

    def expect_current(self, people: Sequence[Person]) -> None:
        """Refuse to go on where a copy of the case waits or is frozen."""
        for person in people:
            shown = person.channel(self.case)
            if shown["standing"] != "current" or shown["doubt"] is not None:
                raise StoryError(f"{person.name}: {shown['standing']}, {shown['sentence']}")

    def delay_sentence(self) -> str:
        """Say how long a contribution took from its commit to the view of the others."""
        times = sorted(1000 * delay for delay in self.delays)
        return (
            "From a contribution's commit at a member to the view of another:"
            f" median {statistics.median(times):.0f} ms, slowest {times[-1]:.0f} ms,"
            f" {len(times)} measured."
        )
