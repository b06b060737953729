"""A walk by script: whoever can walk a row walks it, so that no row is left to chance.

Source: lifecycles, 2 to 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.simulation.walking import Walk

NEVER: Final[Mapping[str, str]] = {
    "through_direct": "the table of acts keeps such a request out of a shared channel before that",
    "names_whom_it_asks": "the schema of each of its acts asks for an addressee before that",
    "no such act": "judges say *unknown act* before they ask a table",
    "not opened": "judges say *malformed* of whatever is first and no opening",
}
"""Refusal that nobody is ever told of → what says no before it."""
SENT: Final = (
    "for others",
    "candidate_fits",
    "was_recalled",
    "not_an_observer",
    "has_a_part",
    "asked_by_speaker",
    "charter_stands",
    "successor_stands",
)
"""Refusals that coordinators answer with, where a member's own door has not been asked."""
SCRIPT: Final = """
A ! case: case.crisis_declared … case_under_way
A ! case: case.activated … not open now
A ! case: object.recalled … is_here
A ! case: object.recalled … may_be_missed
A ! case: member.requested … elsewhere
A ! case: member.invited … role_not_coordinator
A ! case: member.invited … replaces_who_has_no_node
A ! community: handover.offered … has_a_successor
A ! A to B: member.invited … copy of an invitation
B ! A to B: note.added … owner's side
opens A case members_fit
opens A case owner_opens
opens A case members_continue
C > C to A: member.requested
carries
A > A to C: member.refused
invites A B community member
invites A B case responder
invites B A other responder
invites A C community member
invites A C case responder
A > case: member.invited; without_node=True; role=advisor
A ! case: member.joined … joins_as_it_can
A ! case: member.joined … role_as_invited
A > case: member.joined
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
A ! case: case.crisis_ended … crisis_is_over
A > case: control.reviewed
A > case: case.crisis_ended
A ! case: case.activated … decided_start
A ! case: case.declined … decided_decline
A ! case: case.closed … decided_close
A ! case: member.role_changed … not_the_owner
A ! case: succession.endorsed … not_from_the_owner
A ! case: note.added … no relay of this
A ! case: check.called … asks_members
A ! case: member.removed … decided_removal
carries
B ! case: sitrep.published … for others
B !! case: sitrep.published … for others
B ! case: note.added … no relay by others
B ! case: succession.endorsed … candidate_fits
B !! case: succession.endorsed … candidate_fits
C ! case: recall.answered … was_recalled
C !! case: recall.answered … was_recalled
opens B case endorsed
B > case: response.reported … unknown
B > case: response.reported … investigating
B > case: response.reported … not-affected
B > case: response.reported … is affected
C > case: response.reported … contained
C > case: response.reported … eradicated
C > case: response.reported … recovered
A > case: response.reported … investigating
A > case: member.described
B > case: assessment.submitted
carries
A > case: member.role_changed; organisation=#2; role=observer
carries
C ! case: note.added … not_an_observer
C !! case: note.added … not_an_observer
C ! case: response.reported … has_a_part
C !! case: response.reported … has_a_part
carries
A > case: member.role_changed; organisation=#2; role=responder
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
A > case: note.added; new=yes
A > case: object.recalled … recalled
A > case: note.added; new=yes
A > case: object.recalled … recalled
carries
C > case: recall.answered … deleted
carries
C > case: recall.answered … kept
carries
C > case: recall.answered … quarantined
A > case: channel.ceiling_changed; ceiling=amber
A > case: check.called; addressees=#1
A > community: warning.issued; addressees=#1
carries
B > case: check.acknowledged
B > community: warning.acknowledged
carries
A > community: warning.updated … None; new=yes
A > community: warning.updated … again
A > community: warning.ended
A > case: check.closed
B > B to A: report.submitted
B > B to A: report.updated; new=yes
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
B ! case: request.opened … asked_by_nobody_else; request=@-1
B !! case: request.closed … asked_by_speaker; request=@-1
B ! case: request.closed … asked_by_speaker; request=@-1
C > case: request.answered; request=@-1
C > case: request.declined; request=@-2
A > community: charter.proposed
A ! community: charter.in_force … adopted
carries
B > community: charter.declined
B ! community: charter.accepted … same_words; charter=@-1
B > community: charter.accepted; charter=@-1
C > community: charter.accepted; charter=@-1
carries
A > community: charter.in_force; charter=@-1
A ! community: charter.ended … decided_charter
A > community: decision.taken … none → taken; topic=charter; outcome=yes
A > community: charter.ended
A > case: request.closed
A > community: charter.proposed
A > community: charter.withdrawn
carries
B ! community: charter.accepted … charter_stands; charter=@-1
B !! community: charter.accepted … charter_stands; charter=@-1
A > case: member.suspended; organisation=#2
A ! case: decision.opened … rule_as_agreed
A ! case: decision.opened … voters_are_members
A ! case: decision.opened … options_differ
A > case: decision.opened; topic=close; subject=
carries
C ! case: member.left … leaves_for_itself
A > case: member.resumed
carries
C ! case: decision.voted … is_a_voter; decision=@-1
A > case: decision.withdrawn
A > case: decision.opened; topic=close; subject=; rule={'by': 'majority'}
A ! case: decision.lapsed … without_quorum; decision=@-1
A ! case: decision.taken … votes_are_in; decision=@-1
carries
B ! case: decision.voted … is_an_option; decision=@-1
B > case: decision.voted; option=yes; decision=@-1
C > case: decision.voted; option=yes; decision=@-1
A > case: decision.voted; option=yes; decision=@-1
carries
A ! case: decision.taken … follows_from_votes; decision=@-1
A > case: decision.taken … open → taken; outcome=yes
A ! case: decision.taken … decides_alone
A ! case: decision.taken … replaces_its_like
A ! case: case.closed … says_why_early
A > community: decision.opened
A > community: decision.withdrawn
A > case: decision.opened; rule={'by': 'unanimity', 'quorum': 3}
A ! case: case.closed … nothing_open
waits 100
A > case: decision.lapsed
A > case: decision.taken … none → taken; topic=decline; outcome=yes
A > case: case.declined
A > case: case.reopened … assessment
A > case: decision.taken … none → taken; topic=start-coordination; outcome=yes
A > case: case.activated
A > case: decision.taken … none → taken; topic=close; outcome=yes
A > case: case.closed … response → closed
A ! case: response.reported … case has ended
A > case: case.reopened … response
A ! case: case.recovered … all_recovered
A > case: case.recovered
A > case: case.closed … recovered → closed
A > case: case.reopened … response
A > case: case.linked
A > case: case.merged
looks A
A > community: member.role_changed; organisation=#2; role=advisor
B > community: member.limits_changed; limits={'markings': ['clear', 'green']}
B > community: member.described
rotates B
carries
A ! community: channel.ceiling_changed … within_limits
A ! community: handover.offered … successor_fits
A > community: handover.offered; successor=#1
A > community: member.role_changed; organisation=#1; role=observer
carries
B ! community: handover.accepted … successor_stands
B !! community: handover.accepted … successor_stands
B > community: handover.declined
carries
A > community: member.role_changed; organisation=#1; role=responder
A > community: handover.offered; successor=#1
A > community: handover.withdrawn
A > community: handover.offered; successor=#1
carries
B > community: handover.accepted
carries
A ! community: coordinator.handed_over … successor_named
A > community: coordinator.handed_over; successor=#1
works A
works C
C ! community: note.added … handed over
opens_anew B other
carries
falls A
waits 90
endorses B B case
endorses C B case
waits 30
works B
works C
takes_over B case
looks C
B > community: note.added
C > community: note.added
B > community: member.suspended; organisation=#2
C > community: note.added
looks C
B > community: member.resumed
carries
C > community: member.left
B > community: member.removed; organisation=#0
settles
"""
_SAYS: Final = {" > ": "row", " ! ": "refused", " !! ": "sent"}


def go(walk: Walk, script: str = SCRIPT) -> None:
    """Take the steps of a script: `who > place: row`, or a step and what is given to it.

    What is refused by the own door is written `who ! place: act … by`, what the coordinator is to
    refuse `who !! place: act … by`.
    """
    for line in script.strip().splitlines():
        sign = next((sign for sign in _SAYS if sign in line), None)
        if sign is not None:
            who, _, rest = line.partition(sign)
            place, _, wanted = rest.partition(": ")
            getattr(walk, _SAYS[sign])(who, place, wanted)
        else:
            step, *given = line.split()
            getattr(walk, step)(*(int(one) if one.isdigit() else one for one in given))
