"""The seven kinds of impact, each a sub-extension of the object.

A value holds whatever was stated, also what nobody should write; `check` tells what is odd.

Source: OASIS Incident Core Extension 2.1, impact extensions; rules IE-4, IE-7 and IE-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from policies.taxonomies.vocabularies import (
    ASSET_TYPE,
    CONFIDENTIALITY_LOSS,
    ECONOMIC_IMPACT_TYPE,
    EXTERNAL_IMPACT,
    INFORMATION_TYPE,
    INTEGRITY_ALTERATION,
    PHYSICAL_IMPACT,
    TRACEABILITY,
)
from sharing.canonical import write_time
from sharing.incident.foreign import Foreign
from sharing.incident.rules import (
    Remark,
    Remarks,
    check_integer,
    check_number,
    check_word,
    missing,
    shown,
)
from sharing.incident.times import check_time

PERCENT: Final = 100
_CURRENCY: Final = re.compile(r"[A-Z0-9]{2,10}", re.ASCII)
_TOGETHER: Final = (
    "Give both, equal where only one is known, or leave both out where nothing is known."
)


@dataclass(frozen=True, slots=True)
class Availability:
    """How much of a service is gone.

    Args:
        availability_impact: 0 (none) to 100; its scales are in `policies.taxonomies`.
    """

    category: ClassVar[str] = "availability"
    availability_impact: int | None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated."""
        return cls(foreign.integer("availability_impact", PERCENT))

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_integer(
            "availability_impact", self.availability_impact, most=PERCENT, needed=True
        )


@dataclass(frozen=True, slots=True)
class Confidentiality:
    """Which information came out.

    Args:
        record_size: in bytes.
    """

    category: ClassVar[str] = "confidentiality"
    loss_type: str | None
    information_type: str | None = None
    record_count: int | None = None
    record_size: int | None = None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated."""
        return cls(
            foreign.word("loss_type"),
            foreign.word("information_type"),
            foreign.integer("record_count"),
            foreign.integer("record_size"),
        )

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_word("loss_type", self.loss_type, CONFIDENTIALITY_LOSS, needed=True)
        needed = self.loss_type not in (None, "none")
        yield from check_word(
            "information_type", self.information_type, INFORMATION_TYPE, needed=needed
        )
        yield from check_integer("record_count", self.record_count)
        yield from check_integer("record_size", self.record_size)


@dataclass(frozen=True, slots=True)
class External:
    """What it does to the world outside."""

    category: ClassVar[str] = "external"
    impact_type: str | None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated."""
        return cls(foreign.word("impact_type"))

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_word("impact_type", self.impact_type, EXTERNAL_IMPACT, needed=True)


