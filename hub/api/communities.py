"""`/api/v1/communities`: the charter that members live by, proposed, answered, in force, ended."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from federation.ledgers.channels import Written
from hub.api.channel_documents import written_document
from hub.api.channel_models import WrittenOut
from hub.api.community_documents import community_line, community_of, terms_from_document
from hub.api.community_models import (
    CharterEndIn,
    CharterEndOut,
    CharterIn,
    CharterReasonIn,
    CharterToldIn,
    CommunitiesOut,
    CommunityOut,
    ProposedOut,
)
from hub.api.frame import PREFIX, Call, Resource
from hub.api.listing import cut_page
from hub.api.paging import PageQuery
from hub.api.votes import add_votes
from hub.channels.relay import Told
from hub.community import charters, queries
from hub.office import current_office
from policies.acts import Act

CREATED: Final = HTTPStatus.CREATED

resource = Resource("communities")


@resource.reads("", gives=CommunitiesOut, query=PageQuery)
def get_communities(call: Call, query: PageQuery) -> CommunitiesOut:
    """Give the communities that we have a part in, by their names."""
    rows, following = cut_page(
        queries.visible_communities(call.session, call.actor),
        query,
        lambda row: (row.name.casefold(), row.channel),
        str,
        str,
    )
    return CommunitiesOut(items=[community_line(row) for row in rows], next=following)


@resource.reads("/<channel>", gives=CommunityOut, audited="channel.read")
def get_community(call: Call, channel: str) -> CommunityOut:
    """Give one community: every version of its charter, and who says what to it."""
    us = current_office().desk(call.session).organisation
    return community_of(call.session, call.actor, channel, us=us, now=call.now)


@resource.writes(
    "POST",
    "/<channel>/charters",
    takes=CharterIn,
    gives=ProposedOut,
    status=CREATED,
    action="charter.proposed",
)
def post_charter(call: Call, channel: str, body: CharterIn) -> tuple[ProposedOut, str]:
    """Propose a version of the charter, and accept it by that."""
    charter = charters.propose(
        *_where(call, channel),
        text=body.text,
        terms=terms_from_document(body.terms),
        accept_by=body.accept_by,
        now=call.now,
    )
    document = ProposedOut(channel=channel, charter=charter)
    return document, f"{PREFIX}/communities/{channel}"


@resource.writes(
    "POST",
    "/<channel>/charters/<charter>/acceptance",
    gives=WrittenOut,
    status=CREATED,
    action="charter.accepted",
)
def post_charter_acceptance(call: Call, channel: str, charter: str) -> WrittenOut:
    """Accept a version for our organisation: signed over the hash of its words."""
    return _write(call, channel, Act.CHARTER_ACCEPTED, charters.accept, charter)


@resource.writes(
    "POST",
    "/<channel>/charters/<charter>/refusal",
    takes=CharterReasonIn,
    gives=WrittenOut,
    status=CREATED,
    action="charter.declined",
)
def post_charter_refusal(
    call: Call, channel: str, charter: str, body: CharterReasonIn
) -> WrittenOut:
    """Decline a version for our organisation, and say why."""
    return _write(
        call, channel, Act.CHARTER_DECLINED, charters.decline, charter, reason=body.reason
    )


@resource.writes(
    "POST",
    "/<channel>/charters/<charter>/told",
    takes=CharterToldIn,
    gives=WrittenOut,
    status=CREATED,
    action="statement.relayed",
)
def post_charter_told(call: Call, channel: str, charter: str, body: CharterToldIn) -> WrittenOut:
    """Record what an organisation that can't write says to a version."""
    accepts = body.answer == "accepted"
    return _write(
        call,
        channel,
        Act.CHARTER_ACCEPTED if accepts else Act.CHARTER_DECLINED,
        charters.relay_answer,
        charter,
        organisation=body.organisation,
        accepts=accepts,
        told=Told(body.way, call.now, body.informant),
        text=body.text,
    )


@resource.writes(
    "POST",
    "/<channel>/charters/<charter>/force",
    gives=WrittenOut,
    status=CREATED,
    action="charter.in_force",
)
def post_charter_force(call: Call, channel: str, charter: str) -> WrittenOut:
    """Let a version bind from now on, in place of the one before."""
    return _write(call, channel, Act.CHARTER_IN_FORCE, charters.put_in_force, charter)


@resource.writes(
    "POST",
    "/<channel>/charters/<charter>/withdrawal",
    takes=CharterReasonIn,
    gives=WrittenOut,
    status=CREATED,
    action="charter.withdrawn",
)
def post_charter_withdrawal(
    call: Call, channel: str, charter: str, body: CharterReasonIn
) -> WrittenOut:
    """Take a proposed version back, and say why."""
    return _write(
        call, channel, Act.CHARTER_WITHDRAWN, charters.withdraw, charter, reason=body.reason
    )


@resource.writes(
    "POST",
    "/<channel>/ending",
    takes=CharterEndIn,
    gives=CharterEndOut,
    status=CREATED,
    action="charter.ended",
)
def post_charter_ending(call: Call, channel: str, body: CharterEndIn) -> CharterEndOut:
    """End the charter in force: at once where the coordinator decides that alone, else by vote."""
    written = charters.end(
        *_where(call, channel), reason=body.reason, vote_until=body.vote_until, now=call.now
    )
    return CharterEndOut(channel=channel, state="asked" if written is None else "ended")


def _where(call: Call, channel: str) -> tuple[Any, Any, Any, str]:
    queries.get_community(call.session, call.actor, channel)
    return call.session, current_office().desk(call.session), call.actor, channel


def _write(
    call: Call,
    channel: str,
    act: Act,
    use_case: Callable[..., Written],
    *named: str,
    **given: object,
) -> WrittenOut:
    written = use_case(*_where(call, channel), *named, now=call.now, **given)
    return written_document(channel, act, written)


add_votes(
    resource,
    "community",
    _write,
    charters.take,
    taken="Say what the votes have come to; a charter that is ended by it, ends.",
)
