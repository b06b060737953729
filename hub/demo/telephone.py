"""A chapter of those without a node: the coordinator calls them and says what they told it."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hub.demo.errors import StoryError
from hub.demo.people import Person
from hub.demo.processes import wait_until
from hub.demo.scene import WAIT_SECONDS, Scene

_NAME: Final = "Eastbridge Waterworks"
_TELEPHONE: Final = "+43 1 5550 1234, control room"
_INFORMANT: Final = "The shift leader"
_SAID: Final = "Two desktops ran it. Both are off the network; the pumps never saw them."
_STATES: Final = {
    "functional_impact": "none",
    "danger": "none",
    "counts": {"computers-personal": {"low": 2, "high": 2}},
}
_EVENTS: Final = (
    ("The altered client is signed on the vendor's build server", "2023-03-03", None),
    ("The altered client asks for its first icon", "2023-03-22", "2023-03-29T07:00"),
)


def hear_by_telephone(scene: Scene) -> None:
    """One organisation has a telephone and no node: all read what it told, and that it was told."""
    tell, cast = scene.telling, scene.cast
    case = f"/cases/{scene.case}"
    with tell.step(f"{_NAME} has no node: National CERT calls, and records what it is told."):
        invited = {
            "channel": scene.case,
            "name": _NAME,
            "roles": ["affected"],
            "contact": _TELEPHONE,
        }
        told = {
            "organisation": cast.cert.post("/relay/organisations", invited)["organisation"],
            "informant": _INFORMANT,
        }
        cast.cert.post(f"{case}/told/answer", {**told, "joins": True})
        cast.cert.post(f"{case}/told/response", {**told, "state": "contained", "text": _SAID})
        cast.cert.post(f"{case}/told/assessment", {**told, "assessment": _STATES})
        tell.quote(_SAID)
        for person in cast.all:
            wait_until(
                partial(_reads, person, scene.case),
                f"{person.name} reads what {_NAME} told",
                seconds=WAIT_SECONDS,
            )
        tell.say("All read it as National CERT's word on its behalf: nobody signs for who can't.")
    with tell.step("Two events go on the timeline, as exactly as somebody knows them."):
        for author, (text, when, until) in zip(cast.all, _EVENTS, strict=False):
            author.post(f"{case}/events", {"text": text, "when": when, "until": until})
        for person in cast.all:
            wait_until(
                partial(_has_events, person, scene.case),
                f"{person.name} has both on its timeline",
                seconds=WAIT_SECONDS,
            )
        for text, when, until in _EVENTS:
            tell.say(f"{when}{f' to {until}' if until else ''}: {text}")


def _reads(person: Person, case: str) -> bool:
    rows = person.get(f"/cases/{case}")["organisations"]
    row: Any = next((one for one in rows if one["name"] == _NAME), None)
    if row is None or row["assessment"] is None:
        return False
    if row["assessment"] != _STATES or not row["relayed"]:
        raise StoryError(f"{person.name} does not read what {_NAME} told as told")
    return True


def _has_events(person: Person, case: str) -> bool:
    moments = person.get(f"/cases/{case}/timeline", limit=200)["items"]
    return {text for text, _, _ in _EVENTS} <= {one["text"] for one in moments}
