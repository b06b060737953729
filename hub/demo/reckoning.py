"""Last chapters: equal copies, what people see, and what holds without any of us."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from hub.demo import browsing, proving
from hub.demo.cast import at_once
from hub.demo.errors import StoryError
from hub.demo.incident import VENDOR_NOTE
from hub.demo.people import Person
from hub.demo.processes import wait_until
from hub.demo.scene import SHORT, Scene

IDLE_SECONDS: Final = 5


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


def compare_copies(scene: Scene) -> None:
    """Byte for byte, as TAXII serves and `export` writes them."""
    tell, cast = scene.telling, scene.cast
    with tell.step("The three copies of the case are compared byte for byte."):
        names = [person.name for person in cast.all]
        found = at_once(partial(proving.read_copy, channel=scene.case), cast.all)
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
                f"Written at TLP:AMBER before a reader joined, and so withheld from it: {withheld}."
                " Of those a later member gets the hash, not the words."
            )
        which = "All others" if withheld else "All objects"
        tell.say(f"{which} are the same, byte for byte.")


def look(scene: Scene) -> None:
    """What each of them sees in a browser."""
    tell, cast = scene.telling, scene.cast
    with tell.step("Each signs in with a browser and opens the case."):
        missing = browsing.missing_browser()
        if missing is not None:
            tell.say(f"Left out: {missing}.")
            return
        sights = browsing.look_at_channel(cast.all, scene.case, scene.folder / "pictures")
        seen = list(sights.values())
        if len({sight.entries for sight in seen}) != 1 or len({one.head for one in seen}) != 1:
            raise StoryError("the pages of the three do not show the same entries")
        if len(seen[0].entries) != cast.cert.channel(scene.case)["seq"] + 1:
            raise StoryError("the pages do not show all entries")
        tell.say(f"All three pages show the same {len(seen[0].entries)} entries.")
        for name, sight in sights.items():
            tell.say(f"{name}: {sight.picture}")


def prove(scene: Scene) -> None:
    """The export holds without node and network; meanwhile the nodes have nothing to do."""
    tell, cast = scene.telling, scene.cast
    with tell.step("Northern Grid exports the case; the file alone proves it, offline."):
        scene.export.write_bytes(cast.grid.export(scene.case))
        idle = Idle.from_now(cast.all)
        pins = [person.recovery_thumbprint for person in cast.all]
        verdict = proving.verify_alone(scene.export, pins, scene.folder)
        if verdict.code != 0 or not verdict.report["holds"]:
            raise StoryError(f"the export was refused: {verdict.sentence}")
        where = "without any network" if verdict.without_network else "without network settings"
        tell.say(
            f"tocsin verify, {where} and with no node: {len(verdict.report['history'])} entries"
            f" and {verdict.report['counts']['present']} objects hold."
        )
        tell.say("Pinned to the recovery keys that the three gave out when they set up.")
        tell.side(f"The file: {scene.export}")
        used = idle.measure(IDLE_SECONDS)
        if used is not None:
            tell.side(
                f"Meanwhile the three nodes had nothing to do, and took together {used:.1%}"
                " of one processor."
            )


def forge(scene: Scene) -> None:
    """A copy in which one byte was changed is refused by name."""
    tell = scene.telling
    with tell.step("One byte of a note is changed in a copy, and the copy is checked."):
        forged = scene.folder / "forged.jsonl"
        before, after = proving.forge(scene.export, forged, VENDOR_NOTE)
        tell.say(f"“{before} …” became “{after} …”.")
        verdict = proving.verify_alone(forged, [], scene.folder)
        names = [failure["name"] for failure in verdict.report["failures"]]
        if verdict.code != proving.REFUSED or "hash_mismatch" not in names:
            raise StoryError(f"the forged copy was not refused for what it is: {names}")
        tell.say("Refused:")
        tell.quote(verdict.sentence)
