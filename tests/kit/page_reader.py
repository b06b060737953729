"""A page as a browser reads it: its elements, its texts, its forms; and what was made of marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

from tests.kit.hostile_text import CONTROLS, MARK, TURNS

_VOID: Final = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta"})
_ADDRESSES: Final = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post"})
_SCHEMES: Final = frozenset({"", "mailto", "tel", "https"})
_WORDS: Final = frozenset({"value", "title", "aria-label", "placeholder"})
"""Attributes that hold words, and nothing but words."""
_TYPED: Final = frozenset({"text", "search", "number", "email", "url", "tel", "textarea"})
_ESCAPED_TWICE: Final = re.compile(MARK.pattern + r"(?:&lt;|&#|&amp;lt;b)", re.IGNORECASE)
_UNSEEN: Final = frozenset(TURNS + CONTROLS) - frozenset("[31m")


@dataclass
class Field:
    """One field of a form: what it is, and what it holds when nobody touches it."""

    name: str
    kind: str
    value: str
    options: list[str] = field(default_factory=list)
    checked: bool = False
    required: bool = False
    is_wrong: bool = False


@dataclass
class Form:
    """One form of a page."""

    method: str
    action: str
    fields: list[Field] = field(default_factory=list)

    @property
    def typed(self) -> list[Field]:
        """The fields that somebody types into."""
        return [one for one in self.fields if one.kind in _TYPED]


class PageReader(HTMLParser):
    """Reads a page, and finds fault with what hostile text was made into."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.faults: list[str] = []
        self.trouble: list[str] = []
        """What the page says went wrong."""
        self._troubled = 0
        self._open: list[str] = []
        self._form: Form | None = None
        self._area: Field | None = None
        self._select: Field | None = None
        self.feed(text)
        self.close()

    def shown(self) -> str:
        """Give all that a reader sees as text, fields included."""
        return "\n".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._judge(tag, given)
        if tag not in _VOID:
            self._open.append(tag)
            if {"is-trouble", "error"} & set(given.get("class", "").split()):
                self._troubled = self._troubled or len(self._open)
        self._collect(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._judge(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            self.faults.append(f"</{tag}> ends nothing")
        elif not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> where {self._open[-3:]} is open")
        else:
            self._open.pop()
            if len(self._open) < self._troubled:
                self._troubled = 0
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.value += data
        elif self._open and self._open[-1] in {"script", "style"} and data.strip():
            self.faults.append(f"a {self._open[-1]} of its own: {data[:60]}")
        else:
            unseen = sorted(_UNSEEN & set(data))
            if unseen:
                self.faults.append(f"{unseen} in {data[:60]!r}")
        if _ESCAPED_TWICE.search(data):
            self.faults.append(f"escaped twice: {data[:120]}")
        self.texts.append(data)
        if self._troubled and data.strip():
            self.trouble.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data[:60]}")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"an instruction: {data[:60]}")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"a declaration: {data[:60]}")

    def _judge(self, tag: str, given: dict[str, str]) -> None:
        self.faults += [f"<{tag}>: {fault}" for fault in _faults_of(tag, given)]
        self.texts += [value for name, value in given.items() if name in _WORDS]

    def _collect(self, tag: str, given: dict[str, str]) -> None:
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self._form = Form(given.get("method", "get"), given.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None:
            self._collect_field(self._form, tag, given)

    def _collect_field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "option" and self._select is not None:
            self._select.options.append(given.get("value", ""))
            if "selected" in given:
                self._select.value = given.get("value", "")
        elif tag in {"input", "textarea", "select", "button"} and name and "disabled" not in given:
            kind = given.get("type", "text") if tag == "input" else tag
            one = Field(
                name,
                kind,
                given.get("value", ""),
                checked="checked" in given,
                required="required" in given,
                is_wrong=given.get("aria-invalid") == "true",
            )
            form.fields.append(one)
            self._area = one if tag == "textarea" else None
            self._select = one if tag == "select" else None


def _faults_of(tag: str, given: dict[str, str]) -> Iterator[str]:
    if MARK.search(tag):
        yield "a mark became an element"
    for name, value in given.items():
        if MARK.search(name):
            yield f"a mark became the attribute {name}"
        if name.startswith("on") or name in {"style", "srcdoc"}:
            yield f"has {name}={value[:60]!r}"
        if name in _ADDRESSES:
            parts = urlsplit(value)
            if parts.scheme not in _SCHEMES or (parts.netloc and parts.scheme != "https"):
                yield f"{name} leads to {value[:80]!r}"
            if not value.isascii() or any(one in value for one in "<>\"' \r\n"):
                yield f"{name} is not written as an address: {value[:80]!r}"
        elif MARK.search(value) and name not in _WORDS:
            yield f"a mark stands in {name}={value[:60]!r}"
        if _ESCAPED_TWICE.search(value):
            yield f"{name} is escaped twice: {value[:120]!r}"
