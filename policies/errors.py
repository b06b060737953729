"""The six kinds of refusal, and nothing about how an edge shows them."""

from __future__ import annotations


class CoordinationError(Exception):
    """A refusal that a person can read.

    Args:
        message: one sentence in plain words: what was refused and why.
        field: the input that was at fault, as a path (`body.members[0].role`).
        hint: what to do now.
    """

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


class InvalidError(CoordinationError):
    """What was sent can't be read or breaks a rule of form."""


class TooLargeError(InvalidError):
    """What was sent exceeds a named limit."""


class UnverifiedError(CoordinationError):
    """Nobody knows who is asking."""


class ForbiddenError(CoordinationError):
    """It is known who is asking, and that one may not."""


class NotFoundError(CoordinationError):
    """There is no such thing, or the reader may not know of it."""


class ConflictError(CoordinationError):
    """The thing is in a state that does not allow this."""


class UnavailableError(CoordinationError):
    """It can't be done now; later it may.

    Args:
        retry_after_seconds: when it makes sense to ask again.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message, field=field, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class TooManyError(UnavailableError):
    """A quota is used up for now."""
