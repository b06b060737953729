"""Times of the suite: how much of one is meant, and that nothing ends before it began.

Source: OASIS Incident Core Extension 2.1, timestamp fidelity; rule IE-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from policies.taxonomies.vocabularies import TIMESTAMP_FIDELITY
from sharing.incident.rules import Remark, Remarks, check_word

_FIRST_YEAR: Final = 1000
"""Years before have fewer digits, and nothing of ours happened then."""

_LAST: Final = datetime.max.replace(tzinfo=UTC)

_SINCE: Final[Mapping[str, Mapping[str, int]]] = {
    "year": {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "month": {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "day": {"hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "hour": {"minute": 0, "second": 0, "microsecond": 0},
    "minute": {"second": 0, "microsecond": 0},
    "second": {"microsecond": 0},
}
_LENGTHS: Final[Mapping[str, timedelta]] = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, and how much of it is meant: `day` means any instant of that day, in UTC.

    Args:
        at: with a time zone; written to the millisecond.
        fidelity: `year` to `second`; `None` where nothing was said: the time as it stands.
    """

    at: datetime
    fidelity: str | None = None

    @property
    def earliest(self) -> datetime:
        """The first instant that may be meant."""
        at = self.at.astimezone(UTC)
        since = _SINCE.get(self.fidelity or "")
        return at if since is None else at.replace(**since)  # type: ignore[arg-type]

    @property
    def latest(self) -> datetime:
        """The first instant after all that may be meant; the time itself where it is exact."""
        first = self.earliest
        try:
            if self.fidelity == "year":
                return first.replace(year=first.year + 1)
            if self.fidelity == "month":
                return (first + timedelta(days=31)).replace(day=1)
            return first + _LENGTHS.get(self.fidelity or "", timedelta())
        except (OverflowError, ValueError):
            return _LAST


def check_time(field: str, at: datetime | None) -> Remarks:
    """Check that a time can be written."""
    if at is None:
        return
    if at.tzinfo is None:
        yield Remark(field, f"“{field}” has no time zone", "Give it in UTC.")
        return
    try:
        year = at.astimezone(UTC).year
    except OverflowError:
        year = 0
    if year < _FIRST_YEAR:
        message = f"“{field}” is not a time between the years {_FIRST_YEAR} and 9999"
        yield Remark(field, message, "Correct the year.")


def check_period(start: Moment | None, end: Moment | None) -> Remarks:
    """Check a beginning and an end, either of which may be unknown."""
    odd = False
    for field, moment in (("start_time", start), ("end_time", end)):
        if moment is None:
            continue
        for remark in check_time(field, moment.at):
            odd = True
            yield remark
        yield from check_word(f"{field}_fidelity", moment.fidelity, TIMESTAMP_FIDELITY)
    if not odd and start is not None and end is not None and end.at < start.at:
        yield Remark(
            "end_time",
            "“end_time” lies before “start_time”",
            "Give the end no earlier than the start; of an end that is known to the day, any"
            " instant of that day will do.",
        )
