"""Text that tries to be more than text, each with a mark by which it is found again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MARK: Final = re.compile(r"zq(\d+)z", re.IGNORECASE)
TURNS: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What turns the direction of writing for what follows, until something ends it."""
CONTROLS: Final = "\x1b[31m\x9b31m\x07\x08\x7f"
"""What moves a terminal's cursor, colours it, or rings its bell."""
NOTHING_BUT_A_CHARACTER: Final = "\x00"
_MARKUP: Final = "<b {m}=1>{{{{7*7}}}}\"'><script>{m}()</script>&amp;lt;"
_MORE: Final = (
    "<svg/onload={m}()><img src=x onerror={m}()><a href='javascript:{m}()'>{m}</a>"
    "</textarea></title></style>--><style>@import '//{m}.example'</style>"
    " javascript:{m}() data:text/html,{m} ${{7*7}} <%= 7*7 %>"
    " שלום مرحبا n\u0303\u0336\u0336o\u0308 \u200b\u200d\ufeff " + "W" * 300
)
_LINES: Final = "\r\nSet-Cookie: {m}=1\r\n\r\n=cmd|'/c {m}'!A1\t@SUM(1)\r\n+{m}\r\n-{m}"


def line(mark: str) -> str:
    """Give what fits into a name: one line of printable characters."""
    return mark + _MARKUP.format(m=mark)


def words(mark: str) -> str:
    """Give what fits where many lines are written; no line of it is harmless."""
    turned = f" \u202e{mark}\u2067{mark} "
    return line(mark) + _MORE.format(m=mark) + turned + CONTROLS + _LINES.format(m=mark)


@dataclass
class Marks:
    """What was planted where: one mark for each place."""

    places: dict[int, str] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)

    def at(self, place: str) -> str:
        """Give the mark of a place, the same each time."""
        number = self._known.setdefault(place, len(self._known) + 1)
        self.places[number] = place
        return f"zq{number}z"

    def named(self, text: str) -> set[str]:
        """Give the places whose marks stand in a text."""
        return {
            self.places[int(found)] for found in MARK.findall(text) if int(found) in self.places
        }
