"""What somebody else wrote, taken property by property: whatever it is, nothing here fails.

What can't be taken is left out, what is too long is cut, and a remark tells of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from policies.errors import InvalidError
from policies.taxonomies.vocabularies import WORD_CHARACTERS
from sharing.canonical import MAX_INTEGER, read_time
from sharing.incident.rules import (
    TEXT_CHARACTERS,
    WORDS,
    Remark,
    clean,
    is_integer,
    is_number,
    is_reference,
    shown,
)
from sharing.incident.times import Moment
from sharing.limits import REFERENCES

_TIME_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Foreign:
    """A JSON object from outside.

    Args:
        remarks: field → what is odd about it; the first remark stands.
        path: where the object stands, as in `scores[0]`.
    """

    value: Mapping[str, Any]
    remarks: dict[str, Remark]
    path: str = ""

    def remark(self, name: str, message: str) -> None:
        """Say that something is odd about a property."""
        field = self._where(name)
        self.remarks.setdefault(field, Remark(field, message))

    def text(self, name: str, limit: int = TEXT_CHARACTERS) -> str | None:
        """Take a text; an empty one says nothing."""
        text = self.value.get(name)
        if text is None:
            return None
        if not isinstance(text, str):
            self.remark(name, f"{shown(text)} is no text")
            return None
        return self.cut(name, text, limit) or None

    def word(self, name: str) -> str | None:
        """Take a word of a vocabulary, known or not."""
        return self.text(name, WORD_CHARACTERS)

    def words(
        self, name: str, limit: int = WORDS, length: int = WORD_CHARACTERS
    ) -> tuple[str, ...]:
        """Take a list of words or labels, each once."""
        words: dict[str, None] = {}
        for item in self._items(name, limit):
            if isinstance(item, str) and item:
                words[self.cut(name, item, length)] = None
            else:
                self.remark(name, f"{shown(item)} is no word")
        return tuple(words)

    def integer(self, name: str, most: int = MAX_INTEGER) -> int | None:
        """Take a whole number from 0 to `most`; true and false are none."""
        number = self.value.get(name)
        if number is None:
            return None
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, int) and is_integer(number) and 0 <= number <= most:
            return number
        self.remark(name, f"{shown(number)} is not a whole number from 0 to {most}")
        return None

    def number(self, name: str) -> float | None:
        """Take a number."""
        number = self.value.get(name)
        if number is None:
            return None
        if isinstance(number, int | float) and is_number(number):
            return number
        self.remark(
            name, f"{shown(number)} is not a number between −{MAX_INTEGER} and {MAX_INTEGER}"
        )
        return None

    def truth(self, name: str) -> bool:
        """Take a truth value; what is absent is false."""
        value = self.value.get(name)
        if value is not None and not isinstance(value, bool):
            self.remark(name, f"{shown(value)} is neither true nor false")
        return value is True

    def time(self, name: str) -> datetime | None:
        """Take a time."""
        text = self.value.get(name)
        if text is None:
            return None
        if isinstance(text, str) and len(text) <= _TIME_CHARACTERS:
            try:
                return read_time(text)
            except InvalidError as error:
                self.remark(name, clean(error.message))
                return None
        self.remark(name, f"{shown(text)} is no time")
        return None

    def moment(self, name: str) -> Moment | None:
        """Take a time, and how much of it is meant."""
        at, fidelity = self.time(name), self.word(f"{name}_fidelity")
        return None if at is None else Moment(at, fidelity)

    def ref(self, name: str, *types: str) -> str | None:
        """Take the id of an object of one of the types; no types means any."""
        ref = self.value.get(name)
        if ref is None:
            return None
        if isinstance(ref, str) and is_reference(ref, types):
            return ref
        self.remark(name, f"{shown(ref)} is no id that can stand here")
        return None

    def refs(self, *names: str, types: Collection[str] = ()) -> tuple[str, ...]:
        """Take a list of ids, each once.

        Args:
            names: the name of the property, and how it is misspelt.
        """
        refs: dict[str, None] = {}
        for name in names:
            for item in self._items(name, REFERENCES):
                if isinstance(item, str) and is_reference(item, types):
                    refs[item] = None
                else:
                    self.remark(name, f"{shown(item)} is no id that can stand here")
        return tuple(refs)

    def part(self, name: str) -> Foreign | None:
        """Take an object within, where there is one."""
        value = self.value.get(name)
        if isinstance(value, Mapping):
            return Foreign(value, self.remarks, self._where(name))
        if value is not None:
            self.remark(name, f"{shown(value)} is no object")
        return None

    def parts(self, name: str, limit: int) -> Iterator[Foreign]:
        """Take a list of objects."""
        for index, item in enumerate(self._items(name, limit)):
            if isinstance(item, Mapping):
                yield Foreign(item, self.remarks, self._where(f"{name}[{index}]"))
            else:
                self.remark(name, f"{shown(item)} is no object")

    def _where(self, name: str) -> str:
        """Give the path of a property, which may be named by somebody else."""
        name = clean(name[:WORD_CHARACTERS])
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def _items(self, name: str, limit: int) -> list[Any]:
        items = self.value.get(name)
        if items is None:
            return []
        if not isinstance(items, list):
            self.remark(name, f"{shown(items)} is no list")
            return []
        if len(items) > limit:
            self.remark(name, f"of {len(items)} items the first {limit} are read")
        return items[:limit]

    def cut(self, name: str, text: str, limit: int) -> str:
        """Give a text as it can be shown: cut, and without what is no character."""
        if len(text) > limit:
            self.remark(name, f"of {len(text)} characters the first {limit} are read")
        return clean(text[:limit])
