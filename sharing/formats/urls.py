"""URLs in a text: where one begins and ends, and whose host it names.

A URL ends where no URL goes on: at blanks, quotes, a bracket that was opened before it, the comma
before the next one. Each character is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sharing.formats.hosts import Host, read_ipv4, read_ipv6, read_name, read_port
from sharing.formats.known import Reason
from sharing.formats.recognised import Kind

MARK: Final = "://"
_LONGEST_SCHEME: Final = 6
_SCHEME: Final = re.compile(
    r"(?:https?|ftps?|sftp|tftp|tcp|udp|wss?|ldaps?|rmi|ircs?|ssh|rdp|smb|socks[45]?)$",
    re.IGNORECASE,
)
_RUN_END: Final = re.compile(r"""[\s"<>`|\\^\x00-\x1f\x7f“”«»„]""")
_STOPS: Final = re.compile(r"[()\[\]{}',;]")
_NEXT_URL: Final = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)
_CLOSERS: Final = {")": "(", "]": "[", "}": "{"}
_TRAILING: Final = ".,;:!?'*…"
_SHORTENED: Final = ("…", "...")
_AUTHORITY_END: Final = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class FoundUrl:
    """A URL where it stands in a text.

    Args:
        is_shortened: it ends in dots: its author did not write all of it.
    """

    start: int
    end: int
    text: str
    is_shortened: bool


@dataclass(frozen=True, slots=True)
class Url:
    """A URL with its scheme and host in small letters.

    Args:
        host: `None` where it names none that could be read.
        reason: why its host makes it nothing to be taken.
    """

    value: str
    host: Host | None
    has_path: bool
    reason: Reason | None


class Runs:
    """The runs of a text in which a URL could go on; each is measured once.

    Args:
        text: asked about from its beginning to its end.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0

    def end_of_url(self, start: int, body: int) -> int:
        """Give where a URL ends that starts here.

        Args:
            body: from where on a bracket or comma may end it.
        """
        if body >= self._end:
            ending = _RUN_END.search(self._text, body)
            self._end = ending.start() if ending else len(self._text)
        before = self._text[start - 1] if start else "\n"
        opened: list[str] = []
        for stop in _STOPS.finditer(self._text, body, self._end):
            char, place = stop[0], stop.start()
            if char in _CLOSERS.values():
                opened.append(char)
            elif char in _CLOSERS:
                if not opened or opened.pop() != _CLOSERS[char]:
                    return place
            elif char == "'":
                if before == "'":
                    return place
            elif before in ",;\t" or _NEXT_URL.match(self._text, place + 1):
                return place  # a table with commas, or a list
        return self._end


def find_urls(text: str) -> Iterator[FoundUrl]:
    """Give the URLs of a text, in order; they do not overlap."""
    runs = Runs(text)
    read, mark = 0, text.find(MARK)
    while mark >= 0:
        body = mark + len(MARK)
        scheme = _SCHEME.search(text[max(read, mark - _LONGEST_SCHEME) : mark])
        if scheme is not None:
            start = mark - len(scheme[0])
            read = runs.end_of_url(start, body)
            url, is_shortened = trimmed(text[start:read])
            if len(url) > body - start:
                yield FoundUrl(start, read, url, is_shortened=is_shortened)
        mark = text.find(MARK, max(read, body))


def trimmed(url: str) -> tuple[str, bool]:
    """Take off what ends a sentence; tell whether dots stand for what its author left out."""
    return url.rstrip(_TRAILING), url.endswith(_SHORTENED)


def read_url(text: str) -> Url | None:
    """Read a URL with or without its scheme; `None` where nothing could be a host."""
    scheme, mark, rest = text.partition(MARK)
    if not mark:
        scheme, rest = "", text
    ending = _AUTHORITY_END.search(rest)
    place = ending.start() if ending else len(rest)
    authority, path = rest[:place], rest[place:]
    user, at, place_text = authority.rpartition("@")
    if not place_text:
        return None
    host, port = _read_host_and_port(place_text)
    value = f"{scheme.lower()}{mark}{user}{at}{place_text.lower()}{path}"
    if host is None:
        return Url(value, None, path not in ("", "/"), Reason.NO_HOST)
    reason = host.reason
    if port == 0:
        reason = Reason.PORT
    return Url(value, host, path not in ("", "/"), reason)


def read_endpoint(text: str) -> tuple[Host, int] | None:
    """Read a host with its port; `None` where it is none, and port 0 where that can be none."""
    host, port = _read_host_and_port(text)
    return None if host is None or port is None else (host, port)


def _read_host_and_port(text: str) -> tuple[Host | None, int | None]:
    if text.startswith("["):
        address, bracket, after = text[1:].partition("]")
        if not bracket or (after and after[0] != ":"):
            return None, None
        host = read_ipv6(address)
        port_text = after[1:]
    else:
        name, _, port_text = text.partition(":")
        host = read_ipv4(name) or read_name(name)
    if host is None or (host.kind is not Kind.DOMAIN and "/" in host.value):
        return None, None
    if not port_text:
        return host, None
    if not (port_text.isascii() and port_text.isdigit()):
        return None, None
    return host, read_port(port_text) or 0
