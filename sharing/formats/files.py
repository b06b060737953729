"""File names and paths, where a text clearly means one.

A name says little of a file, so only names with the ending of something that is run, opened or
unpacked are taken. Paths are found by where they begin: a drive, a share, a variable, `/tmp`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sharing.formats.known import PRODUCTS, SYSTEM_FILES, Reason

_ENDINGS: Final = frozenset(
    {
        "7z", "apk", "asp", "aspx", "bat", "bin", "cab", "chm", "class", "cmd", "cpl", "dat",
        "deb", "dll", "dmg", "doc", "docm", "docx", "dotm", "drv", "elf", "exe", "gz", "hta",
        "img", "ini", "iso", "jar", "js", "jse", "jsp", "kext", "ko", "lnk", "lzh", "macho",
        "msc", "msi", "msix", "msp", "ocx", "one", "pdf", "php", "pif", "pkg", "pl", "plist",
        "ppt", "pptm", "pptx", "ps", "ps1", "psm1", "py", "rar", "reg", "rpm", "rtf", "scr",
        "sct", "sh", "so", "sys", "tar", "tgz", "tmp", "vbe", "vbs", "vhd", "vhdx", "war",
        "wsf", "wsh", "xla", "xlam", "xll", "xls", "xlsb", "xlsm", "xlsx", "xz", "zip",
    }
)  # fmt: skip
_ENDINGS_AND_DOMAINS: Final = frozenset(
    {"cab", "md", "mov", "pl", "ps", "py", "rs", "sh", "so", "zip"}
)
"""Endings of files that are top-level domains too."""

_LONGEST_ENDING: Final = 12
_NAME: Final = re.compile(r"[\w.-]{1,255}")
_UNIX_ROOTS: Final = frozenset(
    {
        "Applications", "Library", "System", "Users", "Volumes", "bin", "boot", "data", "dev",
        "etc", "home", "lib", "lib64", "media", "mnt", "opt", "private", "proc", "root", "run",
        "sbin", "srv", "storage", "sys", "system", "tmp", "usr", "var", "vendor",
    }
)  # fmt: skip
_UNIX_PATH: Final = re.compile(r"(?:~|/[\w.-]{1,64})(?:/[\w.@%+~-]{1,255}){1,32}")

_WINDOWS_PATH: Final = re.compile(
    # In quotes a name may hold blanks; elsewhere only names that are known to.
    r"""
    (?P<quote>["'`])
    (?P<quoted>
      (?:[A-Za-z]:|%[A-Za-z][\w()]{1,40}%|\\\\[\w.$-]{1,63})
      (?:\\[^\\/:*?"'`<>|\x00-\x1f\x7f]{1,255}){1,32}
    )
    (?P=quote)
    | (?<![A-Za-z0-9\\])
    (?P<plain>
      (?:[A-Za-z]:|%[A-Za-z][\w()]{1,40}%|\\\\[\w.$-]{1,63})
      (?:\\(?:
          Program\ Files(?:\ \(x86\))? | Documents\ and\ Settings | Common\ Files | Start\ Menu
        | Application\ Data | Local\ Settings | All\ Users | Default\ User
        | \{[0-9A-Fa-f-]{36}\}
        | [^\\/:*?"<>|\s\x00-\x1f\x7f,;'`()\[\]{}=“”„«»…]{1,255}
      )){1,32}
    )
    """,
    re.VERBOSE,
)
_WINDOWS_DIRECTORIES: Final = ("\\windows\\system32", "\\windows\\syswow64", "\\windows")
_WINDOWS_VARIABLES: Final = ("%systemroot%", "%windir%")


def windows_paths(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Give start, end and text of each path of Windows between two places."""
    for match in _WINDOWS_PATH.finditer(text, start, end):
        path = match["quoted"] or match["plain"].rstrip(".!-")
        yield match.start(), match.end(), path


def read_path(path: str) -> tuple[str, Reason | None]:
    """Give a path of Windows as it is taken, and why it is not taken."""
    directory, _, name = path.rpartition("\\")
    if not has_ending(name):
        return path, Reason.DIRECTORY
    where = directory.lower()
    for variable in _WINDOWS_VARIABLES:
        where = where.replace(variable, "c:\\windows")
    if name.lower() in SYSTEM_FILES and where.endswith(_WINDOWS_DIRECTORIES):
        return path, Reason.SYSTEM_FILE
    return path, None


def read_unix_path(word: str) -> tuple[str, Reason | None] | None:
    """Read a path under a root that Unix systems have; `None` where it is none."""
    path = word.rstrip(".")
    if path.removesuffix("/") in SYSTEM_FILES:
        return path, Reason.SYSTEM_FILE
    if _UNIX_PATH.fullmatch(path.removesuffix("/")) is None:
        return None
    if path[0] == "/" and path.split("/", 2)[1] not in _UNIX_ROOTS:
        return None
    return path, Reason.DIRECTORY if path.endswith("/") else None


def read_file_name(word: str) -> tuple[str, Reason | None] | None:
    """Read a bare file name by its ending; `None` where it has none that is taken."""
    if _NAME.fullmatch(word) is None or not has_ending(word):
        return None
    name = word.lower()
    if name.rpartition(".")[2] not in _ENDINGS:
        return None
    if name in PRODUCTS:
        return word, Reason.PRODUCT
    return word, Reason.SYSTEM_FILE if name in SYSTEM_FILES else None


def is_file(name: str) -> bool:
    """Tell whether what reads as a domain is a file all the same: `a.pdf.zip`, `offer_2026.zip`."""
    stem, _, ending = name.rpartition(".")
    before = stem.rpartition(".")[2]
    # What is registered holds no underscore.
    return ending in _ENDINGS_AND_DOMAINS and (
        "_" in before or ("." in stem and before in _ENDINGS)
    )


def may_be_file(name: str) -> bool:
    """Tell whether what reads as a domain may as well be a file: `install.sh`."""
    stem, _, ending = name.rpartition(".")
    return ending in _ENDINGS_AND_DOMAINS and "." not in stem


def has_ending(name: str) -> bool:
    """Tell whether a name has an ending at all."""
    stem, dot, ending = name.rpartition(".")
    return bool(dot and stem.strip(".") and 0 < len(ending) <= _LONGEST_ENDING and ending.isalnum())
