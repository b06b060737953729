"""`/api/v1/contributions`: what we wrote into channels of others, over all of them."""

from __future__ import annotations

from hub.api.channel_documents import pending_document
from hub.api.channel_models import DoneOut, PendingsOut
from hub.api.frame import Call, Resource
from hub.api.listing import cut_page, oldest_first
from hub.api.paging import PageQuery
from hub.channels import queries, service
from hub.channels.kept_words import kept_words_of

resource = Resource("contributions")


@resource.reads("", gives=PendingsOut, query=PageQuery)
def get_contributions(call: Call, query: PageQuery) -> PendingsOut:
    """Give what of ours is on its way, and refusals that nobody has taken note of."""
    rows, following = cut_page(
        queries.visible_pending(call.session, call.actor, now=call.now),
        query,
        lambda row: (oldest_first(row.written_at), row.sha256),
        int,
        str,
    )
    kept = kept_words_of(call.session, call.actor, rows)
    return PendingsOut(items=[pending_document(row, kept) for row in rows], next=following)


@resource.writes("POST", "/<sha256>/noted", gives=DoneOut, action="contribution.noted")
def post_contribution_noted(call: Call, sha256: str) -> DoneOut:
    """Take note of a refusal: it then waits for nobody any more."""
    service.take_note_of_refusal(call.session, call.actor, sha256, now=call.now)
    return DoneOut()
