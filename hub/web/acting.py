"""One act of one form: read it, do it, or say beside it why not; or show who would see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

from flask import request

from hub.channels.preview import rehearse
from hub.web.forms import REHEARSE, Filled, PageForm, Rehearsed, as_sentence, read_form
from policies.errors import CoordinationError, InvalidError
from sharing.status import status_of

F = TypeVar("F", bound=PageForm)

DONE = HTTPStatus.SEE_OTHER


def attempt(
    model: type[F], act: Callable[[F], object], *, shares: bool = False
) -> tuple[Filled[F], HTTPStatus]:
    """Read the form that was sent and act on it.

    Args:
        shares: it writes into channels and does nothing else, so it can be played through to
            show who would see it.

    Returns:
        The form, with what to mend where there is something; and `DONE`, or the status with
        which the page is shown again.
    """
    filled = read_form(model, request.form)
    if REHEARSE in request.form:
        return _rehearse(filled, act, shares=shares)
    if filled.form is None:
        return filled, HTTPStatus.BAD_REQUEST
    try:
        act(filled.form)
    except CoordinationError as error:
        return filled.refused(error), status_of(error)
    return filled, DONE


def _rehearse(
    filled: Filled[F], act: Callable[[F], object], *, shares: bool
) -> tuple[Filled[F], HTTPStatus]:
    """Play the act through and keep nothing; what is not filled in yet is no fault so far."""
    if not shares:
        error = InvalidError("this can't be looked at beforehand")
        return filled.refused(error), status_of(error)
    form = filled.form
    if form is None:
        return replace(filled, errors={}, rehearsed=Rehearsed()), HTTPStatus.OK
    try:
        sights = rehearse(lambda: act(form))
    except CoordinationError as refused:
        sentence = as_sentence(refused.message)
        return replace(filled, rehearsed=Rehearsed(refusal=sentence)), HTTPStatus.OK
    return replace(filled, rehearsed=Rehearsed(is_whole=True, sights=sights)), HTTPStatus.OK
