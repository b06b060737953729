"""People at their nodes: they sign in by the page, take a token of their own, and use the API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import requests

from hub.demo.errors import StoryError
from hub.demo.processes import NodeProcess

TIMEOUT_SECONDS: Final = 30
TAXII_TYPE: Final = "application/taxii+json;version=2.1"
_FORM_TOKEN: Final = re.compile(r'name="csrf_token" value="([^"]+)"')
_COLLECTIONS: Final = "/taxii2/channels/collections"


@dataclass(eq=False)
class Person:
    """Somebody who works at an organisation, with a login at its node.

    Args:
        organisation: the STIX id that the node speaks for; known once it is set up.
        recovery_thumbprint: of the key that the node keeps nowhere.
    """

    node: NodeProcess
    login: str
    password: str
    organisation: str = ""
    recovery_thumbprint: str = ""
    _http: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self._http.trust_env = False

    @property
    def name(self) -> str:
        """The name of the organisation."""
        return self.node.name

    def sign_in(self) -> None:
        """Sign in as a browser does, make a personal token, and go on with that alone."""
        address = f"{self.node.base_url}/sign-in"
        form = {"name": self.login, "password": self.password, "csrf_token": self._form_token()}
        answer = self._http.post(
            address, data=form, headers={"Referer": address}, timeout=TIMEOUT_SECONDS
        )
        if not answer.ok or answer.url == address:
            raise StoryError(f"{self.login} could not sign in at {self.name}")
        token = self.post(
            "/tokens",
            {"name": "the story", "scopes": ["read", "write", "admin"]},
            headers={"X-CSRFToken": self._form_token("/account"), "Referer": address},
        )
        self._http.cookies.clear()
        self._http.headers["Authorization"] = f"Bearer {token['secret']}"

    def get(self, path: str, **query: Any) -> Any:
        """Ask the API.

        Raises:
            StoryError: it refused; the sentence is its own.
        """
        return self._read(self._ask("GET", f"/api/v1{path}", params=query))

    def post(self, path: str, document: Any = None, headers: Any = None) -> Any:
        """Tell the API to do something.

        Raises:
            StoryError: it refused; the sentence is its own.
        """
        answer = self._ask("POST", f"/api/v1{path}", json=document or {}, headers=headers)
        return self._read(answer)

    # Partners

    def invite_partner(self, note: str) -> str:
        """Make an invitation; give its line."""
        line: str = self.post("/partners/invitations", {"note": note})["line"]
        return line

    def accept(self, line: str) -> None:
        """Answer an invitation."""
        self.post("/partners/accept", {"line": line})

    def partner(self, other: Person) -> Any:
        """Give the partnership with another organisation."""
        return self.get(f"/partners/{other.organisation}")

    def is_partner_of(self, other: Person) -> bool:
        """Tell whether both have confirmed each other."""
        return bool(self.partner(other)["state"] == "active")

    def confirm(self, other: Person) -> None:
        """Confirm a partner after the words were compared."""
        self.post(f"/partners/{other.organisation}/confirmation", {"compared": True})

    # Channels

    def channels(self) -> list[Any]:
        """Give the channels of this node."""
        items: list[Any] = self.get("/channels")["items"]
        return items

    def channel(self, channel: str) -> Any:
        """Give one channel as it stands here."""
        return self.get(f"/channels/{channel}")

    def holds_direct_channels(self, count: int) -> bool:
        """Tell whether so many direct channels were read here, ours and those of others."""
        rows = [one for one in self.channels() if one["kind"] == "direct"]
        return len([one for one in rows if one["standing"] == "current"]) == count

    def is_in(self, channel: str) -> bool:
        """Tell whether this node holds the history of a channel."""
        return bool(self.channel(channel)["standing"] == "current")

    def open_channel(self, kind: str, name: str, tlp: str) -> str:
        """Open a community or a case; give its id."""
        channel: str = self.post("/channels", {"kind": kind, "name": name, "tlp": tlp})["id"]
        return channel

    def invite(self, channel: str, other: Person, role: str, reason: str) -> None:
        """Invite a partner into a channel."""
        self.post(
            f"/channels/{channel}/invitations",
            {"organisation": other.organisation, "roles": [role], "reason": reason},
        )

    def find_invitation(self, channel: str) -> Any | None:
        """Give the invitation to a channel, once it is here."""
        rows = self.get("/invitations")["items"]
        return next((row for row in rows if row["channel"] == channel), None)

    def join(self, channel: str) -> None:
        """Accept an invitation."""
        self.post(f"/invitations/{channel}/answer", {"answer": "join"})

    def note(self, channel: str, text: str) -> Any:
        """Write a note; give what became of it."""
        return self.post(f"/channels/{channel}/notes", {"text": text})

    def write(self, channel: str, act: str, objects: Sequence[Any]) -> Any:
        """Write an act with objects; give what became of it."""
        return self.post(f"/channels/{channel}/acts", {"act": act, "objects": list(objects)})

    def shows(self, channel: str, *bundles: str) -> bool:
        """Tell whether acts stand among the newest of the history."""
        items = self.get(f"/channels/{channel}/entries", limit=10)["items"]
        return set(bundles) <= {row["bundle"] for row in items}

    def export(self, channel: str) -> bytes:
        """Take a channel away as one file."""
        answer = self._ask("GET", f"/api/v1/channels/{channel}/export")
        return answer.content if answer.ok else self._read(answer)

    def pending(self, channel: str) -> list[Any]:
        """Give what of ours is on its way."""
        items: list[Any] = self.get(f"/channels/{channel}/pending")["items"]
        return items

    # TAXII, as any tool reads it

    def served_objects(self, channel: str) -> list[bytes]:
        """Read everything in a channel over TAXII; give each object's bytes as they came."""
        return list(self._served(channel))

    def _served(self, channel: str) -> Iterator[bytes]:
        path = f"{_COLLECTIONS}/{quote(channel)}/objects/"
        query = {"match[version]": "all", "limit": "1000"}
        while True:
            answer = self._ask("GET", path, params=query, headers={"Accept": TAXII_TYPE})
            if answer.status_code != HTTPStatus.OK:
                raise StoryError(f"{self.name}: TAXII answered {answer.status_code}")
            yield from cut_objects(answer.text)
            envelope = answer.json()
            if not envelope.get("more"):
                return
            query["next"] = envelope["next"]

    def _form_token(self, page: str = "/sign-in") -> str:
        found = _FORM_TOKEN.search(self._ask("GET", page).text)
        if found is None:
            raise StoryError(f"{self.name}: {page} has no form")
        return unescape(found.group(1))

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            return self._http.request(
                method, f"{self.node.base_url}{path}", timeout=TIMEOUT_SECONDS, **options
            )
        except requests.RequestException as error:
            raise StoryError(f"{self.name} does not answer: {error}") from error

    def _read(self, answer: requests.Response) -> Any:
        if answer.ok:
            return answer.json()
        where = f"{answer.request.method} {answer.request.path_url}"
        try:
            sentence = answer.json()["detail"]
        except (ValueError, KeyError):
            sentence = f"status {answer.status_code}"
        raise StoryError(f"{self.name} refused {where}: {sentence}")


def cut_objects(envelope: str) -> Iterator[bytes]:
    """Cut the objects out of an envelope, each exactly as it stands there."""
    decoder = json.JSONDecoder()
    start = envelope.find('"objects":[')
    place = start + len('"objects":[')
    while start >= 0 and envelope[place] != "]":
        _, end = decoder.raw_decode(envelope, place)
        yield envelope[place:end].encode()
        place = end + (envelope[end] == ",")