@dataclass(frozen=True, slots=True)
class Integrity:
    """Which information was altered.

    Args:
        record_size: in bytes.
    """

    category: ClassVar[str] = "integrity"
    alteration: str | None
    information_type: str | None = None
    record_count: int | None = None
    record_size: int | None = None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated."""
        return cls(
            foreign.word("alteration"),
            foreign.word("information_type"),
            foreign.integer("record_count"),
            foreign.integer("record_size"),
        )

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_word("alteration", self.alteration, INTEGRITY_ALTERATION, needed=True)
        needed = self.alteration not in (None, "none")
        yield from check_word(
            "information_type", self.information_type, INFORMATION_TYPE, needed=needed
        )
        yield from check_integer("record_count", self.record_count)
        yield from check_integer("record_size", self.record_size)


@dataclass(frozen=True, slots=True)
class Economic:
    """What it costs.

    Args:
        currency: in which the amounts are stated: a code of ISO 4217, or the usual one of a
            cryptocurrency.
        currency_actual: the one that was really used, with the rate it was converted at and when.
    """

    category: ClassVar[str] = "economic"
    variety: str | None
    min_amount: float | None = None
    max_amount: float | None = None
    currency: str | None = None
    currency_actual: str | None = None
    conversion_rate: float | None = None
    conversion_time: datetime | None = None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated; codes of currencies are read in capitals."""
        currency, currency_actual = foreign.word("currency"), foreign.word("currency_actual")
        return cls(
            foreign.word("variety"),
            foreign.number("min_amount"),
            foreign.number("max_amount"),
            currency and currency.upper(),
            currency_actual and currency_actual.upper(),
            foreign.number("conversion_rate"),
            foreign.time("conversion_time"),
        )

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_word("variety", self.variety, ECONOMIC_IMPACT_TYPE, needed=True)
        yield from self._check_amounts()
        yield from _check_currency("currency", self.currency)
        yield from _check_currency("currency_actual", self.currency_actual)
        yield from self._check_conversion()

    def _check_amounts(self) -> Remarks:
        low, high = self.min_amount, self.max_amount
        yield from check_number("min_amount", low, positive=True)
        yield from check_number("max_amount", high, positive=True)
        if (low is None) != (high is None):
            yield missing("min_amount" if low is None else "max_amount", _TOGETHER)
        elif low is not None and high is not None and high < low:
            message = f"“max_amount” {shown(high)} is less than “min_amount” {shown(low)}"
            yield Remark("max_amount", message, "Exchange the two.")
        if self.currency is None and (low is not None or high is not None):
            yield missing("currency", "Say in which currency the amounts are, as in EUR.")

    def _check_conversion(self) -> Remarks:
        rate, actual = self.conversion_rate, self.currency_actual
        yield from check_number("conversion_rate", rate, positive=True)
        if actual is not None and self.currency is None:
            yield missing("currency", "Say in which currency the amounts are, as in EUR.")
        if actual is not None and rate is None:
            yield missing("conversion_rate", "Say at which rate the amounts were converted.")
        if rate is not None and actual is None:
            yield missing("currency_actual", "Say which currency was really used, as in BTC.")
        if rate is not None and self.conversion_time is None:
            yield missing("conversion_time", "Say when the rate was taken.")
        if self.conversion_time is not None and rate is None:
            yield missing("conversion_rate", "Give the rate, or leave its time out.")
        yield from check_time("conversion_time", self.conversion_time)


@dataclass(frozen=True, slots=True)
class Physical:
    """What was damaged."""

    category: ClassVar[str] = "physical"
    impact_type: str | None
    asset_type: str | None = None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated."""
        return cls(foreign.word("impact_type"), foreign.word("asset_type"))

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_word("impact_type", self.impact_type, PHYSICAL_IMPACT, needed=True)
        needed = self.impact_type not in (None, "none")
        yield from check_word("asset_type", self.asset_type, ASSET_TYPE, needed=needed)


@dataclass(frozen=True, slots=True)
class Traceability:
    """Whether it can still be proven who did what."""

    category: ClassVar[str] = "traceability"
    traceability_impact: str | None

    @classmethod
    def read(cls, foreign: Foreign) -> Self:
        """Take what somebody stated."""
        return cls(foreign.word("traceability_impact"))

    def check(self) -> Remarks:
        """Tell what is odd."""
        yield from check_word(
            "traceability_impact", self.traceability_impact, TRACEABILITY, needed=True
        )


Kind = Availability | Confidentiality | External | Integrity | Economic | Physical | Traceability

KINDS: Final[Mapping[str, type[Kind]]] = {
    kind.category: kind
    for kind in (
        Availability,
        Confidentiality,
        Integrity,
        Economic,
        External,
        Physical,
        Traceability,
    )
}
"""Category → kind, in the order in which a page offers them."""


def kind_document(kind: Kind) -> dict[str, Any]:
    """Give the sub-extension that stands under `<category>-ext`."""
    stated = {one.name: getattr(kind, one.name) for one in fields(kind)}
    return {
        name: write_time(value) if isinstance(value, datetime) else value
        for name, value in stated.items()
        if value is not None
    }


def _check_currency(field: str, code: str | None) -> Remarks:
    if code is not None and _CURRENCY.fullmatch(code) is None:
        message = f"{shown(code)} is no code of a currency"
        hint = "Give a code of 2 to 10 capital letters and digits, as in EUR or BTC."
        yield Remark(field, message, hint)
