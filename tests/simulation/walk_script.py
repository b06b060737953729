"""A walk by script: whoever can walk a row walks it, so that no row is left to chance.

Source: lifecycles, 2 to 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.simulation.walking import Walk

UNREACHED: Final[Mapping[str, str]] = {
    "channel admitted open → same": "the frame of other acts, which nobody is asked about",
}
"""Row that no walk has walked → why."""

SCRIPT: Final = """
C > C to A: member.requested
carries
A > A to C: member.refused
carries
invites A B community member
invites A B case responder
invites B A other responder
invites A C community member
invites A C case responder
carries
joins B community
joins B case
joins A other
declines C community
carries
A > case: member.uninvited
invites A C community member
invites A C case responder
carries
joins C community
joins C case
carries
A > case: case.opened; rules=
B > other: case.opened; rules=
A > case: case.crisis_declared
A > case: control.reviewed
A > case: case.crisis_ended
B > case: response.reported … unknown
B > case: response.reported … investigating
B > case: response.reported … not-affected
B > case: response.reported … is affected
C > case: response.reported … contained
C > case: response.reported … eradicated
C > case: response.reported … recovered
B > case: assessment.submitted
carries
A > case: assessment.joined
A > case: sitrep.published
B > case: note.added
B > case: event.added
B > case: opinion.given
B > case: sighting.reported
B > case: intel.shared
carries
B > case: intel.revoked
B > case: object.recalled … recalled
A > case: object.recalled … hidden
A > case: object.released
carries
C > case: recall.answered … deleted
A > case: note.added; new=yes
A > case: object.recalled … recalled
carries
C > case: recall.answered … kept
A > case: note.added; new=yes
A > case: object.recalled … recalled
carries
C > case: recall.answered … quarantined
A > case: channel.ceiling_changed; ceiling=amber
A > case: check.called
A > community: warning.issued
carries
B > case: check.acknowledged
B > community: warning.acknowledged
carries
A > community: warning.updated … None
A > community: warning.updated … again
A > community: warning.ended
A > case: check.closed
B > B to A: report.submitted
B > B to A: report.updated
B > B to A: report.reopened … same
carries
A > A to B: report.acknowledged
A > A to B: report.triaged
A > A to B: report.linked
A > A to B: report.closed
A > A to B: report.reopened … acknowledged
B > B to A: report.withdrawn
B > case: request.opened; addressees=#2
A > case: request.opened; addressees=#2
carries
C > case: request.answered; request=@-1
carries
A > case: request.opened; addressees=#2
carries
C > case: request.declined; request=@-1
carries
A > case: request.closed
A > community: charter.proposed
carries
B > community: charter.declined
carries
B > community: charter.accepted; charter=@-1
C > community: charter.accepted; charter=@-1
carries
A > community: charter.in_force; charter=@-1
A > community: decision.taken … none → taken; topic=charter; outcome=yes
A > community: charter.ended
A > community: charter.proposed
A > community: charter.withdrawn
A > case: decision.opened; topic=close; addressees=; subject=
carries
B > case: decision.voted; option=yes; decision=@-1
C > case: decision.voted; option=yes; decision=@-1
A > case: decision.voted; option=yes; decision=@-1
carries
A > case: decision.taken … open → taken; outcome=yes
A > community: decision.opened
A > community: decision.withdrawn
A > case: decision.opened
waits 100
A > case: decision.lapsed
A > case: decision.taken … none → taken; topic=decline; outcome=yes
A > case: case.declined
A > case: case.reopened … assessment
A > case: decision.taken … none → taken; topic=start-coordination; outcome=yes
A > case: case.activated
A > case: decision.taken … none → taken; topic=close; outcome=yes
A > case: case.closed … response → closed
A > case: case.reopened … response
A > case: case.recovered
A > case: case.closed … recovered → closed
A > case: case.reopened … response
A > case: case.linked
A > case: case.merged
settles
A > community: member.role_changed
B > community: member.limits_changed
B > community: member.described
rotates B
carries
A > community: handover.offered; successor=#1
carries
B > community: handover.declined
carries
A > community: handover.offered; successor=#1
A > community: handover.withdrawn
A > community: handover.offered; successor=#1
carries
B > community: handover.accepted
carries
A > community: coordinator.handed_over; successor=#1
opens_anew B other
settles
falls A
waits 90
endorses B B case
endorses C B case
waits 30
works B
works C
takes_over B case
settles
B > community: member.suspended
carries
B > community: member.resumed
carries
C > community: member.left
carries
B > community: member.removed
settles
"""


def go(walk: Walk, script: str = SCRIPT) -> None:
    """Take the steps of a script: `who > place: row`, or a step and what is given to it."""
    for line in script.strip().splitlines():
        who, walks_a_row, rest = line.partition(" > ")
        if walks_a_row:
            place, _, row = rest.partition(": ")
            walk.row(who, place, row)
        else:
            step, *given = line.split()
            getattr(walk, step)(*(int(one) if one.isdigit() else one for one in given))
