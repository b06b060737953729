"""Plain text: indicators found in prose, tables and logs, harmless ones named as such.

One pass from the beginning to the end: URLs first, then paths of Windows, then words. Nothing is
looked at more often than a fixed number of times, so hostile text costs what its length costs.
"""

from __future__ import annotations

import re
from typing import Final

from sharing.formats.files import read_path, windows_paths
from sharing.formats.known import Reason
from sharing.formats.labels import label_in
from sharing.formats.patterns import of_path, of_url
from sharing.formats.recognised import (
    Collected,
    ContextKind,
    Finding,
    Form,
    Kind,
    Recognised,
    name_of,
)
from sharing.formats.refang import Refanged, refang
from sharing.formats.urls import FoundUrl, Runs, find_urls, read_url, trimmed
from sharing.formats.words import Seen, as_number, read_word

LONGEST_WORD: Final = 1024
_NUMBER: Final = re.compile(r"\d{1,10}", re.ASCII)

_WORD: Final = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]:\d{1,5}|[\w.@:/\\%~+$-]+")
_BEHIND: Final = ".:-+~$%@\\"
_IN_FRONT: Final = ".:-+~$%@\\/"
_WITH_GAP: Final = re.compile(
    r"(?=[0-9A-Fa-f])[0-9A-Fa-f:]{0,40}::[0-9A-Fa-f:]{0,40}(?:/\d{1,3})?\.?"
    r"|::[0-9A-Fa-f:]{1,40}(?:\.\d{1,3}){0,3}(?:/\d{1,3})?\.?",
    re.ASCII,
)
"""As IPv6 addresses are written short; here colons at either end belong to the word."""
_LABEL: Final = re.compile(r"[A-Za-z][\w-]{0,30}:+(?=.)")
_SEPARATORS: Final = re.compile(r"([:/\\@]+)")
_URL_GOES_ON: Final = frozenset("?&=#")

_VERSION_WORDS: Final = frozenset(
    {
        "build", "chapter", "clause", "clauses", "firmware", "release", "releases", "section",
        "sections", "ver", "version", "versionen", "versions",
    }
)  # fmt: skip
_BETWEEN_VERSIONS: Final = frozenset(
    {"and", "before", "bis", "number", "or", "prior", "through", "to", "und", "until", "up", "vor"}
)

_NOT_OF_FILES: Final = frozenset(
    {
        "authentihash", "certificate", "commit", "fingerprint", "guid", "imphash", "ja3", "ja3s",
        "pehash", "richhash", "serial", "thumbprint", "uuid", "vhash",
    }
)  # fmt: skip
_OF_FILES: Final = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256, Kind.SHA512})


def read_text(text: str) -> Recognised:
    """Find the indicators of a text.

    Raises:
        TooLargeError: more of them than are taken at once.
    """
    return _Scan(refang(text)).whole()


