"""Guards of what every channel has: members, its coordinator, objects, facts.

Source: lifecycles, 3, 11, 12 (recall), 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.acts import ChannelKind
from policies.errors import InvalidError
from policies.lifecycles.guards.guard import Guard
from policies.lifecycles.mechanism import WITHOUT, Situation
from policies.roles import Role, read_roles, takes_part
from policies.tlp import TLP, read_tlp

_DIRECT_SIDES: Final = 2
_FEWEST_ENDORSEMENTS: Final = 2
_JUDGED_BY: Final = frozenset({"signed-bundle", "marking-definition", "extension-definition"})


def through_direct(_situation: Situation, _subject: str) -> str | None:
    """Refuse in the channel itself what goes through the direct channel.

    Source: lifecycles, 3.
    """
    return "a request to be invited, and its refusal, go through the direct channel"


def not_the_owner(situation: Situation, subject: str) -> str | None:
    """Hold where the act is not about the coordinator.

    Source: lifecycles, 3 and 11: the coordinator's place changes by hand-over or succession.
    """
    if subject == situation.owner:
        return "the coordinator keeps its place until the coordination is handed over"
    return None


def leaves_for_itself(situation: Situation, subject: str) -> str | None:
    """Hold unless a suspended member writes here itself.

    Source: lifecycles, 3: when suspended, through the direct channel.
    """
    if situation.state_of("membership", subject) == "suspended" and not situation.relayed:
        return (
            "a suspended member writes nothing here; it leaves through its direct channel, "
            "and the coordinator relays that"
        )
    return None


def role_not_coordinator(situation: Situation, _subject: str) -> str | None:
    """Hold where the roles go together and coordinator is none of them.

    Source: lifecycles, 3 (`member.role_changed`).
    """
    try:
        roles = read_roles(situation.body.get("role"))
    except InvalidError as error:
        return error.message
    if Role.COORDINATOR in roles:
        return "who coordinates changes by hand-over or succession alone"
    return None


def role_as_invited(situation: Situation, subject: str) -> str | None:
    """Hold where the role accepted is the role offered.

    Source: lifecycles, 3 (`member.joined`: role accepted).
    """
    try:
        accepted = read_roles(situation.body.get("role"))
    except InvalidError as error:
        return error.message
    offered = situation.known("invited_role", subject)
    if offered != role_text(accepted):
        return f"the role offered is {offered or 'not known'}, not {role_text(accepted)}"
    return None


def joins_as_it_can(situation: Situation, subject: str) -> str | None:
    """Hold where who has no node joins by relay, and who has one by its own signature.

    Nobody can sign as an organisation for which no recovery key was named.

    Source: lifecycles, 1, rule 6, and 3 (`member.joined`).
    """
    without = has_no_node(situation, subject)
    if without and not situation.relayed:
        return "it was invited as an organisation without a node: the coordinator relays its answer"
    if situation.relayed and not without:
        return "an organisation that has a node joins with its own signature"
    return None


def replaces_who_has_no_node(situation: Situation, subject: str) -> str | None:
    """Hold where nobody is replaced, or an organisation without a node by the one that it is.

    Source: lifecycles, 1, rule 6.
    """
    replaced = situation.body.get("replaces")
    if replaced is None:
        return None
    if replaced == subject or not has_no_node(situation, str(replaced)):
        return "only an organisation that took part without a node is replaced"
    if situation.known("replaced_by", str(replaced)) not in {None, subject}:
        return f"{replaced} has been replaced before"
    return None


def has_no_node(situation: Situation, organisation: str) -> bool:
    """Tell whether an organisation was invited as having no node."""
    return situation.known("node", organisation) == WITHOUT


def role_text(roles: frozenset[Role]) -> str:
    """Write roles as the state of the thing `invited_role`: sorted, with `+` between."""
    return "+".join(sorted(role.value for role in roles))


def within_limits(situation: Situation, _subject: str) -> str | None:
    """Hold where the new ceiling is no stricter matter than each member takes.

    Source: lifecycles, 13 (`channel.ceiling_changed`).
    """
    ceiling = read_tlp(str(situation.body.get("ceiling")), field="body.ceiling")
    for organisation in sorted(situation.members):
        limit = situation.known("limit", organisation)
        if limit is not None and not TLP(limit).allows(ceiling):
            return f"{organisation} takes matter up to {TLP(limit).label}, not {ceiling.label}"
    return None


def owner_opens(situation: Situation, _subject: str) -> str | None:
    """Hold where the owner that the opening names is its author.

    Source: coordination protocol, 5 (entry 0).
    """
    if situation.body.get("owner", situation.author) != situation.author:
        return "a channel is opened by its owner and by nobody else"
    return None


def members_fit(situation: Situation, _subject: str) -> str | None:
    """Hold where a first opening names each member once, its owner among them as coordinator.

    Source: coordination protocol, 5 (entry 0); lifecycles, 3 (roles).
    """
    roles = _roles_of(situation.body)
    if isinstance(roles, str):
        return roles
    if situation.author not in roles:
        return "the owner is missing among the members"
    if any("without_node" in member for member in situation.body["members"]):
        return "an organisation without a node is invited, never named by a first opening"
    if situation.body.get("kind") != situation.kind:
        return f"this is a {situation.kind} channel"
    if situation.body.get("parent") is not None and situation.kind is not ChannelKind.CASE:
        return "only a case channel has a parent"
    if situation.kind is ChannelKind.DIRECT:
        return None if len(roles) == _DIRECT_SIDES else "a direct channel has two sides"
    return _one_coordinator(roles, situation.author)


def members_continue(situation: Situation, _subject: str) -> str | None:
    """Hold where a new epoch names the same members, roles and ceiling, its opener coordinating.

    Source: coordination protocol, 5: audience, roles and ceiling change only by later entries.
    """
    roles = _roles_of(situation.body)
    if isinstance(roles, str):
        return roles
    if situation.body.get("kind") != situation.kind:
        return f"this is a {situation.kind} channel"
    if set(roles) != set(situation.members):
        return "a new epoch names exactly the members that are joined"
    ceiling = situation.known("ceiling")
    if ceiling is not None and situation.body.get("ceiling") != ceiling:
        return f"a new epoch keeps the ceiling {TLP(ceiling).label}"
    if situation.kind is ChannelKind.DIRECT:
        return None
    moved = {situation.owner, situation.author}
    for organisation, before in sorted(situation.members.items()):
        if organisation not in moved and roles[organisation] != before:
            return f"a new epoch keeps the role of {organisation}"
    named = {who["organisation"] for who in situation.body["members"] if "without_node" in who}
    if named != {who for who in situation.members if has_no_node(situation, who)}:
        return "a new epoch names as without node exactly those that have none"
    return _one_coordinator(roles, situation.author)


def _roles_of(body: Mapping[str, Any]) -> Mapping[str, frozenset[Role]] | str:
    """Read the members of an opening; a text says what is wrong with them."""
    roles: dict[str, frozenset[Role]] = {}
    for index, member in enumerate(body.get("members", ())):
        organisation = member["organisation"]
        if organisation in roles:
            return f"{organisation} is named twice among the members"
        try:
            roles[organisation] = read_roles(member["role"], field=f"body.members[{index}].role")
        except InvalidError as error:
            return error.message
    return roles


def _one_coordinator(roles: Mapping[str, frozenset[Role]], owner: str) -> str | None:
    if {who for who, held in roles.items() if Role.COORDINATOR in held} != {owner}:
        return "the owner is the coordinator, and nobody else is"
    return None


def has_a_successor(situation: Situation, _subject: str) -> str | None:
    """Hold where there is a member that could coordinate.

    Source: lifecycles, 11 (`handover.offered`: to a joined M).
    """
    if not any(_could_coordinate(situation, who) for who in situation.members):
        return "no joined member could take the coordination over"
    return None


def successor_fits(situation: Situation, _subject: str) -> str | None:
    """Hold where the coordination is offered to a joined M other than the owner.

    Source: lifecycles, 11 (`handover.offered`).
    """
    if not _could_coordinate(situation, str(situation.body.get("successor"))):
        return "the coordination goes to a joined member that is neither observer nor authority"
    return None


def successor_stands(situation: Situation, _subject: str) -> str | None:
    """Hold where the one that it was offered to is still a joined M.

    Source: lifecycles, 11.
    """
    successor = situation.known("successor")
    if successor is None or not _could_coordinate(situation, successor):
        return "the successor is no longer a joined member that could coordinate"
    return None


def successor_named(situation: Situation, _subject: str) -> str | None:
    """Hold where the entry names the one that accepted.

    Source: lifecycles, 11 (`coordinator.handed_over`).
    """
    successor = situation.known("successor")
    if situation.body.get("successor") != successor:
        return f"it is {successor} that has accepted"
    return None


def not_from_the_owner(situation: Situation, _subject: str) -> str | None:
    """Hold where the author is not the owner that would be replaced.

    Source: coordination protocol, 11 (succession).
    """
    if situation.author == situation.owner:
        return "the owner that would be replaced has no say in its succession"
    return None


def candidate_fits(situation: Situation, _subject: str) -> str | None:
    """Hold where the candidate is a joined M other than the owner.

    Source: lifecycles, 11 (`succession.endorsed`).
    """
    if not _could_coordinate(situation, str(situation.body.get("candidate"))):
        return "a candidate is a joined member that is neither observer nor authority"
    return None


def endorsed(situation: Situation, _subject: str) -> str | None:
    """Hold where more than half of the members that are not observers endorse, at least two.

    The lost owner is counted among the members, and can't endorse; who has no node could never
    sign, and is not counted. For a deputy, as many as the charter says; never fewer than two.

    Source: coordination protocol, 11 (succession).
    """
    needed = endorsements_needed(situation, situation.author)
    endorsing = situation.endorsed_by & electors(situation)
    if len(endorsing) < needed:
        return f"{len(endorsing)} endorse the candidate; {needed} are needed"
    return None


def endorsements_needed(situation: Situation, candidate: str | None = None) -> int:
    """Give how many endorsements open an epoch by succession here.

    Args:
        candidate: for whom; a deputy needs as many as the charter says.

    Source: coordination protocol, 11 (succession).
    """
    deputies = dict(item.split("=", 1) for item in (situation.known("deputies") or "").split())
    if candidate in deputies:
        return max(int(deputies[candidate]), _FEWEST_ENDORSEMENTS)
    counted = [
        who
        for who, held in situation.members.items()
        if Role.OBSERVER not in held and not has_no_node(situation, who)
    ]
    return max(len(counted) // 2 + 1, _FEWEST_ENDORSEMENTS)


def electors(situation: Situation) -> frozenset[str]:
    """Give the members whose endorsement counts: those that take part, but for the lost owner."""
    return frozenset(
        who
        for who, held in situation.members.items()
        if takes_part(held) and who != situation.owner
    )


def _could_coordinate(situation: Situation, organisation: str) -> bool:
    roles = situation.members.get(organisation, frozenset())
    if has_no_node(situation, organisation):
        return False
    return organisation != situation.owner and takes_part(roles)


def not_an_observer(situation: Situation, _subject: str) -> str | None:
    """Hold unless an observer speaks: it gives opinions and sightings only.

    Source: lifecycles, 13.
    """
    if Role.OBSERVER in situation.members.get(situation.speaker, frozenset()):
        return "an observer gives opinions and sightings only"
    return None


def is_here(situation: Situation, subject: str) -> str | None:
    """Hold where a bundle of this ledger covered the object.

    Source: coordination protocol, 12.
    """
    if subject and situation.state_of("source", subject) is None:
        return f"{subject} is not in this channel"
    return None


def may_be_missed(_situation: Situation, subject: str) -> str | None:
    """Hold unless later entries are judged by the object: it must be here for whoever joins.

    A definition says how strict a marking is; bundles are the ledger. Source: coordination
    protocol, 12 (bundles are never recalled); 7 (whether an entry is good is a function of its
    ledger alone).
    """
    stix_type = subject.partition("--")[0]
    if stix_type in _JUDGED_BY:
        return f"a {stix_type} is never recalled: what follows is judged by it"
    return None


def was_recalled(situation: Situation, subject: str) -> str | None:
    """Hold where the object that the answer is about has been recalled.

    Source: lifecycles, 12 (recall).
    """
    stix_id = subject.split(" ", 1)[0]
    if stix_id and situation.known("object", stix_id) not in {"hidden", "recalled"}:
        return f"{stix_id} has not been recalled"
    return None


CHANNELS: Final[dict[str, Guard]] = {
    "through_direct": Guard(
        "through the direct channel, where it is its owner's word", through_direct, of_body=False
    ),
    "not_the_owner": Guard("not about the coordinator", not_the_owner, of_body=False),
    "leaves_for_itself": Guard(
        "when suspended: through the direct channel, and relayed by the coordinator",
        leaves_for_itself,
        of_body=False,
    ),
    "role_not_coordinator": Guard(
        "roles that go together, coordinator not among them", role_not_coordinator, of_body=True
    ),
    "joins_as_it_can": Guard(
        "by its own signature; without a node: relayed by the coordinator",
        joins_as_it_can,
        of_body=False,
    ),
    "replaces_who_has_no_node": Guard(
        "in place of nobody, or of who took part without a node",
        replaces_who_has_no_node,
        of_body=True,
    ),
    "role_as_invited": Guard("the role that was offered", role_as_invited, of_body=True),
    "within_limits": Guard("never wider than a member's limits", within_limits, of_body=True),
    "owner_opens": Guard("by the owner that it names", owner_opens, of_body=True),
    "members_fit": Guard(
        "each member once; the owner, and nobody else, as coordinator; direct: two sides",
        members_fit,
        of_body=True,
    ),
    "members_continue": Guard(
        "the same members, roles and ceiling; the opener as coordinator",
        members_continue,
        of_body=True,
    ),
    "has_a_successor": Guard("some member could coordinate", has_a_successor, of_body=False),
    "successor_fits": Guard(
        "to a joined member that is neither observer nor authority", successor_fits, of_body=True
    ),
    "successor_stands": Guard(
        "the successor is still such a member", successor_stands, of_body=False
    ),
    "successor_named": Guard("names the one that accepted", successor_named, of_body=True),
    "not_from_the_owner": Guard("not by the owner", not_from_the_owner, of_body=False),
    "candidate_fits": Guard(
        "for a joined member that is neither observer nor authority", candidate_fits, of_body=True
    ),
    "endorsed": Guard(
        "endorsed by more than half of the members that are not observers, at least two",
        endorsed,
        of_body=False,
    ),
    "not_an_observer": Guard("not an observer", not_an_observer, of_body=False),
    "is_here": Guard("the object is in this channel", is_here, of_body=False),
    "may_be_missed": Guard("no definition and no bundle", may_be_missed, of_body=False),
    "was_recalled": Guard("the object has been recalled", was_recalled, of_body=False),
}
