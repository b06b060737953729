from __future__ import annotations

from http import HTTPStatus

import pytest

from hub.problem import problem_of
from policies import errors
from sharing.status import status_of


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidError, 400),
        (errors.UnverifiedError, 401),
        (errors.ForbiddenError, 403),
        (errors.NotFoundError, 404),
        (errors.ConflictError, 409),
        (errors.TooLargeError, 413),
        (errors.TooManyError, 429),
        (errors.UnavailableError, 503),
    ],
)
def test_each_kind_of_refusal_has_its_number(
    kind: type[errors.CoordinationError], status: int
) -> None:
    problem = problem_of(kind("no", field="a.b", hint="do that"))
    assert status_of(kind("no")) == problem.status == status
    assert problem.document() == {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": "no",
        "field": "a.b",
        "hint": "do that",
    }


def test_who_is_to_wait_is_told_how_long() -> None:
    problem = problem_of(errors.TooManyError("no", retry_after_seconds=7))
    assert problem.headers["Retry-After"] == "7"


def test_who_is_unknown_is_told_how_to_become_known() -> None:
    assert "Bearer" in problem_of(errors.UnverifiedError("no")).headers["WWW-Authenticate"]
