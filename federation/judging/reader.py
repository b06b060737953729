"""For whom an entry is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Reader:
    """Who verifies, and what may be absent for it.

    Args:
        organisation: whom withholding is judged for; `None`: everything is due.
        recalled_ahead: hashes that a later entry of the verified chain recalls.
        strict: the owner before appending: what voids or is unknown is refused.
        lenient: only the chain is looked at: objects may be absent.
        gone: the verified chain ends this reader's part in the channel, and nobody shows it
            what is absent: it may have been recalled where this reader reads no more.
    """

    organisation: str | None = None
    recalled_ahead: frozenset[str] = frozenset()
    strict: bool = False
    lenient: bool = False
    gone: bool = False


OWNER: Final = Reader(strict=True)
