"""Vocabularies of the STIX 2.1 incident extension suite, and the bands of its numbers.

A closed vocabulary takes its own terms alone; an open one takes other words of the same form too.

Source: OASIS Incident Core Extension 2.1, vocabulary sections, appendices A and B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from policies.errors import InvalidError
from policies.taxonomies.data import read_data

WORD_CHARACTERS: Final = 100
"""How long a word of an open vocabulary may be."""

_WORD: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a vocabulary.

    Args:
        key: as it stands in STIX.
        name: as people read it.
        meaning: a few words in addition, where the name alone does not tell.
    """

    key: str
    name: str
    meaning: str | None = None


@dataclass(frozen=True)
class Vocabulary:
    """The words for one thing, in the order in which a page offers them."""

    key: str
    name: str
    is_open: bool
    terms: tuple[Term, ...]

    @cached_property
    def _by_key(self) -> Mapping[str, Term]:
        return {term.key: term for term in self.terms}

    def find(self, key: str) -> Term | None:
        """Give the term with this key, or `None` where the vocabulary has none."""
        return self._by_key.get(key)

    def takes(self, word: str) -> bool:
        """Tell whether this may be written where the vocabulary is asked for."""
        return word in self._by_key or (self.is_open and is_word(word))

    def name_of(self, word: str) -> str:
        """Give what people read for a word; one that it does not have is shown as it is."""
        term = self.find(word)
        return word if term is None else term.name


def is_word(text: str) -> bool:
    """Tell whether this has the form of a word of an open vocabulary: lower case, with dashes."""
    return len(text) <= WORD_CHARACTERS and _WORD.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Band:
    """A label for some of the numbers from 0 to 100.

    Args:
        write: the number that stands for the label.
        low: the least number that is read as the label.
        high: the greatest one.
    """

    label: str
    write: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Bands that share out the numbers from 0 to 100, lowest first."""

    key: str
    bands: tuple[Band, ...]

    def band_of(self, value: int) -> Band:
        """Give the band that a number is read as.

        Raises:
            InvalidError: not between 0 and 100.
        """
        for band in self.bands:
            if band.low <= value <= band.high:
                return band
        raise InvalidError(f"{value} is not between 0 and 100", hint="Give a number on the scale.")

    def find(self, label: str) -> Band | None:
        """Give the band with this label, or `None` where the scale has none."""
        return next((band for band in self.bands if band.label == label), None)


def _vocabulary(key: str) -> Vocabulary:
    told = _DATA["vocabularies"][key]
    return Vocabulary(
        key, told["name"], told["open"], tuple(Term(**term) for term in told["terms"])
    )


def _scales(name: str) -> Mapping[str, Scale]:
    told: Mapping[str, Any] = _DATA[name]
    return {key: Scale(key, tuple(Band(**band) for band in bands)) for key, bands in told.items()}


_DATA: Final = read_data("vocabularies")

VOCABULARIES: Final[Mapping[str, Vocabulary]] = {
    key: _vocabulary(key) for key in _DATA["vocabularies"]
}
"""Key → vocabulary, all of them."""

DETERMINATION: Final = VOCABULARIES["determination"]
EVENT_STATUS: Final = VOCABULARIES["event-status"]
TASK_OUTCOME: Final = VOCABULARIES["task-outcome"]
RECOVERABILITY: Final = VOCABULARIES["recoverability"]
IMPACT_CATEGORY: Final = VOCABULARIES["impact-category"]
CONFIDENTIALITY_LOSS: Final = VOCABULARIES["confidentiality-loss"]
INTEGRITY_ALTERATION: Final = VOCABULARIES["integrity-alteration"]
PHYSICAL_IMPACT: Final = VOCABULARIES["physical-impact"]
TRACEABILITY: Final = VOCABULARIES["traceability"]
TIMESTAMP_FIDELITY: Final = VOCABULARIES["timestamp-fidelity"]

ASSET_TYPE: Final = VOCABULARIES["asset-type-ov"]
DETECTION_METHODS: Final = VOCABULARIES["detection-methods-ov"]
ECONOMIC_IMPACT_TYPE: Final = VOCABULARIES["economic-impact-type-ov"]
ENTITY_TYPE: Final = VOCABULARIES["entity-type-ov"]
EVENT_TYPE: Final = VOCABULARIES["event-type-ov"]
EXTERNAL_IMPACT: Final = VOCABULARIES["external-impact-ov"]
INCIDENT_INVESTIGATION: Final = VOCABULARIES["incident-investigation-ov"]
INFORMATION_TYPE: Final = VOCABULARIES["information-type-ov"]
STATE_CHANGE_TYPE: Final = VOCABULARIES["state-change-type-ov"]
TASK_TYPE: Final = VOCABULARIES["task-type-ov"]

AVAILABILITY_SCALES: Final = _scales("availability_scales")
"""Key → scale for `availability_impact`."""

CRITICALITY_SCALES: Final = _scales("criticality_scales")
"""Key → scale for `criticality`."""

US_CERT: Final = AVAILABILITY_SCALES["us-cert"]
FIVE_LEVEL: Final = CRITICALITY_SCALES["five-level"]
"""The scale of criticality that pages show."""
