"""Somebody who fills in every form of every page with text that tries to be more than text."""

from __future__ import annotations

import importlib
import pkgutil
import re
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter
from werkzeug.test import TestResponse

from hub.web import views
from hub.web.forms import PageForm
from tests.kit.hostile_text import MARK, NOTHING_BUT_A_CHARACTER, Marks, line, words
from tests.kit.nodes import RunningNode
from tests.kit.page_reader import Form, PageReader

_LIVELY: Final = frozenset(
    f"pages.get_{name}"
    for name in (
        "today",
        "case",
        "cases",
        "channel",
        "channels",
        "call",
        "community",
        "communities",
    )
) | {"pages.get_report", "pages.get_reports", "pages.get_invitation", "pages.get_case_told"}
"""Pages that change with what happens elsewhere."""
_ONE_AT_A_TIME: Final = frozenset({"pages.get_call", "pages.get_report", "pages.get_local_report"})
"""Pages on which one answer takes the place of all others."""
_TRIES: Final = 5
PAGES_OF_A_KIND: Final = 2
"""So many pages of one route are looked at in a round."""
OURS: Final = frozenset({"csrf_token", "rehearse"})


def forms_of_pages() -> dict[str, type[PageForm]]:
    """Give every form that a page takes, by its name; those that are only a base of others not."""
    for module in pkgutil.iter_modules(views.__path__):
        importlib.import_module(f"{views.__name__}.{module.name}")
    return {_name(one): one for one in _below(PageForm) if not one.__subclasses__()}


def texts_of(form: type[PageForm]) -> list[str]:
    """Give the fields of a form that take text."""
    return [name for name, one in form.model_fields.items() if _takes_text(one.annotation)]


def _below(form: type[PageForm]) -> Iterator[type[PageForm]]:
    for one in form.__subclasses__():
        if one.__module__.startswith("hub."):
            yield one
        yield from _below(one)


def _name(form: type[PageForm]) -> str:
    return f"{form.__module__.rpartition('.')[2]}.{form.__qualname__}"


def _takes_text(annotation: Any) -> bool:
    if annotation is str:
        return True
    if typing.get_origin(annotation) is Literal:
        return False
    return any(_takes_text(one) for one in typing.get_args(annotation))


