"""Chapters of coordination: two reports of one incident, a warning, assessments, a decision."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hub.demo.errors import StoryError
from hub.demo.people import Person
from hub.demo.processes import wait_until
from hub.demo.scene import WAIT_SECONDS, Scene

_GRID_REPORT: Final = (
    "Our telephone client calls hxxps://msstorageazure[.]com/window since this morning. "
    "Nobody here knows that name."
)
_VENDOR_REPORT: Final = (
    "A customer sends us a capture: our signed client asks hxxps://msstorageazure[.]com/window for "
    "an icon. We did not write that."
)
_WARNING: Final = (
    "Stop updates of the 3CX desktop client, and search your logs for msstorageazure[.]com. "
    "Tell us whether you find anything."
)
_WHY: Final = "Two organisations are hit through one product, and others run it too."
_GRID_STATES: Final = {
    "functional_impact": "minimal",
    "danger": "none",
    "counts": {"computers-personal": {"low": 4, "high": 4}},
}
_VENDOR_STATES: Final = {
    "functional_impact": "significant",
    "information_impact": "core-credentials",
    "still_spreading": True,
}


def report(scene: Scene) -> None:
    """Two partners each tell the coordinator what they saw; nobody else reads it."""
    tell, cast = scene.telling, scene.cast
    with tell.step("Northern Grid and Voxline Software each see something odd, and report it."):
        told = {cast.grid: _GRID_REPORT, cast.vendor: _VENDOR_REPORT}
        for person, text in told.items():
            tell.say(f"{person.name}:")
            tell.quote(text)
            said = {"kind": "incident", "title": "An unknown name is asked for", "text": text}
            recorded = person.post("/reports", said)["id"]
            person.post(f"/reports/{recorded}/submission", {"to": cast.cert.organisation})
        wait_until(
            lambda: len(_incoming(cast.cert)) == len(told),
            "both reports are at National CERT",
            seconds=WAIT_SECONDS,
        )
    with tell.step("National CERT acknowledges both with one click each."):
        for one in _incoming(cast.cert):
            cast.cert.post(f"{_place(one)}/acknowledgement")
        for person in told:
            reference = wait_until(
                partial(_reference, person), f"{person.name} has a reference", seconds=WAIT_SECONDS
            )
            tell.say(f"{person.name} reads: {reference}")
        alike = cast.cert.get(_place(_incoming(cast.cert)[0]))["alike"]
        if [one["same_count"] for one in alike] != [1]:
            raise StoryError("National CERT is not shown that the two reports name the same")
        tell.say(
            "Both name the same address: National CERT is shown that they may be one incident."
        )


def warn(scene: Scene) -> None:
    """A warning to all, who has read it, and whether they are affected."""
    tell, cast = scene.telling, scene.cast
    with tell.step("National CERT warns its community; the others answer with one click."):
        tell.quote(_WARNING)
        calls = f"/calls/{scene.community}"
        ref = cast.cert.post(f"{calls}/warnings", {"text": _WARNING})["ref"]
        for person, affected in ((cast.grid, "yes"), (cast.vendor, "looking")):
            wait_until(
                partial(_waits_for, person, ref), f"{person.name} is warned", seconds=WAIT_SECONDS
            )
            person.post(f"{calls}/{ref}/acknowledgements", {"affected": affected})
        everybody = len(cast.others(cast.cert))
        wait_until(
            lambda: cast.cert.get(f"{calls}/{ref}")["call"]["measured"]["answered"] == everybody,
            "all have acknowledged the warning",
            seconds=WAIT_SECONDS,
        )
        tell.say("Both have read it: one is affected, one is still looking. Nobody is silent.")


def assess(scene: Scene) -> None:
    """Each says how it is hit, one of them to the coordinator alone; all of it comes to a level."""
    tell, cast = scene.telling, scene.cast
    case = f"/cases/{scene.case}"
    with tell.step("The two reports become part of the case, and their authors are told which."):
        for one in _incoming(cast.cert):
            cast.cert.post(f"{_place(one)}/triage", {"taken_for": "incident"})
            cast.cert.post(f"{_place(one)}/link", {"case": scene.case})
        for person in cast.others(cast.cert):
            wait_until(
                partial(_is_linked, person, scene.case),
                f"{person.name} reads which case its report is in",
                seconds=WAIT_SECONDS,
            )
    with tell.step("Northern Grid says to all how it is hit; Voxline to the coordinator alone."):
        cast.grid.post(f"{case}/response", {"state": "affected"})
        cast.grid.post(f"{case}/assessment", {"assessment": _GRID_STATES})
        cast.vendor.post(f"{case}/assessment", {"assessment": _VENDOR_STATES, "alone": True})
        wait_until(
            lambda: (
                _stated(cast.cert, cast.grid, scene.case)["assessment"] == _GRID_STATES
                and _stated(cast.cert, cast.vendor, scene.case)["assessment_alone"]
                == _VENDOR_STATES
            ),
            "National CERT has both",
            seconds=WAIT_SECONDS,
        )
        other = _stated(cast.grid, cast.vendor, scene.case)
        if other["assessment_alone"] is not None or not other["is_silent"]:
            raise StoryError("Northern Grid learns what Voxline told the coordinator alone")
        tell.say("Northern Grid sees that Voxline has said nothing to all, and no more.")
    with tell.step("National CERT tells all what it comes to, and decides to coordinate."):
        cast.cert.post(f"{case}/joint")
        cast.cert.post(f"{case}/start", {"reason": _WHY})
        for person in cast.all:
            wait_until(
                partial(_is_coordinated, person, scene.case),
                f"{person.name} sees the decision",
                seconds=WAIT_SECONDS,
            )
        joint = cast.cert.get(case)["joint"]
        tell.say(f"By what is open to all: severity {joint['said']}.")
        tell.say(f"By what National CERT alone knows: {joint['known']['level']}.")
        tell.quote(_WHY)
        scene.same_head(scene.case)


def _incoming(person: Person) -> list[Any]:
    items: list[Any] = person.get("/reports/incoming")["items"]
    return items


def _outgoing(person: Person) -> Any:
    return person.get("/reports/outgoing")["items"][0]


def _place(one: Any) -> str:
    return f"/reports/travelled/{one['channel']}/{one['report']}"


def _reference(person: Person) -> str | None:
    reference: str | None = _outgoing(person)["reference"]
    return reference


def _waits_for(person: Person, ref: str) -> bool:
    return ref in [one["ref"] for one in person.get("/calls")["items"]]


def _is_linked(person: Person, case: str) -> bool:
    return bool(_outgoing(person)["case"] == case)


def _stated(reader: Person, whose: Person, case: str) -> Any:
    rows = reader.get(f"/cases/{case}")["organisations"]
    return next(row for row in rows if row["organisation"] == whose.organisation)


def _is_coordinated(person: Person, case: str) -> bool:
    return bool(person.get(f"/cases/{case}")["state"] == "response")
