"""What an entry does to the ledger's state once the tables have ruled.

Source: protocol, 2, 5, 11 and 12; lifecycles, 1, rule 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from federation.identity.descriptor import Descriptor
from federation.judging.bundles import SignedBundle
from federation.judging.changing import changed
from federation.judging.judged import Disowned, Due, Judged
from federation.judging.state import JOINED, MEMBERSHIP, ChannelState, Member, Stay
from policies.acts import Act
from policies.lifecycles import NONE, Change, Ruling
from policies.roles import read_roles

_GONE: Final = frozenset({"hidden", "recalled"})


def apply_act(
    judged: Judged,
    ruling: Ruling,
    chains: Mapping[str, tuple[Descriptor, ...]],
    *,
    disowned: Disowned,
    due: tuple[Due, ...],
) -> Judged:
    """Give the judged entry with the state after it.

    Args:
        judged: its state stands at the entry already, without the act's effects.
        chains: descriptors that the bundle brought along, proven.
    """
    acting, act, state = judged.acting, judged.act, judged.state
    if act is Act.CHANNEL_OPENED:
        state = changed(
            state,
            owner=acting.author,
            tables=acting.body["acts"],
            parent=acting.body.get("parent", state.parent),
        )
    for organisation, chain in chains.items():
        state = state.with_chain(organisation, chain)
    state = _with_things(state, ruling.changes)
    for change in ruling.changes:
        if change.thing == MEMBERSHIP:
            state = _change_member(state, change, judged.entry, acting)
    state = _refine(state, act, acting)
    if judged.contribution is not None and acting.nth is not None:
        member = state.members[acting.author]
        state = state.with_member(replace(member, last_nth=acting.nth))
    objects = [change for change in ruling.changes if change.thing == "object"]
    return changed(
        judged,
        state=state,
        disowned=disowned,
        due=due,
        changes=ruling.changes,
        recalled=tuple(change.subject for change in objects if change.after in _GONE),
        erased=tuple(change.subject for change in objects if change.after == "recalled"),
        released=tuple(acting.body["objects"]) if act is Act.OBJECT_RELEASED else (),
    )


def _with_things(state: ChannelState, changes: Sequence[Change]) -> ChannelState:
    """Give the state with what is changed of all things but membership."""
    after = {
        f"{change.thing}:{change.subject}": change.after
        for change in changes
        if change.thing != MEMBERSHIP
    }
    return changed(state, things={**state.things, **after}) if after else state


def _change_member(
    state: ChannelState, change: Change, entry: SignedBundle, acting: SignedBundle
) -> ChannelState:
    place = entry.place
    member = state.members.get(change.subject) or Member(change.subject, NONE, ())
    was_joined, is_joined = member.is_joined, change.after == JOINED
    member = replace(member, state=change.after)
    if is_joined and not was_joined:
        member = replace(member, stays=(*member.stays, Stay(place)))
    elif was_joined and not is_joined:
        member = replace(member, stays=member.end_stay(place))
    if change.after == "invited":
        body = acting.body
        member = replace(
            member,
            roles=_roles(body["role"]),
            recovery=body.get("recovery_key"),
            without_node=body.get("without_node", False),
            ceiling=body["ceiling"],
            reply_by=body["reply_by"],
        )
    return state.with_member(member)


def _refine(state: ChannelState, act: Act | None, acting: SignedBundle) -> ChannelState:
    """Take roles from where the tables say only that they change."""
    if act is Act.CHANNEL_OPENED:
        for named in acting.body["members"]:
            member = state.members[named["organisation"]]
            state = state.with_member(replace(member, roles=_roles(named["role"])))
    if act is Act.MEMBER_ROLE_CHANGED:
        member = state.members[acting.body["organisation"]]
        state = state.with_member(replace(member, roles=_roles(acting.body["role"])))
    return state


def _roles(value: object) -> tuple[str, ...]:
    return tuple(sorted(role.value for role in read_roles(value)))
