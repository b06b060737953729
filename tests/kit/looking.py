"""All that somebody can look at: each answer of the interface, each page, each collection.

What is seen is a mapping of addresses to what came back, so that two worlds can be compared.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import requests
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from federation.identity.origins import Destination
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from federation.partners.partner_records import PartnerRecord
from hub.accounts.records import ApiToken, User
from hub.calls.records import IssuedCall
from hub.cases.records import CaseView
from hub.reports.records import LocalReport, SentReport
from sharing.taxii.resources import TAXII_21
from tests.kit.nodes import RunningNode
from tests.kit.staged import Steps

Seen = Mapping[str, str]
"""Address → status and content."""

_API: Final = "/api/v1"
_TAXII: Final = "/taxii2/channels/collections/"
_LINK: Final = re.compile(r'\shref="(/[^"#]*)')
_CHANNEL: Final = re.compile(r"/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=[/?]|$)")
_FORM_TOKEN: Final = re.compile(r'(name="csrf_token"[^>]*value=")[^"]*')
_REF: Final = re.compile(r'"ref": ?"([^"]+)"')
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_NOT_FOLLOWED: Final = ("/static/", "/sign-in", "/api/")
_LINES: Final = 10
_ADDRESSES: Final = 6


@dataclass(frozen=True)
class Person:
    """Somebody with an account, in a browser and with a token for tools."""

    name: str
    password: str
    headers: Mapping[str, str]


class Look:
    """What can be seen on one node.

    The interface is the same on each, and takes long to describe itself: it is asked once.

    Args:
        channels: of which channels all is looked at; others are seen in lists.
        steps: what time it is, and what looks like chance.
        closely: of which channels it is also asked who holds each entry and object.
    """

    _templates: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, node: RunningNode, channels: Iterable[str], steps: Steps, closely: Iterable[str] = ()
    ) -> None:
        self._node, self._channels, self._steps = node, tuple(channels), steps
        self._closely = frozenset(closely)

    def answers(self, person: Person, below: str = "/") -> Seen:
        """Give all that a person may get from the interface for programs, below an address."""
        if not Look._templates:
            paths = self._ask("/openapi.json", {}, _API).get_json()["paths"]
            Look._templates = tuple(sorted(path for path in paths if "get" in paths[path]))
        places = self._places()
        seen: dict[str, str] = {}
        # What a history names comes before who holds it.
        for template in self._templates:
            for path in _filled(template.removeprefix(_API), places):
                if path.startswith(below):
                    content = seen[path] = _content_of(self._ask(path, person.headers, _API))
                    if path.endswith("/entries") and path.split("/")[2] in self._closely:
                        refs = sorted(set(_REF.findall(content)))
                        places["channel object"] += [(path.split("/")[2], ref) for ref in refs]
        return seen

    def pages(self, person: Person) -> Seen:
        """Give all pages that links lead to, from the first one on."""
        browser = self._signed_in(person)
        seen: dict[str, str] = {}
        ahead = ["/", "/administration/audit"]
        while ahead:
            path = ahead.pop(0)
            if path in seen:
                continue
            self._steps.repeat()
            content = seen[path] = _content_of(browser.get(path, buffered=True))
            ahead += [link for link in sorted(set(_LINK.findall(content))) if self._follows(link)]
        return seen

    def collections(self, headers: Mapping[str, str]) -> Seen:
        """Give all that a tool may read over TAXII, and what it gets for asking for more."""
        return {path: _content_of(self._ask(path, headers)) for path in _collected(self._channels)}

    def served_to(self, partner: RunningNode) -> Seen:
        """Give all that this node serves to another one that asks, and what it refuses."""
        node = self._node
        destination = Destination(node.base_url, node.organisation)
        with partner.app.app_context():
            token = partner.office.exchanges.http.token(destination)
        headers = {"Accept": TAXII_21, "Authorization": f"Bearer {token}"}
        receipts = [
            f"/federation/channels/{one}/receipts/?epoch=1&since_seq=0" for one in self._channels
        ]
        seen = {}
        for path in ("/federation/heads/", *receipts, *_collected(self._channels)):
            self._steps.repeat()
            answer = requests.get(f"{node.base_url}{path}", headers=headers, timeout=20)
            noted = {"etag": answer.headers.get("ETag"), "length": len(answer.content)}
            seen[path] = f"{answer.status_code} {json.dumps(noted)}\n{answer.text}"
        return seen

    def _ask(self, path: str, headers: Mapping[str, str], below: str = "") -> TestResponse:
        self._steps.repeat()
        given = {"Accept": TAXII_21} if path.startswith("/taxii2") else {}
        client = self._node.app.test_client()
        return client.get(f"{below}{path}", headers={**given, **headers}, buffered=True)

    def _signed_in(self, person: Person) -> FlaskClient:
        self._steps.go_on()
        browser = self._node.app.test_client()
        token = browser.get("/sign-in").text.split('name="csrf_token" value="', 1)[1]
        form = {
            "name": person.name,
            "password": person.password,
            "csrf_token": token.split('"', 1)[0],
        }
        answer = browser.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.text
        return browser

    def _follows(self, link: str) -> bool:
        if link.startswith(_NOT_FOLLOWED):
            return False
        channels = _CHANNEL.findall(link)
        if "/holders/" in link:
            return all(one in self._closely for one in channels)
        return "/here/" in link or all(one in self._channels for one in channels)

    def _places(self) -> Mapping[str, list[tuple[str, ...]]]:
        """Give what can stand in addresses: names of parameters → values that go together."""
        here = self._channels
        with self._node.reading() as session:

            def found(*columns: Any, among: Any = None) -> list[tuple[str, ...]]:
                query = select(*columns).order_by(*columns)
                rows = session.execute(query if among is None else query.where(among.in_(here)))
                return [tuple(map(str, row)) for row in rows]

            cases = [one for (one,) in found(CaseView.channel)]
            entries = found(
                EntryRecord.channel, EntryRecord.epoch, EntryRecord.seq, among=EntryRecord.channel
            )
            calls = found(IssuedCall.channel, IssuedCall.ref, among=IssuedCall.channel)
            known = [one for (one,) in found(ChannelRecord.id) if one in here]
            return {
                "": [()],
                "channel": [(one,) for one in (*known, *(one for one in here if one not in known))],
                "channel into": list(itertools.permutations(cases, 2)),
                "channel ref": calls,
                "channel object": [
                    (channel, f"{epoch}-{seq}")
                    for channel, epoch, seq in entries
                    if channel in self._closely
                ],
                "channel report": found(SentReport.channel, SentReport.report),
                "report": found(LocalReport.id),
                "organisation": found(PartnerRecord.organisation),
                "token_id": found(ApiToken.id),
                "user_id": found(User.id),
            }


def differences(one: Seen, other: Seen) -> str:
    """Tell where two worlds look otherwise, in few lines; nothing where they look the same."""
    apart = [path for path in {**one, **other} if one.get(path) != other.get(path)]
    told = [f"{len(apart)} of {len({**one, **other})} differ: {', '.join(apart[:_ADDRESSES])}"]
    for path in apart[:_ADDRESSES]:
        before, after = (_lines(seen.get(path, "nothing")) for seen in (one, other))
        lines = difflib.unified_diff(before, after, "one world", "the other", n=1, lineterm="")
        told += [path, *(f"    {line[:300]}" for line in itertools.islice(lines, 2, _LINES))]
    return "\n".join(told) if apart else ""


def _filled(template: str, places: Mapping[str, list[tuple[str, ...]]]) -> Iterator[str]:
    names = _PARAMETER.findall(template)
    key = " ".join(names)
    if template.endswith("/holders"):
        key = "channel object"
    elif template.endswith("/merger"):
        template, key = f"{template}?into={{into}}", "channel into"
        names = [*names, "into"]
    for values in places[key]:
        yield template.format(**dict(zip(names, values, strict=True)))


def _collected(channels: Iterable[str]) -> Iterator[str]:
    yield "/taxii2/"
    yield "/taxii2/channels/"
    yield _TAXII
    for channel in channels:
        for rest in ("", "manifest/", "objects/"):
            yield f"{_TAXII}{channel}/{rest}"


def _content_of(answer: TestResponse) -> str:
    text = _FORM_TOKEN.sub(r"\1", answer.get_data(as_text=True))
    return f"{answer.status_code} {answer.headers.get('Location', '')}\n{text}"


def _lines(content: str) -> list[str]:
    head, _, body = content.partition("\n")
    try:
        written = json.dumps(json.loads(body), indent=1, ensure_ascii=False)
    except ValueError:
        written = re.sub(r">\s*<", ">\n<", body)
    return [head, *(line.strip() for line in written.splitlines() if line.strip())]