class _Scan:
    """One reading of one text; what it remembers is where it stands."""

    def __init__(self, source: Refanged) -> None:
        self._source = source
        self._text = source.text
        self._runs = Runs(source.text)
        self._found = Collected(Form.TEXT, marking=label_in(source.text))
        self._marking = self._found.marking
        self._counts_versions = False
        self._word_before = ""

    def whole(self) -> Recognised:
        read = 0
        for url in find_urls(self._text):
            self._read_between(read, url.start)
            self._read_url(url)
            read = url.end
        self._read_between(read, len(self._text))
        return self._found.whole()

    def _read_url(self, found: FoundUrl) -> None:
        url = read_url(found.text)
        if url is None:
            return
        reason = Reason.SHORTENED if found.is_shortened else url.reason
        was_defanged = self._source.was_defanged(found.start, found.end)
        if (reason is Reason.REFERENCE and was_defanged) or (
            reason is Reason.WELL_KNOWN and url.has_path
        ):
            reason = None
        self._take(Seen(Kind.URL, url.value, "" if reason else of_url(url.value), reason))

    def _read_between(self, start: int, end: int) -> None:
        """Read what stands between two URLs."""
        for path_start, path_end, path in windows_paths(self._text, start, end):
            self._read_words(start, path_start)
            value, reason = read_path(path)
            self._take(Seen(Kind.FILE_PATH, value, "" if reason else of_path(value), reason))
            start = path_end
        self._read_words(start, end)

    def _read_words(self, start: int, end: int) -> None:
        read = start
        for match in _WORD.finditer(self._text, start, end):
            if match.start() < read:
                continue
            if "\n" in self._text[read : match.start()]:
                self._counts_versions = False
            read = match.end()
            core = _core(match[0])
            if core.isalpha():
                self._remember(core)
            elif core:
                read = self._read_core(core, match, end)
            self._word_before = core

    def _remember(self, core: str) -> None:
        small = core.lower()
        if small in _VERSION_WORDS:
            self._counts_versions = True
        elif small not in _BETWEEN_VERSIONS:
            self._counts_versions = False

    def _read_core(self, core: str, match: re.Match[str], end: int) -> int:
        """Read what holds more than letters; give where it ends."""
        start, read = match.span()
        was_defanged = self._source.was_defanged(start, read)
        follows = self._text[read : read + 1]
        seen = None
        if self._word_before == "ASN" and _NUMBER.fullmatch(core):
            seen = as_number(core)
        elif len(core) <= LONGEST_WORD:
            seen = self._read_one(core, follows, was_defanged=was_defanged)
        if seen is None:
            self._read_pieces(core, was_defanged=was_defanged)
        elif seen.kind is Kind.URL and follows in _URL_GOES_ON and match[0].endswith(core):
            read = self._read_on(seen, read, end)
        else:
            is_version = seen.kind is Kind.IPV4 and self._counts_versions and not was_defanged
            self._take(_as_version(seen) if is_version else _as_hash(seen, self._word_before))
        self._counts_versions &= core[0].isdigit() or core[0] in "vV"
        return read

    @staticmethod
    def _read_one(core: str, follows: str, *, was_defanged: bool) -> Seen | None:
        seen = read_word(core, was_defanged=was_defanged, follows=follows)
        label = None if seen else _LABEL.match(core)
        rest = "" if label is None else _core(core[label.end() :])
        if label is None or not rest:
            return seen
        seen = read_word(rest, was_defanged=was_defanged, follows=follows)
        return None if seen is None else _as_hash(seen, label[0].rstrip(":"))

    def _read_pieces(self, core: str, *, was_defanged: bool) -> None:
        """Read what colons, slashes and the like hold together."""
        before, separator = "", ""
        for index, piece in enumerate(_SEPARATORS.split(core)):
            if index % 2:
                separator = piece
                continue
            if len(piece) > LONGEST_WORD:
                self._found.leave_out("text", Reason.GAPLESS, piece)
            elif word := _core(piece):
                seen = read_word(word, was_defanged=was_defanged, follows="")
                # As in a user agent: `Chrome/120.0.0.0`.
                is_version = separator == "/" and before[:1].isalpha() and not was_defanged
                if seen is not None:
                    self._take(_as_version(seen) if is_version else seen)
            before = piece

    def _read_on(self, seen: Seen, read: int, end: int) -> int:
        """Read a URL without scheme to its end, which lies behind what makes a word."""
        stop = min(self._runs.end_of_url(read - len(seen.value), read), end)
        rest, is_shortened = trimmed(self._text[read:stop])
        value = f"{seen.value}{rest}"
        reason = Reason.SHORTENED if is_shortened else seen.reason
        self._take(Seen(Kind.URL, value, "" if reason else of_url(value), reason))
        return stop

    def _take(self, seen: Seen) -> None:
        if isinstance(seen.kind, ContextKind):
            self._found.add_context(seen.kind, seen.value)
        elif seen.reason is not None:
            self._found.leave_out(seen.kind, seen.reason, seen.value)
        else:
            name = name_of(seen.kind, seen.value)
            self._found.add(
                Finding(seen.kind, seen.value, seen.pattern, name, marking=self._marking)
            )


def _core(word: str) -> str:
    """Take off what stands around a word."""
    if _WITH_GAP.fullmatch(word):
        return word.rstrip(".")
    core = word.rstrip(_BEHIND)
    if not core.startswith(("/", "~/")):
        core = core.rstrip("/").rstrip(_BEHIND).lstrip(_IN_FRONT)
    return core.strip("_") if core[:1] == core[-1:] == "_" else core


def _as_hash(seen: Seen, before: str) -> Seen:
    """Hold a hash against the word before it, which may say that it is not one of a file."""
    if seen.kind not in _OF_FILES or seen.reason or before.lower() not in _NOT_OF_FILES:
        return seen
    return Seen(seen.kind, seen.value, reason=Reason.NO_FILE_HASH)


def _as_version(seen: Seen) -> Seen:
    if seen.kind is not Kind.IPV4 or seen.reason is not None:
        return seen
    return Seen(seen.kind, seen.value, reason=Reason.VERSION)
