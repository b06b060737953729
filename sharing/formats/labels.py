"""What a publisher says of who may have a thing: `tlp:amber`, `PAP:RED`, and what nobody knows.

Source: FIRST TLP 2.0; MISP taxonomies `tlp`, version 10, and `PAP`, version 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policies.errors import InvalidError
from policies.pap import PAP, read_pap, strictest_pap
from policies.tlp import TLP, read_tlp, strictest

MOST_UNDECIDED: Final = 20
_LABEL_LENGTH: Final = 100

_KNOWN: Final = re.compile(
    r"\b(TLP|PAP)[ \t]?[: \t-][ \t]?"
    r"(CLEAR|WHITE|GREEN|AMBER(?:[ ]?\+[ ]?STRICT|[ -]STRICT)?|RED)\b",
    re.IGNORECASE | re.ASCII,
)
_BETWEEN: Final = re.compile(r"[ +-]+")
_ANY: Final = re.compile(r"\b(TLP|PAP):([a-z][a-z0-9:+-]{1,30})", re.IGNORECASE | re.ASCII)
"""Written like a label, so it is one, if an unknown one."""


@dataclass(frozen=True, slots=True)
class Marking:
    """What a publisher says of who may have a thing, and what may be done with it.

    Args:
        undecided: what was said and nobody here understands; the first ones, where they are many.
            It counts as RED until a person decides, and `tlp` or `pap` says so already.
    """

    tlp: TLP | None = None
    pap: PAP | None = None
    undecided: tuple[str, ...] = ()

    def stricter(self, other: Marking) -> Marking:
        """Give both at once: of each the stricter."""
        if other in (UNMARKED, self):
            return self
        return Marking(
            strictest(label for label in (self.tlp, other.tlp) if label is not None),
            strictest_pap(level for level in (self.pap, other.pap) if level is not None),
            tuple(dict.fromkeys((*self.undecided, *other.undecided)))[:MOST_UNDECIDED],
        )


UNMARKED: Final = Marking()


def read_label(text: str) -> Marking:
    """Read one label or tag; what is neither of TLP nor of PAP says nothing."""
    label = text.strip()
    protocol, name = label[:4].lower(), label[4:].strip().lower()
    shown = (label[:_LABEL_LENGTH],)
    if protocol == "tlp:":
        return _read_tlp(name) or Marking(tlp=TLP.RED, undecided=shown)
    if protocol == "pap:":
        return _read_pap(name) or Marking(pap=PAP.RED, undecided=shown)
    return UNMARKED


def read_labels(texts: Iterable[str]) -> Marking:
    """Read several; the strictest counts."""
    marking = UNMARKED
    for text in texts:
        marking = marking.stricter(read_label(text))
    return marking


def label_in(text: str) -> Marking:
    """Give the strictest label that a text names anywhere, whatever it says of it."""
    marking = UNMARKED
    for match in _KNOWN.finditer(text):
        marking = marking.stricter(read_label(f"{match[1]}:{match[2]}"))
    for match in _ANY.finditer(text):
        marking = marking.stricter(read_label(f"{match[1]}:{match[2].rstrip(':+-')}"))
    return marking


def _read_tlp(name: str) -> Marking | None:
    if name == "white":  # as TLP 1 called it
        return Marking(tlp=TLP.CLEAR)
    try:
        return Marking(tlp=read_tlp(_BETWEEN.sub("+", name)))
    except InvalidError:
        return None


def _read_pap(name: str) -> Marking | None:
    try:
        return Marking(pap=read_pap(name))
    except InvalidError:
        return None
