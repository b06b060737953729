"""The story: one incident, three organisations, a node that is lost, and one history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hub.demo import coordinating, incident, meeting, reckoning, telephone
from hub.demo.scene import Scene

CHAPTERS: Final[tuple[Callable[[Scene], None], ...]] = (
    meeting.set_up,
    meeting.pair,
    meeting.form_a_community,
    meeting.agree_on_a_charter,
    coordinating.report,
    coordinating.warn,
    incident.open_the_case,
    incident.turn_a_stranger_away,
    incident.gather_in_the_case,
    incident.share,
    telephone.hear_by_telephone,
    coordinating.assess,
    incident.lose_a_node,
    incident.write_while_the_coordinator_is_away,
    reckoning.compare_copies,
    reckoning.look,
    reckoning.prove,
    reckoning.forge,
)


def tell(scene: Scene) -> None:
    """Tell it to the end, or to the first step that does not hold.

    Raises:
        StoryError: a step did not hold.
    """
    for chapter in CHAPTERS:
        chapter(scene)
