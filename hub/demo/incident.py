"""Middle chapters: one case, what is shared in it, and nodes that are lost and come back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import requests

from hub.demo import intel, proving
from hub.demo.errors import StoryError
from hub.demo.processes import wait_until
from hub.demo.scene import COMEBACK_SECONDS, SHORT, Scene
from policies.tlp import TLP

FIRST_BATCH: Final = 4

_CASE: Final = {
    "title": "3CX supply-chain attack",
    "text": "A signed telephone client asks a host that its vendor does not know.",
    "tlp": "amber",
}

VENDOR_NOTE: Final = (
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


def open_the_case(scene: Scene) -> None:
    """A case at TLP:AMBER, of which nobody else knows yet."""
    tell, cast = scene.telling, scene.cast
    with tell.step("A supply-chain attack on 3CX: National CERT opens a case at TLP:AMBER."):
        scene.case = cast.cert.post("/cases", _CASE)["channel"]
        tell.say(f"Case {scene.case}")


def turn_a_stranger_away(scene: Scene) -> None:
    """Whoever may not know of the case is told that there is no such thing."""
    tell, cast = scene.telling, scene.cast
    with tell.step("Nobody is invited yet. A stranger who knows the case's id asks for it."):
        asked, made_up = proving.ask_as_a_stranger(cast.grid, cast.cert, scene.case)
        if asked.status_code != HTTPStatus.NOT_FOUND:
            raise StoryError(f"the stranger was answered {asked.status_code}, not 404")
        tell.say(
            f"{cast.grid.name} asks with its own valid token: {asked.status_code}, “not found”."
        )
        if _without_chance(asked) != _without_chance(made_up):
            raise StoryError("the answer tells an unknown case from one that does not exist")
        tell.say("A case that does not exist gets the very same answer: nothing leaks.")


def gather_in_the_case(scene: Scene) -> None:
    """Both are invited with a reason, and join."""
    tell, cast = scene.telling, scene.cast
    with tell.step("Northern Grid and Voxline Software are invited, read why, and join."):
        reasons = {
            cast.grid: "Your telephone clients call one of the known addresses.",
            cast.vendor: "Your build server may have been used.",
        }
        roles = {cast.grid: "affected", cast.vendor: "supplier"}
        scene.invite_and_join(scene.case, roles, reasons, tell_reason=True)
        seq, head = scene.same_head(scene.case)
        tell.say(f"All three hold the same history: {seq + 1} entries, head {head[:SHORT]}")


def share(scene: Scene) -> None:
    """Real indicators, and what the others add."""
    tell, cast = scene.telling, scene.cast
    event = intel.published_event_3cx()
    with tell.step("National CERT shares indicators that ESET published on this attack."):
        tell.quote(f"{event.title} ({event.publisher}, {event.date:%Y-%m-%d})")
        indicators = _indicators(scene, 0, FIRST_BATCH)
        written = cast.cert.write(scene.case, "intel.shared", indicators)
        scene.seen_by(cast.others(cast.cert), written["sha256"])
        tell.say(f"{len(indicators)} indicators stand in the case of all three.")
    with tell.step("The vendor and the operator say what they found."):
        for person, text in ((cast.vendor, VENDOR_NOTE), (cast.grid, _GRID_NOTE)):
            tell.say(f"{person.name}:")
            tell.quote(text)
            scene.contribute(person, text)
        seq, head = scene.same_head(scene.case)
        tell.say(f"{seq + 1} entries, head {head[:SHORT]}, the same at all three.")


def lose_a_node(scene: Scene) -> None:
    """The operator's node is killed while something is on its way to it, and the others go on."""
    tell, cast = scene.telling, scene.cast
    with tell.step("More indicators; at that moment Northern Grid's node is killed (kill -9)."):
        pid, held = cast.grid.node.pid, cast.grid.channel(scene.case)["seq"]
        indicators = _indicators(scene, FIRST_BATCH, None)
        first = cast.cert.write(scene.case, "intel.shared", indicators)
        cast.grid.node.kill()
        tell.say(f"Process {pid} and its workers are gone; nothing was shut down in order.")
    with tell.step("The others go on: National CERT and Voxline Software write a note each."):
        second = cast.cert.note(scene.case, _CERT_NOTE)
        scene.seen_by([cast.vendor], first["sha256"], second["sha256"])
        scene.contribute(cast.vendor, _LATER_NOTE, readers=[cast.cert])
        seq, head = scene.same_head(scene.case, cast.others(cast.grid))
        tell.say(f"{len(indicators)} more indicators and 2 notes: {seq + 1} entries now.")
    with tell.step("Northern Grid's node is started again, and catches up by itself."):
        began = time.monotonic()
        cast.grid.node.start()
        ready = time.monotonic()
        wait_until(
            lambda: cast.grid.channel(scene.case)["head_sha256"] == head,
            f"{cast.grid.name} has caught up",
            seconds=COMEBACK_SECONDS,
        )
        tell.say(f"It was killed at entry {held}; now it stands at entry {seq}, as the others do.")
        tell.say(f"Ready after {ready - began:.1f} s, level {_later(ready)}.")
        scene.expect_current(cast.all)


def write_while_the_coordinator_is_away(scene: Scene) -> None:
    """A contribution waits as pending, and becomes history."""
    tell, cast = scene.telling, scene.cast
    with tell.step("National CERT's node is stopped. Northern Grid writes all the same."):
        cast.cert.node.stop()
        written = cast.grid.note(scene.case, _PENDING_NOTE)
        tell.quote(_PENDING_NOTE)
        if written["state"] != "pending":
            raise StoryError(f"the note is {written['state']} while its owner is away")
        rows = cast.grid.pending(scene.case)
        if [row["sha256"] for row in rows] != [written["sha256"]]:
            raise StoryError("the page of Northern Grid does not show the note as pending")
        if cast.grid.shows(scene.case, written["sha256"]):
            raise StoryError("the note is history before anybody admitted it")
        tell.say("Its own page shows the note as pending: not history yet, and not lost.")
    with tell.step("National CERT is back, and the note becomes history everywhere."):
        cast.cert.node.start()
        began = time.monotonic()
        wait_until(
            partial(cast.grid.shows, scene.case, written["sha256"]),
            "the pending note is history",
            seconds=COMEBACK_SECONDS,
        )
        if cast.grid.pending(scene.case):
            raise StoryError("the note is history and still shown as pending")
        tell.say(f"The node was ready; admitted and back at its author {_later(began)}.")
        scene.same_head(scene.case)


def _indicators(scene: Scene, start: int, end: int | None) -> list[Any]:
    built = intel.build_indicators(
        intel.published_event_3cx(),
        created_by=scene.cast.cert.organisation,
        marking=TLP.AMBER,
        now=datetime.now(UTC),
    )
    return [dict(one.value) for one in built[start:end]]


def _later(moment: float) -> str:
    return f"{time.monotonic() - moment:.1f} s later"


def _without_chance(answer: requests.Response) -> tuple[int, str, Any]:
    """Give what an answer tells, without the marks that differ from answer to answer."""
    document = {
        name: value for name, value in answer.json().items() if name not in ("error_id", "details")
    }
    return answer.status_code, answer.headers["Content-Type"], document
