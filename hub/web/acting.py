"""One act of one form: read it, do it, or say beside it why not."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from flask import request

from hub.web.forms import Filled, PageForm, read_form
from policies.errors import CoordinationError
from sharing.status import status_of

F = TypeVar("F", bound=PageForm)

DONE = HTTPStatus.SEE_OTHER


def attempt(model: type[F], act: Callable[[F], object]) -> tuple[Filled[F], HTTPStatus]:
    """Read the form that was sent and act on it.

    Returns:
        The form, with what to mend where there is something; and `DONE`, or the status with
        which the page is shown again.
    """
    filled = read_form(model, request.form)
    if filled.form is None:
        return filled, HTTPStatus.BAD_REQUEST
    try:
        act(filled.form)
    except CoordinationError as error:
        return filled.refused(error), status_of(error)
    return filled, DONE
