"""Traffic Light Protocol 2.0: the labels in order, and their STIX marking definitions.

Source: FIRST TLP 2.0; OASIS TLP 2.0 extension definition
`extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d`; STIX 2.1, 7.2.1.4 for TLP 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from policies.errors import InvalidError

TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


class TLP(StrEnum):
    """The labels, widest first. Compare by `rank`, never as text."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    @property
    def rank(self) -> int:
        """0 for CLEAR up to 4 for RED."""
        return _ORDER[self]

    @property
    def label(self) -> str:
        """As FIRST writes it: `TLP:AMBER+STRICT`."""
        return f"TLP:{self.value.upper()}"

    @property
    def marking_id(self) -> str:
        """The id of its STIX marking definition."""
        return str(MARKINGS[self]["id"])

    def allows(self, other: TLP) -> bool:
        """Tell whether matter labelled `other` stays under this label as a ceiling."""
        return other.rank <= self.rank


_ORDER: Final[Mapping[TLP, int]] = {label: rank for rank, label in enumerate(TLP)}


def _marking(label: TLP, uuid: str) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{uuid}",
        "created": "2022-10-01T00:00:00.000Z",
        "name": label.label,
        "extensions": {
            TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": label.value}
        },
    }


MARKINGS: Final[Mapping[TLP, Mapping[str, Any]]] = {
    TLP.CLEAR: _marking(TLP.CLEAR, "94868c89-83c2-464b-929b-a1a8aa3c8487"),
    TLP.GREEN: _marking(TLP.GREEN, "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"),
    TLP.AMBER: _marking(TLP.AMBER, "55d920b0-5e8b-4f79-9ee9-91f868d9b421"),
    TLP.AMBER_STRICT: _marking(TLP.AMBER_STRICT, "939a9414-2ddd-4d32-a0cd-375ea402b003"),
    TLP.RED: _marking(TLP.RED, "e828b379-4e03-4974-9ac4-e53a884c97c1"),
}

TLP1_MARKING_IDS: Final[Mapping[str, TLP]] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": TLP.CLEAR,
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": TLP.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": TLP.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": TLP.RED,
}

TLP_BY_MARKING_ID: Final[Mapping[str, TLP]] = {
    **{str(marking["id"]): label for label, marking in MARKINGS.items()},
    **TLP1_MARKING_IDS,
}


def read_tlp(text: str, *, field: str = "tlp") -> TLP:
    """Read a label as people write it: `amber`, `TLP:AMBER+STRICT`, `tlp:clear`.

    Raises:
        InvalidError: no such label; WHITE is told what it is called today.
    """
    name = text.strip().lower().removeprefix("tlp:")
    try:
        return TLP(name)
    except ValueError:
        hint = "TLP 2.0 calls it CLEAR." if name == "white" else None
        labels = ", ".join(label.value for label in TLP)
        raise InvalidError(
            f"“{text[:40]}” is not one of {labels}", field=field, hint=hint
        ) from None


def strictest(labels: Iterable[TLP]) -> TLP | None:
    """Give the strictest of the labels, or `None` where there are none."""
    return max(labels, key=lambda label: label.rank, default=None)
