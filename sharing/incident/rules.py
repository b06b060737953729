"""What a property may say: each rule gives the remarks that there are, none where all is well.

Who writes is refused with the first of them; who reads keeps them beside what was read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.errors import InvalidError
from policies.taxonomies.vocabularies import WORD_CHARACTERS, Vocabulary
from sharing.canonical import MAX_INTEGER
from sharing.objects import is_stix_id

NAME_CHARACTERS: Final = 250
TEXT_CHARACTERS: Final = 20_000
LABELS: Final = 200
WORDS: Final = 200
SCORES: Final = 50
CHANGES: Final = 200
ENTITY_TYPES: Final = 100

NO_DOMAIN_OBJECTS: Final = frozenset(
    {
        "bundle",
        "extension-definition",
        "language-content",
        "marking-definition",
        "relationship",
        "sighting",
        "signed-bundle",
    }
)
"""Types that nothing happens to: neither domain objects nor observables."""

OBSERVABLES: Final = frozenset(
    {
        "artifact",
        "autonomous-system",
        "directory",
        "domain-name",
        "email-addr",
        "email-message",
        "file",
        "ipv4-addr",
        "ipv6-addr",
        "mac-addr",
        "mutex",
        "network-traffic",
        "process",
        "software",
        "url",
        "user-account",
        "windows-registry-key",
        "x509-certificate",
    }
)

_SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Remark:
    """What is odd about a property.

    Args:
        field: as a path in the object or, of an extension, within it: `scores[0].value`.
        hint: what to write instead.
    """

    field: str
    message: str
    hint: str | None = None


Remarks = Iterator[Remark]


def refuse(remarks: Iterable[Remark]) -> None:
    """Refuse what is written with the first remark, if there is any.

    Raises:
        InvalidError: it names the field, says what is wrong and what to write.
    """
    for remark in remarks:
        raise InvalidError(remark.message, field=remark.field, hint=remark.hint)


def clean(text: str) -> str:
    """Give a text without what is no character, so that it can be stored and shown."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x00", "\ufffd")


def shown(value: Any) -> str:
    """Give a few characters of any JSON value, for a sentence."""
    if isinstance(value, str):
        return f"“{clean(value[:_SHOWN_CHARACTERS])}”"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "a very large number"
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "an object"


def missing(field: str, hint: str) -> Remark:
    """Say that a property is missing."""
    return Remark(field, f"“{field}” is missing", hint)


def check_text(
    field: str, text: str | None, limit: int = TEXT_CHARACTERS, *, line: bool = False
) -> Remarks:
    """Check a text.

    Args:
        line: it is one line of printable characters.
    """
    if text is None:
        return
    if len(text) > limit:
        yield Remark(
            field, f"{len(text)} characters are more than the {limit} allowed", "Shorten it."
        )
    elif "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        yield Remark(field, f"“{field}” holds what is no character", "Take it out.")
    elif line and not (text.isprintable() and text.strip()):
        yield Remark(
            field,
            f"“{field}” is not one line of printable characters",
            "Write it in one line, and longer matter into the description.",
        )


def check_word(
    field: str, word: str | None, vocabulary: Vocabulary, *, needed: bool = False
) -> Remarks:
    """Check a word of a vocabulary.

    Args:
        needed: it has to be there.
    """
    choices = ", ".join(term.key for term in vocabulary.terms)
    if word is None:
        if needed:
            yield missing(field, f"Choose one of {choices}.")
    elif not vocabulary.takes(word):
        if vocabulary.is_open:
            message = f"{shown(word)} is not a word of lower-case letters and digits with dashes"
            hint = (
                f"Choose one of {choices}; or write a word of your own like that, of at most"
                f" {WORD_CHARACTERS} characters."
            )
        else:
            message, hint = f"{shown(word)} is not one of {choices}", "Choose one of them."
        yield Remark(field, message, hint)


