"""What an applied entry does to the views of channels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from federation.identity.node import find_node
from federation.judging.judged import Judged
from federation.judging.state import MEMBERSHIP
from hub.channels.records import InvitationView, MemberView
from hub.view_rows import clear_rows, find_row, keep_row
from policies.acts import Act, ChannelKind
from policies.roles import read_roles
from policies.tlp import TLP
from sharing.canonical import read_time


def reduce_channel(session: Session, judged: Judged, now: datetime) -> None:
    """Take one applied entry into the views; an entry without effect changes none.

    Args:
        now: not used for what a view says: that is ledger time alone.
    """
    del now
    if judged.void is not None:
        return
    touched = {
        change.subject for change in judged.changes if change.thing in (MEMBERSHIP, "replaced_by")
    }
    if judged.act is Act.MEMBER_ROLE_CHANGED:
        touched.add(judged.acting.body["organisation"])
    if judged.act is Act.CHANNEL_OPENED:
        touched |= set(judged.state.members)
    for organisation in sorted(touched):
        _keep_member(session, judged, organisation)
    if judged.state.kind is ChannelKind.DIRECT:
        _reduce_invitation(session, judged)
        _withdraw_disowned(session, judged)


def clear_channel(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, (MemberView,))
    session.execute(delete(InvitationView).where(InvitationView.direct == channel))


def snapshot_channel(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    members = select(MemberView.__table__).where(MemberView.channel == channel)
    invitations = select(InvitationView.__table__).where(InvitationView.direct == channel)
    rows = {f"member {row.organisation}": tuple(row) for row in session.execute(members)}
    return rows | {
        f"invitation {row.channel} {row.owner}": tuple(row) for row in session.execute(invitations)
    }


def _keep_member(session: Session, judged: Judged, organisation: str) -> None:
    member = judged.state.members[organisation]
    descriptor = judged.state.descriptor(organisation)
    row = find_row(session, MemberView, (judged.entry.channel, organisation))
    if row is None:
        row = MemberView(channel=judged.entry.channel, organisation=organisation)
        keep_row(session, row)
    # Who has not joined is named by the identity that came with the invitation alone.
    named = _name_in(judged, organisation) or row.name
    row.name = descriptor.name if descriptor is not None else named
    row.roles, row.state = list(member.roles), member.state
    row.since = read_time(judged.entry.created)
    row.reply_by = read_time(member.reply_by) if member.reply_by else None
    row.without_node = member.without_node
    row.replaced_by = judged.state.state_of("replaced_by", organisation)
    row.changed_at_epoch, row.changed_at_seq = judged.entry.place


def _name_in(judged: Judged, organisation: str) -> str | None:
    """Find an organisation's name in an identity that the entry covers."""
    for one in judged.covered:
        if one.item.ref == organisation and one.stix is not None:
            return str(one.stix.value.get("name", ""))[:200] or None
    return None


def _reduce_invitation(session: Session, judged: Judged) -> None:
    """Keep an invitation that the other side's direct channel brings us."""
    body, node = judged.acting.body, find_node(session)
    if node is None or body.get("organisation") != node.organisation:
        return
    if judged.act is Act.MEMBER_UNINVITED:
        row = find_row(session, InvitationView, (body.get("channel", ""), judged.acting.author))
        if row is not None:
            row.withdrawn = True
        return
    if judged.act is not Act.MEMBER_INVITED or "channel" not in body:
        return
    row = find_row(session, InvitationView, (body["channel"], judged.acting.author))
    if row is not None and row.genesis != body["genesis"]:
        # A channel is bound to its first entry for good.
        return
    if row is None:
        row = InvitationView(channel=body["channel"], owner=judged.acting.author)
        keep_row(session, row)
    name, reason = _words_in(judged)
    row.charter, row.charter_text = body.get("charter"), _charter_in(judged)
    row.direct = judged.entry.channel
    row.kind, row.name, row.reason = ChannelKind(body["kind"]), name, reason
    row.roles = sorted(role.value for role in read_roles(body["role"]))
    row.ceiling, row.older = TLP(body["ceiling"]), body["older"]
    row.genesis = body["genesis"]
    head = body["head"]
    row.head_epoch, row.head_seq, row.head_sha256 = head["epoch"], head["seq"], head["sha256"]
    row.reply_by = read_time(body["reply_by"])
    row.received_at, row.bundle = read_time(judged.entry.created), judged.acting.sha256
    row.withdrawn = False


def _withdraw_disowned(session: Session, judged: Judged) -> None:
    """Take back the invitations that their author says are not its own."""
    if judged.disowned.bundles:
        session.execute(
            update(InvitationView)
            .where(
                InvitationView.direct == judged.entry.channel,
                InvitationView.bundle.in_(judged.disowned.bundles),
            )
            .values(withdrawn=True)
            .execution_options(synchronize_session="fetch")
        )


def _words_in(judged: Judged) -> tuple[str, str | None]:
    """Give the channel's name and the reason, from the objects that came along."""
    name, reason = "", None
    charter = judged.acting.body.get("charter", {}).get("charter")
    for one in judged.covered:
        if one.stix is None:
            continue
        value = one.stix.value
        if one.item.ref == f"identity--{judged.acting.body['channel']}":
            name = str(value.get("name", ""))[:200]
        elif one.stix.stix_type == "note" and one.item.ref != charter:
            reason = str(value.get("content", ""))[:4000] or None
    return name or "a channel without name", reason


def _charter_in(judged: Judged) -> str | None:
    """Give the words of the charter that the invitation names, if these very words came along."""
    named = judged.acting.body.get("charter", {})
    for one in judged.covered:
        if (one.item.ref, one.item.sha256) == (named.get("charter"), named.get("sha256")):
            return str(one.stix.value.get("content", ""))[:20_000] if one.stix else None
    return None
