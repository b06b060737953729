"""Channels by file, where networks are down: what comes in, and what of ours goes out."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Response, flash, request, stream_with_context
from werkzeug.wrappers import Response as BaseResponse

from federation.archive.file_intake import Admitted, TakenIn
from hub import clock
from hub.accounts.current import current_actor
from hub.channels import files
from hub.office import current_office
from hub.web import words
from hub.web.forms import Filled, PageForm, as_sentence
from hub.web.frame import pages, show
from hub.web.views.channels import to_channel
from policies.errors import CoordinationError, InvalidError
from policies.roles import Right
from sharing.db import reading, transaction
from sharing.status import status_of

FILE: Final = "file"


class FileForm(PageForm):
    """A file; the browser sends it beside the fields."""


@pages.get("/channels/import")
def get_import() -> Response:
    """Show the form for a file that came by hand."""
    current_actor().may(Right.TAKE_IN_FILES).enforce()
    return _show_import(None)


@pages.post("/channels/import")
def post_import() -> BaseResponse:
    """Take in an export, or contributions to a channel of ours."""
    actor = current_actor()
    filled: Filled[FileForm] = Filled(form=FileForm(), values={}, errors={})
    try:
        upload = request.files.get(FILE)
        if upload is None or not upload.filename:
            raise InvalidError("choose a file first", field=FILE)
        result = files.take_in(
            current_office().files,
            actor,
            upload.stream,
            limit_bytes=files.UPLOAD_EXPANDED_BYTES,
            now=clock.utcnow(),
        )
    except CoordinationError as error:
        return _show_import(filled.refused(error), status_of(error))
    flash(*(_admitted(result) if isinstance(result, Admitted) else _taken(result)))
    return to_channel(result.channel)


@pages.get("/channels/<uuid:channel>/outbox")
def get_outbox(channel: UUID) -> Response:
    """Give what of ours waits for a channel, for its coordinator to take in."""
    actor, now = current_actor(), clock.utcnow()
    with transaction() as session:
        us = current_office().desk(session).organisation
        made = files.get_outbox(session, actor, str(channel), us=us, now=now)
        files.record_outbox(session, actor, made, now=now)

    def lines() -> Iterator[bytes]:
        with reading() as session:
            yield from made.lines(session)

    response = Response(stream_with_context(lines()), mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=made.name)
    return response


def _show_import(filled: Filled[FileForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return show("channels/import.html", "channels", status=status, filled=filled)


def _taken(result: TakenIn) -> tuple[str, str]:
    if result.doubt is not None:
        return f"It was taken in. {as_sentence(result.doubt.message)}", "trouble"
    if result.before == result.after:
        return "There was nothing new in it.", "good"
    return "It was checked and taken in.", "good"


def _admitted(result: Admitted) -> tuple[str, str]:
    refused = [one for one in result.decided if one.failure is not None]
    count = words.count(len(result.decided) - len(refused), "contribution")
    if not refused:
        return f"{count} admitted.", "good"
    first = as_sentence(refused[0].sentence or refused[0].failure or "")
    return (
        f"{count} admitted, {len(refused)} refused. The first: {first} Tell its author.",
        "trouble",
    )