def check_words(field: str, words: Sequence[str], vocabulary: Vocabulary) -> Remarks:
    """Check a list of words; the first that is odd is told."""
    yield from _check_list(field, words, WORDS)
    for index, word in enumerate(words):
        odd = next(check_word(f"{field}[{index}]", word, vocabulary), None)
        if odd is not None:
            yield odd
            return


def check_labels(labels: Sequence[str]) -> Remarks:
    """Check labels; the first that is odd is told."""
    yield from _check_list("labels", labels, LABELS)
    for index, label in enumerate(labels):
        odd = next(check_text(f"labels[{index}]", label, NAME_CHARACTERS, line=True), None)
        if odd is not None:
            yield odd
            return


def check_integer(
    field: str, value: int | None, *, most: int = MAX_INTEGER, needed: bool = False
) -> Remarks:
    """Check a whole number from 0 to `most`; true and false are none."""
    if value is None:
        if needed:
            yield missing(field, f"Give a whole number from 0 to {most}.")
    elif not is_integer(value) or not 0 <= value <= most:
        yield Remark(
            field,
            f"{shown(value)} is not a whole number from 0 to {most}",
            "Give such a number, or leave it out where nothing is known.",
        )


def check_number(field: str, value: float | None, *, positive: bool = False) -> Remarks:
    """Check a number that can be written exactly."""
    if value is None:
        return
    if not is_number(value):
        yield Remark(
            field,
            f"{shown(value)} is not a number between −{MAX_INTEGER} and {MAX_INTEGER}",
            "Give such a number.",
        )
    elif positive and value <= 0:
        yield Remark(
            field,
            f"{shown(value)} is not more than 0",
            "Give a number above 0, or leave it out where nothing is known.",
        )


def is_integer(value: object) -> bool:
    """Tell whether this is a whole number and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether this is a finite number of a size that every reader takes."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_INTEGER if isinstance(value, int) else _is_bounded(value)


def _is_bounded(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MAX_INTEGER


def is_reference(ref: str, types: Collection[str], never: Collection[str] = ()) -> bool:
    """Tell whether this is the id of an object that may stand here.

    Args:
        types: those that may; none means any.
        never: types that may not.
    """
    stix_type = ref.partition("--")[0]
    return is_stix_id(ref) and (not types or stix_type in types) and stix_type not in never


def check_refs(
    field: str,
    refs: Sequence[str],
    *types: str,
    never: Collection[str] = (),
    limit: int,
    but: str | None = None,
) -> Remarks:
    """Check a list of ids; the first that is odd is told.

    Args:
        but: the id of the object itself, which may not refer to itself.
    """
    yield from _check_list(field, refs, limit)
    for index, ref in enumerate(refs):
        odd = next(check_ref(f"{field}[{index}]", ref, *types, never=never, but=but), None)
        if odd is not None:
            yield odd
            return


def check_ref(
    field: str,
    ref: str | None,
    *types: str,
    never: Collection[str] = (),
    but: str | None = None,
) -> Remarks:
    """Check an id that refers to an object, which need not be here."""
    if ref is None:
        return
    if not is_reference(ref, types, never):
        wanted = (
            f"the id of {_article(types)}" if types else "the id of an object that can stand here"
        )
        hint = f"Give an id like {types[0]}--UUID." if types else "Give the id of a domain object."
        yield Remark(field, f"{shown(ref)} is not {wanted}", hint)
    elif ref == but:
        yield Remark(field, "an object does not refer to itself", "Leave this reference out.")


def _article(types: Sequence[str]) -> str:
    return " or ".join(f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in types)


def _check_list(field: str, items: Sequence[str], limit: int) -> Remarks:
    if len(items) > limit:
        yield Remark(field, f"{len(items)} items are more than the {limit} allowed", "Shorten it.")
    elif len(set(items)) != len(items):
        yield Remark(field, f"“{field}” names something twice", "Name each once.")
