"""Who takes part: three organisations, each with a node of its own and somebody who works there."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from hub.demo.people import Person
from hub.demo.processes import NodeProcess, free_ports, require_free

CERT: Final = ("National CERT", "mara", "government-national")
GRID: Final = ("Northern Grid", "jonas", "energy")
VENDOR: Final = ("Voxline Software", "ada", "technology")
_SECTORS: Final = {name: sector for name, _, sector in (CERT, GRID, VENDOR)}
_ROLES: Final = ("administrator", "coordinator")
_RECOVERY_FILE: Final = "recovery-key.pem"
BREAKING_OFF: Final = (signal.SIGINT, signal.SIGTERM)
T = TypeVar("T")


@dataclass(frozen=True)
class Cast:
    """The three, by what they are.

    Args:
        cert: coordinates.
        grid: is affected; its node is the one that is lost.
        vendor: made the software that was attacked.
    """

    cert: Person
    grid: Person
    vendor: Person

    @property
    def all(self) -> tuple[Person, Person, Person]:
        """Everybody, the coordinator first."""
        return self.cert, self.grid, self.vendor

    def others(self, one: Person) -> list[Person]:
        """Everybody but one."""
        return [person for person in self.all if person is not one]


def gather(folder: Path, *, port_base: int | None) -> Cast:
    """Name the three, find ports for them and make up their passwords.

    Raises:
        StoryError: a port that was asked for is in use.
    """
    roles = (CERT, GRID, VENDOR)
    if port_base is None:
        ports = free_ports(len(roles))
    else:
        ports = [port_base + place for place in range(len(roles))]
        for port in ports:
            require_free(port)
    return Cast(
        *(
            Person(NodeProcess(name, folder / slug(name), port), login, secrets.token_urlsafe(12))
            for (name, login, _), port in zip(roles, ports, strict=True)
        )
    )


def slug(name: str) -> str:
    """Give the name of an organisation as part of the name of a file."""
    return name.lower().replace(" ", "-")


def set_up(person: Person) -> None:
    """Set a node up, add the account, start it, and sign in.

    Raises:
        StoryError: a command refused, or the node did not get ready.
    """
    node = person.node
    node.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = node.command(
        *("node", "init", "--organisation", person.name, "--base-url", node.base_url),
        *("--sector", _SECTORS[person.name]),
        *("--recovery-key", str(node.folder / _RECOVERY_FILE)),
    )
    person.organisation = made["organisation"]
    person.recovery_thumbprint = made["recovery_thumbprint"]
    roles = [word for role in _ROLES for word in ("--role", role)]
    node.command("user", "add", person.login, *roles, "--password-stdin", given=person.password)
    node.start()
    person.sign_in()


def at_once(work: Callable[[Person], T], people: Sequence[Person]) -> list[T]:
    """Let several people do the same at the same time; the first trouble is raised."""
    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(work, people))


@contextmanager
def ended_at_last(cast: Cast) -> Iterator[Cast]:
    """End all nodes, whatever happens, and let nothing interrupt that."""
    try:
        yield cast
    finally:
        # Impatience would leave nodes behind.
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in BREAKING_OFF]
        at_once(lambda person: person.node.stop(), cast.all)
        for number, handler in before:
            signal.signal(number, handler)
