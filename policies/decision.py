"""A yes, or a no with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from policies.errors import ForbiddenError


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule answers; true where it allows."""

    allowed: bool
    reason: str

    @classmethod
    def yes(cls, reason: str = "allowed") -> Decision:
        """Allow."""
        return cls(allowed=True, reason=reason)

    @classmethod
    def no(cls, reason: str) -> Decision:
        """Refuse, with a reason that a person can read."""
        return cls(allowed=False, reason=reason)

    def __bool__(self) -> bool:
        """Tell whether it is allowed."""
        return self.allowed

    def enforce(self) -> None:
        """Raise `ForbiddenError` with the reason unless allowed."""
        if not self.allowed:
            raise ForbiddenError(self.reason)
