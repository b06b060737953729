r"""Writes out what people write so that nobody clicks it: `hxxp`, `[.]`, `(dot)`, `[at]`, `\.`.

One pass, and where something was written out is remembered: what its author made harmless was
meant as an indicator.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

_DEFANGED: Final = re.compile(
    r"""
      (?P<invisible>[\u00ad\u200b\u2060\ufeff])
    | (?P<dot>[ \t]?(?:\[{1,2}|\({1,2}|\{{1,2})[ \t]?(?:\.|dot|punkt)[ \t]?
        (?:\]{1,2}|\){1,2}|\}{1,2})[ \t]?
      | (?<=[a-z0-9])\[\.(?=[a-z0-9]) | (?<=[a-z0-9])\.\](?=[a-z0-9]))
    | (?P<at>[ \t]?[\[({][ \t]?(?:@|at)[ \t]?[\])}][ \t]?)
    | \[(?P<as_is>:|://|//|/)\]
    | (?<![a-z0-9])(?:h(?:xx|\*\*|__|\[tt\]|\(tt\))p|htxp|hxtp|hxxxp|meow)
        (?P<http>\[s\]|\(s\)|s)?(?=\[?:)
    | (?<![a-z0-9])f[x*]p(?P<ftp>s)?(?=\[?:)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_RUN: Final = re.compile(r"""[^\s"'`<>,;()]+""")
_ROOT: Final = re.compile(r"(?:[A-Za-z]:)?\\")
_ESCAPED_DOT: Final = "\\."


@dataclass(frozen=True, slots=True)
class Refanged:
    """A text with everything written out.

    Args:
        edits: where in the text something was written out, ascending.
    """

    text: str
    edits: tuple[int, ...] = ()

    def was_defanged(self, start: int, end: int) -> bool:
        """Tell whether something between these places was written out."""
        return bisect_left(self.edits, start) < bisect_left(self.edits, end)


def refang(source: str) -> Refanged:
    """Write a text out."""
    source = _without_escaped_dots(source)
    parts: list[str] = []
    edits: list[int] = []
    read = length = 0
    for match in _DEFANGED.finditer(source):
        written = _written_out(match)
        kept = source[read : match.start()]
        length += len(kept)
        if match.lastgroup != "invisible":
            edits.append(length)
        length += len(written)
        parts += (kept, written)
        read = match.end()
    parts.append(source[read:])
    return Refanged("".join(parts), tuple(edits))


def _written_out(match: re.Match[str]) -> str:
    group = match.lastgroup
    if group == "dot":
        return "."
    if group == "at":
        return "@"
    if group == "as_is":
        return match["as_is"]
    if group == "invisible":
        return ""
    if match[0][0] in "fF":
        return "ftps" if match["ftp"] else "ftp"
    return "https" if match["http"] else "http"


def _without_escaped_dots(source: str) -> str:
    r"""Write `evil\.example` like the other ways; in a path of Windows, `\.` begins a name."""
    if _ESCAPED_DOT not in source:
        return source
    return _RUN.sub(_unescape, source)


def _unescape(match: re.Match[str]) -> str:
    run = match[0]
    dots = run.count(_ESCAPED_DOT)
    if not dots or run.count("\\") != dots or _ROOT.match(run):
        return run
    return run.replace(_ESCAPED_DOT, "[.]")
