"""Who takes part in a case: several are invited at once, from its room."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from werkzeug.wrappers import Response as BaseResponse

from hub.channels import inviting
from hub.web.case_forms import InvitationsForm
from hub.web.frame import pages
from hub.web.views.case_acts import write_in_room


@pages.post("/cases/<uuid:channel>/invitations")
def post_case_invitations(channel: UUID) -> BaseResponse:
    """Invite several partners with one click."""
    return write_in_room(
        channel,
        InvitationsForm,
        "invite",
        lambda form, where, now: inviting.invite_several(
            *where,
            organisations=form.organisations,
            roles=[form.role.value],
            reason=form.reason,
            reply_within=timedelta(hours=int(form.reply_hours)) if form.reply_hours else None,
            now=now,
        ),
        "Invited. They read of it in your direct channels.",
    )
