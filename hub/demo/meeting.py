"""First chapters: three nodes, three pairings, a community."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any, Final

from hub.demo.cast import at_once
from hub.demo.cast import set_up as set_up_one
from hub.demo.errors import StoryError
from hub.demo.people import Person
from hub.demo.processes import wait_until
from hub.demo.scene import SHORT, WAIT_SECONDS, Scene

_CHARTER: Final = (
    "We tell each other early what concerns the sector, and answer a warning within the hour. "
    "National CERT coordinates. What somebody tells it alone stays with it."
)


def set_up(scene: Scene) -> None:
    """Three nodes, each with its own process, database and keys."""
    tell, cast = scene.telling, scene.cast
    with tell.step("Three organisations set up a node each: own process, database and keys."):
        at_once(set_up_one, cast.all)
        for person in cast.all:
            tell.say(f"{person.name}: {person.node.base_url}, process {person.node.pid}")
        if len({person.recovery_thumbprint for person in cast.all}) != len(cast.all):
            raise StoryError("two nodes have the same recovery key")


def pair(scene: Scene) -> None:
    """Invitation lines, eight words read on both sides, direct channels."""
    tell, cast = scene.telling, scene.cast
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


def form_a_community(scene: Scene) -> None:
    """A community at TLP:GREEN with all three in it."""
    tell, cast = scene.telling, scene.cast
    with tell.step("National CERT opens a community at TLP:GREEN; the others are invited."):
        scene.community = cast.cert.open_channel("community", "Energy sharing community", "green")
        reason = "We share what concerns the energy sector, and meet each month."
        guests = cast.others(cast.cert)
        scene.invite_and_join(
            scene.community, dict.fromkeys(guests, "member"), dict.fromkeys(guests, reason)
        )
        seq, head = scene.same_head(scene.community)
        tell.say(f"All three hold the same history: {seq + 1} entries, head {head[:SHORT]}")


def agree_on_a_charter(scene: Scene) -> None:
    """A charter that each signs for itself; what is opened later goes by it."""
    tell, cast = scene.telling, scene.cast
    place = f"/communities/{scene.community}"
    with tell.step("National CERT proposes a charter; each accepts it with its own signature."):
        tell.quote(_CHARTER)
        charter = cast.cert.post(f"{place}/charters", {"text": _CHARTER})["charter"]
        for person in cast.others(cast.cert):
            wait_until(
                partial(_reads_charter, person, scene.community, charter),
                f"{person.name} reads what is proposed",
                seconds=WAIT_SECONDS,
            )
            person.post(f"{place}/charters/{charter}/acceptance")
        wait_until(
            partial(_can_be_put_in_force, cast.cert, scene.community, charter),
            "all have accepted it",
            seconds=WAIT_SECONDS,
        )
        cast.cert.post(f"{place}/charters/{charter}/force")
        for person in cast.all:
            wait_until(
                partial(_binds, person, scene.community, charter),
                f"the charter is in force at {person.name}",
                seconds=WAIT_SECONDS,
            )
        tell.say("It is in force. Who decides what, and within what time, all can look up.")


def _charter(person: Person, community: str, charter: str) -> Any:
    versions = person.get(f"/communities/{community}")["charters"]
    return next((one for one in versions if one["charter"] == charter), None)


def _reads_charter(person: Person, community: str, charter: str) -> bool:
    version = _charter(person, community, charter)
    return bool(version is not None and version["readable"])


def _can_be_put_in_force(person: Person, community: str, charter: str) -> bool:
    return _charter(person, community, charter)["lacks"] is None


def _binds(person: Person, community: str, charter: str) -> bool:
    version = _charter(person, community, charter)
    return bool(version is not None and version["state"] == "in force")
