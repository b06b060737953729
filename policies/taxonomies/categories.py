"""What kind of incident it is: the Reference Security Incident Taxonomy, and ISO/IEC 27035.

An incident has any number of RSIT types, the first is the main one. They travel as labels in the
form of a MISP tag, so that other software keeps them, and as the incident types of STIX that they
are mapped to.

Source: ENISA / TF-CSIRT Reference Security Incident Taxonomy 1.3 and its usage notes; ISO/IEC
27035:2011, example report form. The mappings are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from policies.errors import InvalidError
from policies.taxonomies.data import read_data

_LABEL: Final = re.compile(r'rsit:([a-z0-9-]{1,60})="([a-z0-9-]{1,60})"', re.ASCII)


@dataclass(frozen=True, slots=True)
class IsoCategory:
    """A category of information security incidents.

    Args:
        item: its number in the example report form.
        checked: item and name were compared with the text of the standard.
    """

    key: str
    item: str
    checked: bool
    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class RsitType:
    """A type of incident within a category.

    Args:
        incident_types: the `incident_types` of STIX that it is mapped to.
        iso_category: the category of ISO/IEC 27035:2011 that it is mapped to.
    """

    category: str
    key: str
    name: str
    description: str
    incident_types: tuple[str, ...]
    iso_category: IsoCategory

    @property
    def label(self) -> str:
        """The MISP tag, as it stands in `labels`."""
        return f'rsit:{self.category}="{self.key}"'


@dataclass(frozen=True, slots=True)
class RsitCategory:
    """A category of RSIT, with its types."""

    key: str
    name: str
    description: str
    types: tuple[RsitType, ...]


def _iso_categories() -> tuple[IsoCategory, ...]:
    return tuple(IsoCategory(**told) for told in read_data("iso-27035-2011")["categories"])


def _rsit_categories() -> tuple[RsitCategory, ...]:
    return tuple(
        RsitCategory(
            category["key"],
            category["name"],
            category["description"],
            tuple(
                RsitType(
                    category["key"],
                    told["key"],
                    told["name"],
                    told["description"],
                    tuple(told["incident_types"]),
                    _ISO_BY_KEY[told["iso_category"]],
                )
                for told in category["types"]
            ),
        )
        for category in read_data("rsit")["categories"]
    )


ISO_CATEGORIES: Final = _iso_categories()
"""In the order of the report form."""

_ISO_BY_KEY: Final[Mapping[str, IsoCategory]] = {one.key: one for one in ISO_CATEGORIES}

RSIT_CATEGORIES: Final = _rsit_categories()
"""In the order of RSIT, each with its types: the choices of a page."""

_RSIT_TYPES: Final[Mapping[tuple[str, str], RsitType]] = {
    (one.category, one.key): one for category in RSIT_CATEGORIES for one in category.types
}

_TYPES_BY_KEY: Final[Mapping[str, RsitType]] = {one.key: one for one in _RSIT_TYPES.values()}


def find_iso_category(key: str) -> IsoCategory | None:
    """Give the category with this key, or `None` where there is none."""
    return _ISO_BY_KEY.get(key)


def find_rsit_type(category: str, key: str) -> RsitType | None:
    """Give the type with this key in a category, or `None` where there is none."""
    return _RSIT_TYPES.get((category, key))


def find_type(key: str) -> RsitType | None:
    """Give the type with this key in whichever category, or `None`: no two have the same."""
    return _TYPES_BY_KEY.get(key)


def rsit_label(category: str, key: str, *, field: str = "labels") -> str:
    """Give the label of a type, in the form of a MISP tag: `rsit:availability="ddos"`.

    Raises:
        InvalidError: RSIT has no such category, or no such type in it.
    """
    found = find_rsit_type(category, key)
    if found is None:
        raise _unknown(category, key, field)
    return found.label


def read_rsit_label(label: str, *, field: str = "labels") -> RsitType:
    """Read a label in the form of a MISP tag; case and white space around it do not matter.

    Raises:
        InvalidError: not of that form, or nothing that RSIT has.
    """
    match = _LABEL.fullmatch(label.strip().lower())
    if match is None:
        message = f"“{label[:80]}” is no RSIT label"
        hint = 'A label looks like rsit:availability="ddos".'
        raise InvalidError(message, field=field, hint=hint)
    found = find_rsit_type(match[1], match[2])
    if found is None:
        raise _unknown(match[1], match[2], field)
    return found


def rsit_types_in(labels: Iterable[str]) -> tuple[RsitType, ...]:
    """Give the types that labels name, the main one first; other labels are passed over."""
    found: dict[str, RsitType] = {}
    for label in labels:
        match = _LABEL.fullmatch(label.strip().lower())
        one = None if match is None else find_rsit_type(match[1], match[2])
        if one is not None:
            found.setdefault(one.label, one)
    return tuple(found.values())


def incident_types_of(types: Iterable[RsitType]) -> tuple[str, ...]:
    """Give the `incident_types` of STIX for types of RSIT, each once, in their order."""
    return tuple(dict.fromkeys(word for one in types for word in one.incident_types))


def iso_categories_of(types: Iterable[RsitType]) -> tuple[IsoCategory, ...]:
    """Give the categories of ISO/IEC 27035:2011 for types of RSIT, each once, in their order."""
    return tuple(dict.fromkeys(one.iso_category for one in types))


def _unknown(category: str, key: str, field: str) -> InvalidError:
    known = next((one for one in RSIT_CATEGORIES if one.key == category), None)
    if known is None:
        names = ", ".join(one.key for one in RSIT_CATEGORIES)
        message = f"RSIT has no category “{category[:60]}”"
        return InvalidError(message, field=field, hint=f"Choose one of {names}.")
    names = ", ".join(one.key for one in known.types)
    message = f"RSIT has no type “{key[:60]}” in {category}"
    return InvalidError(message, field=field, hint=f"Choose one of {names}.")