@dataclass
class Filled:
    """What was given to forms, and what was done with it.

    Args:
        given: fields that hostile text was given to.
        taken: those in which it was taken, and acted on.
        refused: field → the sentence with which it was refused.
    """

    given: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    last: set[str] = field(default_factory=set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Remember what every form is given."""
        validate = PageForm.model_validate.__func__  # type: ignore[attr-defined]

        def watched(cls: type[PageForm], /, values: Mapping[str, Any], **more: Any) -> PageForm:
            found = {
                f"{_name(cls)}.{name}"
                for name, value in values.items()
                if name in cls.model_fields and MARK.search(str(value))
            }
            self.given |= found
            self.last = found
            form: PageForm = validate(cls, values, **more)
            return form

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PageForm, "model_validate", classmethod(watched))
            yield


@dataclass
class Visitor:
    """Walks through the pages of one node, as one person."""

    node: RunningNode
    client: FlaskClient
    marks: Marks
    filled: Filled
    valid: Mapping[str, str]
    """Field → what it is given where hostile text is refused."""
    grave: set[str]
    """Routes after which a world is another: they are done once nothing else is left."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Field → what is chosen there, where it is not the first that is offered."""
    often: Mapping[str, int] = field(default_factory=dict)
    """Route → how often it is filled in; else once."""
    roots: list[str] = field(default_factory=list)
    """Pages that are looked at before all others."""
    faults: list[str] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    """Places whose text stood on a page that was asked for."""
    written: set[str] = field(default_factory=set)
    """Places whose text was taken."""
    done: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    idle: set[str] = field(default_factory=set)
    """Routes whose pages have nothing left to fill in."""
    stuck: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.adapter: MapAdapter = self.node.app.url_map.bind("127.0.0.1")

    # Looking.

    def look(self, path: str, **query: str) -> PageReader | None:
        """Read a page; `None` where it leads elsewhere."""
        return self._read(path, self.client.get(path, query_string=query or None))

    def pages(self) -> Iterator[tuple[str, PageReader]]:
        """Walk through all pages that lead to each other, some of each kind."""
        waiting = [*self.roots, *self._roots()]
        seen = set(waiting)
        kinds: Counter[str] = Counter()
        while waiting:
            path = waiting.pop(0)
            route = self.route(path, "GET")
            if not route.startswith("pages.") or route == "pages.get_asset":
                continue
            kinds[route] += 1
            if kinds[route] > (PAGES_OF_A_KIND if route in _LIVELY else 1):
                continue
            if route in self.idle:
                continue
            page = self.look(path)
            if page is None:
                continue
            yield path, page
            for link in page.links:
                there = urlsplit(urljoin(path, link))
                where = there.path + (f"?{there.query}" if there.query else "")
                if not there.scheme and not there.netloc and where not in seen:
                    seen.add(where)
                    waiting.append(where)

    def route(self, path: str, method: str) -> str:
        """Give the route that answers at an address."""
        try:
            endpoint, _ = self.adapter.match(urlsplit(path).path, method=method)
        except HTTPException:
            return ""
        return str(endpoint)

    # Filling in.

    def sweep(self) -> int:
        """Fill in every form that was not filled in yet; give how many were taken."""
        taken = 0
        for path, page in self.pages():
            left = [(form, self.route(form.action, "POST")) for form in page.forms]
            left = [(form, route) for form, route in left if self._is_left(route)]
            for form, route in left:
                fits = route not in self.grave and self._is_left(route)
                if fits and self.fill(path, form, route):
                    taken += 1
                    if self.route(path, "GET") in _ONE_AT_A_TIME:
                        break
            if not left and self.route(path, "GET") not in _LIVELY:
                self.idle.add(self.route(path, "GET"))
        return taken

    def _is_left(self, route: str) -> bool:
        return bool(route) and self.done[route] < self.often.get(route, 1)

    def fill(self, path: str, form: Form, route: str) -> bool:
        """Try a form with what it must refuse, then with what it may take; tell if it did."""
        if not self.tried[route]:
            self.tried[route] += 1
            self._spoil(path, form, route)
        chosen = {one.name: self._hostile(route, one.name, one.kind) for one in form.typed}
        for _ in range(_TRIES):
            answer, page = self._send(path, form, chosen)
            if _is_done(answer):
                self.done[route] += 1
                self.filled.taken |= self.filled.last
                written = [name for name, text in chosen.items() if MARK.search(text)]
                self.written |= {f"{route}.{name}" for name in written}
                return True
            wrong, before = _wrong(page, form), dict(chosen)
            for name in wrong:
                self.filled.refused[f"{route}.{name}"] = "marked"
                chosen[name] = self._valid(route, name)
            if page is not None:
                trouble = " / ".join(" ".join(one.split()) for one in page.trouble)
                self.stuck[f"{self.node.name} {route}"] = f"{path} {wrong} {trouble}"
            if not wrong or before == chosen:
                break
        return False

    def knock(self, route: str, names: Iterable[str]) -> None:
        """Send a form that no page of this world offers, hostile in every field that there is."""
        given = {name: self._hostile(route, name) for name in names}
        rule = next(one for one in self.node.app.url_map.iter_rules() if one.endpoint == route)
        here = {name: str(UUID(int=1)) for name in rule.arguments}
        path = self.adapter.build(route, here)
        answer = self.client.post(path, data={**given, "csrf_token": self.token()})
        self._read(f"POST {route}", answer)

    def token(self) -> str:
        """Give the token that forms of this person carry."""
        page = PageReader(self.client.get("/account").text)
        return next(
            one.value for form in page.forms for one in form.fields if one.name == "csrf_token"
        )

    def _spoil(self, path: str, form: Form, route: str) -> None:
        """Give what can be chosen the wrong value, and what is typed what no database takes.

        The refusal stands beside each field that somebody typed into.
        """
        given = {one.name: self._hostile(route, one.name) for one in form.fields}
        given |= {one.name: given[one.name] + NOTHING_BUT_A_CHARACTER for one in form.typed}
        answer, page = self._send(path, form, given)
        if not form.typed:
            return
        unmarked = {one.name for one in form.typed} - _wrong(page, form)
        if unmarked and any(one.kind == "hidden" for one in form.fields):
            # Whom or what it is about was wrong as well, so the page could not place it.
            given = {one.name: given[one.name] for one in form.typed}
            answer, page = self._send(path, form, given)
            unmarked = {one.name for one in form.typed} - _wrong(page, form)
        if unmarked or answer.status_code == HTTPStatus.SEE_OTHER:
            self.faults.append(
                f"{route}: U+0000 is answered with {answer.status_code}, {unmarked} not marked"
            )

    def _valid(self, route: str, name: str) -> str:
        return self.valid.get(name, "").format(m=self.marks.at(f"{route}.{name}"))

    def _hostile(self, route: str, name: str, kind: str = "text") -> str:
        mark = self.marks.at(f"{route}.{name}")
        return words(mark) if kind == "textarea" else line(mark)

    def _send(
        self, path: str, form: Form, given: Mapping[str, str]
    ) -> tuple[TestResponse, PageReader | None]:
        data: dict[str, list[str]] = {}
        for one in form.fields:
            if one.name == "rehearse":
                continue
            value = given.get(one.name) if one.name not in OURS else None
            if value is None and one.kind in {"select", "radio"}:
                value = self.chosen.get(one.name)
                value = value if value is None or value in (one.options or [value]) else None
            if value is not None:
                data[one.name] = [value]
            elif one.kind in {"radio", "checkbox"}:
                if one.checked or (one.name not in data and one.value != "yes"):
                    data[one.name] = [one.value]
            elif one.kind == "select":
                data[one.name] = [one.value or ("" if "" in one.options else one.options[0])]
            elif one.kind == "button":
                data.setdefault(one.name, [one.value])
            else:
                data[one.name] = [one.value]
        self.filled.last = set()
        answer = self.client.post(form.action or path, data=data)
        return answer, self._read(f"POST {form.action or path}", answer)

    def _read(self, path: str, answer: TestResponse) -> PageReader | None:
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.faults.append(f"{self.node.name} {path}: {answer.status_code}")
        if answer.mimetype != "text/html" or answer.status_code in {302, 303}:
            where = answer.headers.get("Location", "")
            if MARK.search(where) and not where.startswith("/"):
                self.faults.append(f"{path} leads to {where}")
            return None
        page = PageReader(answer.text)
        self.faults += [f"{self.node.name} {path}: {fault}" for fault in page.faults]
        if answer.request.method == "GET":
            self.shown |= self.marks.named(page.shown())
        return page

    def _roots(self) -> Iterator[str]:
        for rule in self.node.app.url_map.iter_rules():
            if rule.endpoint.startswith("pages.get_") and not rule.arguments:
                yield str(rule.rule)


def _is_done(answer: TestResponse) -> bool:
    """Tell whether an act was done, and nobody was only led to the door or to begin anew."""
    return answer.status_code < HTTPStatus.BAD_REQUEST and not re.fullmatch(
        r"/(sign-in.*)?", answer.headers.get("Location", "done")
    )


def _wrong(page: PageReader | None, form: Form) -> set[str]:
    """Give the fields of a form that a page marks as wrong."""
    if page is None:
        return set()
    forms = [other for other in page.forms if other.action == form.action]
    return {one.name for other in forms for one in other.fields if one.is_wrong}
