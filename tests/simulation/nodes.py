"""What a simulated node can be asked and told, however it keeps things."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from federation.identity.keys import PrivateKey
from federation.judging.bundles import Position
from policies.acts import Act
from policies.errors import UnavailableError
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.simulation.oracle import Line


class CrashError(Exception):
    """The node died here; what was committed stays."""


@dataclass(frozen=True)
class Invitation:
    """An invitation, carried to the invited by hand."""

    channel: str
    owner: str
    genesis: str
    head: Position
    role: str


@dataclass(frozen=True)
class Given:
    """A page as a server gave it: canonical bytes, and where the next one goes on."""

    contents: list[bytes]
    last: int | None


class Server(Protocol):
    """A node's server, as far as another node reaches it."""

    def pages(self, after: int) -> Iterator[Given]:
        """Give what was added after this, oldest first."""

    def by_ids(self, refs: Iterable[str]) -> list[bytes]:
        """Give every version of these objects."""

    def post(self, contents: Sequence[bytes]) -> str | None:
        """Submit objects, the bundle last; give the failure."""


Connect = Callable[[str], Server]
"""Gives the server of an organisation."""


class SimNode(Protocol):
    """One organisation's node in one channel."""

    name: str
    organisation: str
    dies: str | None
    """Where it dies next: `before commit`, `after commit`, or nowhere."""

    def open(self, *, ceiling: TLP, parent: str | None) -> str:
        """Open the channel."""

    def enter(self, channel: str) -> None:
        """Learn which channel the others talk of."""

    def write(
        self, act: Act, body: Mapping[str, Any], new: Sequence[StixObject], *, later: bool | None
    ) -> None:
        """Write an act."""

    def invite(self, other: SimNode, *, replaces: str | None = None) -> Invitation:
        """Invite another organisation, in the place of one without a node where it is named."""

    def answer(self, invitation: Invitation, act: Act) -> None:
        """Join or decline."""

    def rotate(self) -> None:
        """Take a new signing key into use, and tell the channel."""

    def revoke(self, since: int) -> None:
        """Revoke the signing key as of so many seconds ago, by the recovery key; tell it."""

    def key(self) -> PrivateKey:
        """Give the key that it signs with now: what a thief copies."""

    def documents(self) -> Sequence[Mapping[str, Any]]:
        """Give its descriptors, version 1 first."""

    def deliver(self, connect: Connect) -> None:
        """Send what waits in the outbox."""

    def pull(self, connect: Connect) -> None:
        """Bring the replica up to date."""

    def endorse(self, candidate: str, epoch: int, round_: int) -> bytes:
        """Endorse a member as the next owner; give what is posted to it."""

    def take_over(self) -> None:
        """Open the next epoch as the successor that enough members endorse."""

    def look(self, connect: Connect, other: str) -> None:
        """Look at what another member holds, and follow where that leads on."""

    def rewind(self) -> None:
        """Forget how far the replica has pulled."""

    def serve(
        self, reader: str, after: int, limit: int, refs: Iterable[str] | None = None
    ) -> Given:
        """Answer a reader; `NotFoundError` for who may not know of the channel."""

    def take(self, author: str, contents: Sequence[bytes]) -> str | None:
        """Take a submission; give the failure."""

    def ledger(self) -> list[Line]:
        """Give every entry, oldest first, as JSON."""

    def held(self) -> set[str]:
        """Give the hashes of all objects of this channel whose bytes lie here, shown or not."""

    def state(self) -> Mapping[str, Any] | None:
        """Give what the ledger adds up to."""

    def trouble(self) -> str | None:
        """Give why its replica stands still, where it does."""

    def pending(self) -> int:
        """Give how many contributions wait."""

    def owns(self) -> bool:
        """Tell whether it writes the ledger."""

    def answers(self) -> Mapping[str, str] | None:
        """Give what its view says of relayed statements, by their hashes; `None`: it has none."""

    def rebuilt(self, *, anew: bool) -> list[str]:
        """Make everything again from the ledger; give what differs.

        Args:
            anew: from the first entry on, not from where the last time has come.
        """


class LostError(UnavailableError):
    """The network lost it."""


Clock = Callable[[], datetime]
