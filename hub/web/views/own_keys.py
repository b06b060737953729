"""The keys of this node: how they stand, what to do, and what somebody else may have signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import groupby
from typing import Annotated

from flask import Response, flash, redirect, url_for
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from federation.identity import node
from federation.identity.descriptor import KeyUse
from federation.identity.key_state import key_state_of
from hub import clock, own_keys
from hub.accounts.current import current_actor
from hub.office import current_office
from hub.own_keys import DoubtfulRow
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages
from hub.web.keys import KeysView, KeyView, key_view, keys_view
from hub.web.views.administration import show_section
from policies.roles import Right
from sharing.canonical import read_time
from sharing.db import reading, transaction

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RotateForm(PageForm):
    """New keys: nothing has to be said about them."""


class DisownForm(PageForm):
    """What in one channel is not ours."""

    channel: Annotated[str, StringConstraints(max_length=36)]
    bundles: Annotated[list[Sha256], Field(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class OwnNode:
    """What this node says of itself."""

    name: str
    organisation: str
    base_url: str
    recovery_thumbprint: str
    version: int
    issued_at: datetime
    keys: list[KeyView]
    key_state: KeysView | None
    recovery_now: str


@pages.get("/administration/keys")
def get_keys() -> Response:
    """Show the keys of this node by their thumbprints, and what is in doubt in our name."""
    return _show_keys()


@pages.post("/administration/keys/rotation")
def post_rotation() -> BaseResponse:
    """Take new keys into use."""

    def act(_form: RotateForm) -> None:
        with transaction() as session:
            own_keys.rotate(
                session, current_office(), current_actor(), list(KeyUse), now=clock.utcnow()
            )

    filled, status = attempt(RotateForm, act)
    if status is not DONE:
        return _show_keys(rotate_form=filled, status=status)
    flash("The keys are rotated. Partners and channels hear of it by themselves.", "good")
    return redirect(url_for("pages.get_keys"), HTTPStatus.SEE_OTHER)


@pages.post("/administration/keys/disowning")
def post_disowning() -> BaseResponse:
    """Say that entries in our name are not ours."""

    def act(form: DisownForm) -> None:
        with transaction() as session:
            own_keys.disown(
                session,
                current_office(),
                current_actor(),
                form.channel,
                form.bundles,
                now=clock.utcnow(),
            )

    filled, status = attempt(DisownForm, act)
    if status is not DONE:
        return _show_keys(disown_form=filled, status=status)
    flash("Disowned. The members of that channel are being told.", "good")
    return redirect(url_for("pages.get_keys"), HTTPStatus.SEE_OTHER)


@pages.post("/administration/keys/affirming")
def post_affirming() -> BaseResponse:
    """Say that doubtful entries are ours, or stand rightly where they stand."""

    def act(form: DisownForm) -> None:
        with transaction() as session:
            own_keys.affirm(
                session,
                current_office(),
                current_actor(),
                form.channel,
                form.bundles,
                now=clock.utcnow(),
            )

    filled, status = attempt(DisownForm, act)
    if status is not DONE:
        return _show_keys(disown_form=filled, status=status)
    flash("Noted. Others go on seeing them marked: tell them by telephone.", "good")
    return redirect(url_for("pages.get_keys"), HTTPStatus.SEE_OTHER)


def _show_keys(
    *,
    rotate_form: Filled[RotateForm] | None = None,
    disown_form: Filled[DisownForm] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    actor = current_actor()
    actor.may(Right.READ_AUDIT).enforce()
    with reading() as session:
        own = node.get_node(session)
        doubtful = own_keys.visible_doubtful(session, current_office(), actor)
    newest = own.newest
    view = OwnNode(
        name=own.name,
        organisation=own.organisation,
        base_url=own.base_url,
        recovery_thumbprint=own.recovery_thumbprint,
        version=newest.version,
        issued_at=read_time(newest.issued),
        keys=[key_view(key) for key in newest.keys],
        key_state=keys_view(key_state_of(own.descriptors)),
        recovery_now=newest.recovery.thumbprint,
    )
    return show_section(
        "administration/keys.html",
        "keys",
        status=status,
        own=view,
        doubtful=_by_channel([row for row in doubtful if not row.admission]),
        admitted=_by_channel([row for row in doubtful if row.admission]),
        may_manage=bool(actor.may(Right.MANAGE_KEYS)),
        rotate_form=rotate_form,
        disown_form=disown_form,
    )


def _by_channel(rows: Sequence[DoubtfulRow]) -> list[tuple[str, list[DoubtfulRow]]]:
    ordered = sorted(rows, key=lambda row: (row.place, row.entry.channel))
    groups = groupby(ordered, key=lambda row: (row.place, row.entry.channel))
    return [(place, list(group)) for (place, _), group in groups]
