"""Ladders: closed lists of words in the order from harmless to grave."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Ladder(StrEnum):
    """A closed list in order, the least first. Compare by `rank`, never as text.

    A member is written as its value and the plain words that a person reads.
    """

    label: str
    rank: int

    def __new__(cls, value: str, label: str) -> Self:
        """Take the next higher rank."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        member.rank = len(cls.__members__)
        return member

    @classmethod
    def of(cls, value: str) -> Self:
        """Give the member with this value; `KeyError` where there is none."""
        return {word.value: word for word in cls}[value]
