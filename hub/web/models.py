"""What pages show: small frozen values, made from services' answers, read by templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policies.tlp import TLP


class Tone(StrEnum):
    """How a state looks; the word beside it says the same, so colour is never alone."""

    CALM = "calm"
    GOOD = "good"
    WAITING = "waiting"
    TROUBLE = "trouble"
    ENDED = "ended"


@dataclass(frozen=True)
class State:
    """A state as a badge shows it."""

    text: str
    tone: Tone = Tone.CALM


@dataclass(frozen=True)
class Place:
    """One entry of the navigation.

    Args:
        short: the word under the tab on a phone, where the full one is too long.
        count: how many things wait there.
    """

    name: str
    word: str
    drawing: str
    href: str
    short: str = ""
    count: int = 0


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for this person: what it is, and the page where one click does it.

    Args:
        first: somebody has called out to us, and waits: it stands above all else.
    """

    title: str
    sentence: str
    href: str
    act: str
    drawing: str
    tone: Tone = Tone.WAITING
    since: datetime | None = None
    due: datetime | None = None
    tlp: TLP | None = None
    first: bool = False


@dataclass(frozen=True)
class News:
    """What happened last in one channel, and asks for nothing.

    Args:
        said: how the newest words begin.
        more_count: how many entries of others came shortly before.
    """

    at: datetime
    sentence: str
    place: str
    href: str
    tlp: TLP | None = None
    said: str | None = None
    more_count: int = 0


@dataclass(frozen=True)
class Alarm:
    """A state of the node itself that everybody should know."""

    title: str
    sentence: str
    tone: Tone = Tone.TROUBLE


@dataclass(frozen=True)
class Today:
    """The first page: alarms, what waits (most urgent first), news (newest first)."""

    alarms: Sequence[Alarm] = ()
    waiting: Sequence[Waiting] = ()
    news: Sequence[News] = ()
