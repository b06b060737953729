"""The story: one incident, three organisations, a node that is lost, and one history."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests

from hub.demo import browsing, intel, proving
from hub.demo.cast import Cast, at_once, set_up
from hub.demo.errors import StoryError
from hub.demo.people import Person
from hub.demo.processes import wait_until
from hub.demo.telling import Telling
from policies.tlp import TLP

WAIT_SECONDS: Final = 60
COMEBACK_SECONDS: Final = 90
IDLE_SECONDS: Final = 5
LOOK_SECONDS: Final = 0.01
FIRST_BATCH: Final = 4
SHORT: Final = 12

_VENDOR_NOTE: Final = (
    "Our build server signed the two altered libraries on 3 March. Version 18.12.416 and older are "
    "clean; 18.12.422 is ready. The old certificate is being revoked."
)
_GRID_NOTE: Final = (
    "Four desktops in the control room's office network run the altered client. None of them "
    "reaches the SCADA segment. All four are isolated; memory images are taken."
)
_CERT_NOTE: Final = "Northern Grid's node is silent. We go on, and it reads this when it is back."
_LATER_NOTE: Final = "Revocation is published. Scanners flag the old signature from now on."
_PENDING_NOTE: Final = (
    "Search finished: none of the shared addresses was contacted after the isolation."
)


@dataclass(frozen=True)
class Idle:
    """A stretch of time in which nodes have nothing to do, and what it costs."""

    people: Sequence[Person]
    began: float
    used: tuple[float | None, ...]

    @classmethod
    def from_now(cls, people: Sequence[Person]) -> Idle:
        """Begin to measure."""
        return cls(people, time.monotonic(), tuple(one.node.cpu_seconds() for one in people))

    def measure(self, seconds: float) -> float | None:
        """Give processor time over time, of all nodes together, since at least `seconds`."""
        wait_until(
            lambda: time.monotonic() - self.began >= seconds, "time has passed", seconds=seconds
        )
        used = [
            now - before
            for person, before in zip(self.people, self.used, strict=True)
            if before is not None and (now := person.node.cpu_seconds()) is not None
        ]
        if len(used) != len(self.people):
            return None
        return sum(used) / (time.monotonic() - self.began)


@dataclass
class Story:
    """What is told, to the end or to the first step that does not hold.

    Args:
        folder: for exports and pictures.
    """

    telling: Telling
    cast: Cast
    folder: Path
    case: str = ""
    delays: list[float] = field(default_factory=list)

    def tell(self) -> None:
        """Tell it.

        Raises:
            StoryError: a step did not hold.
        """
        self.set_up()
        self.pair()
        self.form_a_community()
        self.open_the_case()
        self.turn_a_stranger_away()
        self.gather_in_the_case()
        self.share()
        self.lose_a_node()
        self.catch_up()
        self.write_while_the_coordinator_is_away()
        self.compare_copies()
        self.look()
        self.prove()
        self.forge()

    def set_up(self) -> None:
        """Three nodes, each with its own process, database and keys."""
        tell, cast = self.telling, self.cast
        with tell.step("Three organisations set up a node each: own process, database and keys."):
            at_once(set_up, cast.all)
            for person in cast.all:
                tell.say(f"{person.name}: {person.node.base_url}, process {person.node.pid}")
            if len({person.recovery_thumbprint for person in cast.all}) != len(cast.all):
                raise StoryError("two nodes have the same recovery key")

    def pair(self) -> None:
        """Invitation lines, eight words read on both sides, direct channels."""
        tell, cast = self.telling, self.cast
        with tell.step("They pair, two by two: one sends a line, both compare eight words."):
            for one, other in itertools.combinations(cast.all, 2):
                line = one.invite_partner(f"for {other.name}")
                other.accept(line)
                heard, read = (
                    " ".join(one.partner(other)["phrase"]),
                    " ".join(other.partner(one)["phrase"]),
                )
                if heard != read:
                    raise StoryError(f"{one.name} reads “{heard}”, {other.name} reads “{read}”")
                tell.say(f"{one.name} and {other.name} both read:")
                tell.quote(read)
                other.confirm(one)
                one.confirm(other)
            for one, other in itertools.permutations(cast.all, 2):
                wait_until(
                    partial(one.is_partner_of, other),
                    f"{one.name} and {other.name} are partners on both sides",
                    seconds=WAIT_SECONDS,
                )
        with tell.step("Each pair now has two direct channels, one owned by each side."):
            wanted = 2 * (len(cast.all) - 1)
            for person in cast.all:
                wait_until(
                    partial(person.holds_direct_channels, wanted),
                    f"{person.name} holds {wanted} direct channels",
                    seconds=WAIT_SECONDS,
                )
                tell.say(f"{person.name} holds {wanted}, all verified from their first entry")

    def form_a_community(self) -> None:
        """A community at TLP:GREEN with all three in it."""
        tell, cast = self.telling, self.cast
        with tell.step("National CERT opens a community at TLP:GREEN; the others are invited."):
            community = cast.cert.open_channel("community", "Energy sharing community", "green")
            reason = "We share what concerns the energy sector, and meet each month."
            guests = cast.others(cast.cert)
            self._invite_and_join(
                community, dict.fromkeys(guests, "member"), dict.fromkeys(guests, reason)
            )
            seq, head = self._same_head(community)
            tell.say(f"All three hold the same history: {seq + 1} entries, head {head[:SHORT]}")

    def open_the_case(self) -> None:
        """A case at TLP:AMBER, of which nobody else knows yet."""
        tell, cast = self.telling, self.cast
        with tell.step("A supply-chain attack on 3CX: National CERT opens a case at TLP:AMBER."):
            self.case = cast.cert.open_channel("case", "3CX supply-chain attack", "amber")
            tell.say(f"Case {self.case}")

    def turn_a_stranger_away(self) -> None:
        """Whoever may not know of the case is told that there is no such thing."""
        tell, cast = self.telling, self.cast
        with tell.step("Nobody is invited yet. A stranger who knows the case's id asks for it."):
            asked, made_up = proving.ask_as_a_stranger(cast.grid, cast.cert, self.case)
            if asked.status_code != HTTPStatus.NOT_FOUND:
                raise StoryError(f"the stranger was answered {asked.status_code}, not 404")
            tell.say(
                f"{cast.grid.name} asks with its own valid token: {asked.status_code}, “not found”."
            )
            if _without_chance(asked) != _without_chance(made_up):
                raise StoryError("the answer tells an unknown case from one that does not exist")
            tell.say("A case that does not exist gets the very same answer: nothing leaks.")

    def gather_in_the_case(self) -> None:
        """Both are invited with a reason, and join."""
        tell, cast = self.telling, self.cast
        with tell.step("Northern Grid and Voxline Software are invited, read why, and join."):
            reasons = {
                cast.grid: "Your telephone clients call one of the known addresses.",
                cast.vendor: "Your build server may have been used.",
            }
            roles = {cast.grid: "affected", cast.vendor: "supplier"}
            self._invite_and_join(self.case, roles, reasons, tell_reason=True)
            seq, head = self._same_head(self.case)
            tell.say(f"All three hold the same history: {seq + 1} entries, head {head[:SHORT]}")

    def share(self) -> None:
        """Real indicators, and what the others add."""
        tell, cast = self.telling, self.cast
        event = intel.published_event_3cx()
        with tell.step("National CERT shares indicators that ESET published on this attack."):
            tell.quote(f"{event.title} ({event.publisher}, {event.date:%Y-%m-%d})")
            indicators = self._indicators(0, FIRST_BATCH)
            written = cast.cert.write(self.case, "intel.shared", indicators)
            self._seen_by(cast.others(cast.cert), written["sha256"])
            tell.say(f"{len(indicators)} indicators stand in the case of all three.")
        with tell.step("The vendor and the operator say what they found."):
            for person, text in ((cast.vendor, _VENDOR_NOTE), (cast.grid, _GRID_NOTE)):
                tell.say(f"{person.name}:")
                tell.quote(text)
                self._contribute(person, text)
            seq, head = self._same_head(self.case)
            tell.say(f"{seq + 1} entries, head {head[:SHORT]}, the same at all three.")

    def lose_a_node(self) -> None:
        """The operator's node is killed, and the others go on."""
        tell, cast = self.telling, self.cast
        with tell.step("Northern Grid's node is killed in the middle of it (kill -9)."):
            pid = cast.grid.node.pid
            cast.grid.node.kill()
            tell.say(f"Process {pid} and its workers are gone; nothing was shut down in order.")
        with tell.step("The others go on: more indicators, a note, a contribution by the vendor."):
            left = cast.others(cast.grid)
            indicators = self._indicators(FIRST_BATCH, None)
            first = cast.cert.write(self.case, "intel.shared", indicators)
            second = cast.cert.note(self.case, _CERT_NOTE)
            self._seen_by([cast.vendor], first["sha256"], second["sha256"])
            self._contribute(cast.vendor, _LATER_NOTE, readers=[cast.cert])
            seq, _ = self._same_head(self.case, left)
            tell.say(f"{len(indicators)} more indicators and 2 notes: {seq + 1} entries now.")

    def catch_up(self) -> None:
        """The lost node comes back by itself."""
        tell, cast = self.telling, self.cast
        with tell.step("Northern Grid's node is started again, and catches up by itself."):
            wanted = cast.cert.channel(self.case)
            before = time.monotonic()
            cast.grid.node.start()
            ready = time.monotonic()
            held = cast.grid.channel(self.case)
            wait_until(
                lambda: cast.grid.channel(self.case)["head_sha256"] == wanted["head_sha256"],
                f"{cast.grid.name} has caught up",
                seconds=COMEBACK_SECONDS,
            )
            missed = wanted["seq"] - held["seq"]
            tell.say(
                f"Ready after {ready - before:.1f} s; level with the others"
                f" {time.monotonic() - ready:.1f} s later"
                + (f", {missed} entries fetched since." if missed else " already.")
            )
            self._expect_current(cast.all)

    def write_while_the_coordinator_is_away(self) -> None:
        """A contribution waits as pending, and becomes history."""
        tell, cast = self.telling, self.cast
        with tell.step("National CERT's node is stopped. Northern Grid writes all the same."):
            cast.cert.node.stop()
            written = cast.grid.note(self.case, _PENDING_NOTE)
            tell.quote(_PENDING_NOTE)
            if written["state"] != "pending":
                raise StoryError(f"the note is {written['state']} while its owner is away")
            rows = cast.grid.pending(self.case)
            if [row["sha256"] for row in rows] != [written["sha256"]]:
                raise StoryError("the page of Northern Grid does not show the note as pending")
            if cast.grid.shows(self.case, written["sha256"]):
                raise StoryError("the note is history before anybody admitted it")
            tell.say("Its own page shows the note as pending: not history yet, and not lost.")
        with tell.step("National CERT is back, and the note becomes history everywhere."):
            cast.cert.node.start()
            began = time.monotonic()
            wait_until(
                partial(cast.grid.shows, self.case, written["sha256"]),
                "the pending note is history",
                seconds=COMEBACK_SECONDS,
            )
            if cast.grid.pending(self.case):
                raise StoryError("the note is history and still shown as pending")
            tell.say(f"Admitted {time.monotonic() - began:.1f} s after the node was ready.")
            self._same_head(self.case)

    def compare_copies(self) -> None:
        """Byte for byte, as TAXII serves and `export` writes them."""
        tell, cast = self.telling, self.cast
        with tell.step("The three copies of the case are compared byte for byte."):
            names = [person.name for person in cast.all]
            found = at_once(partial(proving.read_copy, channel=self.case), cast.all)
            copies = dict(zip(names, found, strict=True))
            difference = proving.first_difference(copies)
            if difference is not None:
                raise StoryError(difference)
            for name, copy in copies.items():
                tell.say(
                    f"{name}: the same {len(copy.ledger)} signed bundles, head"
                    f" {copy.head[:SHORT]}; {len(copy.objects)} objects over TAXII,"
                    f" {copy.size_bytes:,} bytes"
                )
            withheld = max(len(copy.withheld) for copy in copies.values())
            if withheld:
                tell.say(
                    f"{withheld} are older than the membership of those who lack them and labelled"
                    " TLP:AMBER (why others were invited): of those a later member gets the hash,"
                    " not the words. All others are the same, byte for byte."
                )

    def look(self) -> None:
        """What each of them sees in a browser."""
        tell, cast = self.telling, self.cast
        with tell.step("Each signs in with a browser and opens the case."):
            missing = browsing.missing_browser()
            if missing is not None:
                tell.say(f"Left out: {missing}.")
                return
            sights = browsing.look_at_channel(cast.all, self.case, self.folder / "pictures")
            seen = list(sights.values())
            if len({sight.entries for sight in seen}) != 1 or len({one.head for one in seen}) != 1:
                raise StoryError("the pages of the three do not show the same entries")
            if len(seen[0].entries) != cast.cert.channel(self.case)["seq"] + 1:
                raise StoryError("the pages do not show all entries")
            tell.say(f"All three pages show the same {len(seen[0].entries)} entries.")
            for name, sight in sights.items():
                tell.say(f"{name}: {sight.picture}")

    def prove(self) -> None:
        """The export holds without node and network; meanwhile the nodes have nothing to do."""
        tell, cast = self.telling, self.cast
        with tell.step("Northern Grid exports the case; it is proven with nothing but the file."):
            proving.export_channel(cast.grid, self.case, self.export)
            idle = Idle.from_now(cast.all)
            pins = [person.recovery_thumbprint for person in cast.all]
            verdict = proving.verify_alone(self.export, pins, self.folder)
            if verdict.code != 0 or not verdict.report["holds"]:
                raise StoryError(f"the export was refused: {verdict.sentence}")
            where = "without any network" if verdict.without_network else "without network settings"
            tell.say(
                f"tocsin verify, {where} and with no node: {len(verdict.report['history'])} entries"
                f" and {verdict.report['counts']['present']} objects hold."
            )
            tell.say("The three recovery keys are those that were read at pairing.")
            tell.side(f"The file: {self.export}")
            used = idle.measure(IDLE_SECONDS)
            if used is not None:
                tell.side(
                    f"Meanwhile the three nodes had nothing to do, and took together {used:.1%}"
                    " of one processor."
                )

    def forge(self) -> None:
        """A copy in which one byte was changed is refused by name."""
        tell = self.telling
        with tell.step("One byte of a note is changed in a copy, and the copy is checked."):
            forged = self.folder / "forged.jsonl"
            before, after = proving.forge(self.export, forged, _VENDOR_NOTE)
            tell.say(f"“{before} …” became “{after} …”.")
            verdict = proving.verify_alone(forged, [], self.folder)
            names = [failure["name"] for failure in verdict.report["failures"]]
            if verdict.code != proving.REFUSED or "hash_mismatch" not in names:
                raise StoryError(f"the forged copy was not refused for what it is: {names}")
            tell.say("Refused:")
            tell.quote(verdict.sentence)

    @property
    def export(self) -> Path:
        """The file that is proven."""
        return self.folder / "3cx.jsonl"

    def _indicators(self, start: int, end: int | None) -> list[Any]:
        built = intel.build_indicators(
            intel.published_event_3cx(),
            created_by=self.cast.cert.organisation,
            marking=TLP.AMBER,
            now=datetime.now(UTC),
        )
        return [dict(one.value) for one in built[start:end]]

    def _invite_and_join(
        self,
        channel: str,
        roles: Mapping[Person, str],
        reasons: Mapping[Person, str],
        *,
        tell_reason: bool = False,
    ) -> None:
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

    def _contribute(
        self, author: Person, text: str, readers: Sequence[Person] | None = None
    ) -> None:
        """Write a note as a member, and take the time until each of the others shows it."""
        written = author.note(self.case, text)
        others = self.cast.others(author) if readers is None else list(readers)
        self._seen_by(others, written["sha256"], timed=True)
        self._seen_by([author], written["sha256"])

    def _seen_by(self, readers: Sequence[Person], *bundles: str, timed: bool = False) -> None:
        """Wait until all readers' nodes show what was written just now."""
        began = time.monotonic()
        heads = dict.fromkeys(readers, "")

        def look() -> bool:
            for person in tuple(heads):
                # The head costs little to ask for; the history is read when it has moved.
                head = person.channel(self.case)["head_sha256"]
                seen = time.monotonic() - began
                if head == heads[person]:
                    continue
                heads[person] = head
                if person.shows(self.case, *bundles):
                    del heads[person]
                    if timed:
                        self.delays.append(seen)
            return not heads

        names = " and ".join(person.name for person in readers)
        wait_until(look, f"{names} can read it", seconds=WAIT_SECONDS, every=LOOK_SECONDS)

    def _same_head(self, channel: str, people: Sequence[Person] | None = None) -> tuple[int, str]:
        """Wait until all show one head; give its number and hash."""
        heads: list[tuple[int, str]] = []

        def look() -> bool:
            shown = [person.channel(channel) for person in people or self.cast.all]
            heads[:] = [(one["seq"], one["head_sha256"]) for one in shown]
            return len(set(heads)) == 1

        wait_until(look, "all copies have the same head", seconds=WAIT_SECONDS)
        return heads[0]

    def _expect_current(self, people: Sequence[Person]) -> None:
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


def _without_chance(answer: requests.Response) -> tuple[int, str, Any]:
    """Give what an answer tells, without the marks that differ from answer to answer."""
    document = {
        name: value for name, value in answer.json().items() if name not in ("error_id", "details")
    }
    return answer.status_code, answer.headers["Content-Type"], document
