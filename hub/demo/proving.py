"""What is proven: equal copies, an export that stands alone, a forged copy that does not, a 404."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import requests

from federation.archive.lines import Kind
from federation.archive.report import Presence
from federation.archive.verifying import verify_file
from federation.identity.keystore import KeyStore
from federation.identity.origins import Destination
from federation.partners.client import PartnerHttp
from federation.partners.tokens import build_assertion
from hub.demo.errors import StoryError
from hub.demo.people import TAXII_TYPE, Person
from hub.demo.processes import plain_environment, run_tocsin
from hub.settings import PASSPHRASE_FILE
from sharing.canonical import sha256_hex
from sharing.outbound import Reach

PROBE_SECONDS: Final = 10
REFUSED: Final = 1
_LEDGER_KINDS: Final = (Kind.ENTRY, Kind.CONTRIBUTION)


@dataclass(frozen=True)
class Copy:
    """One organisation's copy of a channel, as its node gives it out.

    Args:
        ledger: the lines of its export that hold entries and contributions, in ledger order.
        objects: everything that TAXII serves of it, each as its bytes, sorted.
        withheld: hashes of what was there before this member, and is not for later ones.
    """

    head: str
    ledger: tuple[bytes, ...]
    objects: tuple[bytes, ...]
    withheld: frozenset[str]

    @property
    def size_bytes(self) -> int:
        """How much TAXII served."""
        return sum(len(one) for one in self.objects)

    def without(self, withheld: frozenset[str]) -> tuple[bytes, ...]:
        """Give the objects but those with these hashes."""
        return tuple(one for one in self.objects if sha256_hex(one) not in withheld)


@dataclass(frozen=True)
class Verdict:
    """What `tocsin verify` said."""

    code: int
    report: Any
    sentence: str
    without_network: bool


def read_copy(person: Person, channel: str) -> Copy:
    """Read a channel from a person's node, as an export and over TAXII.

    Raises:
        StoryError: the export does not hold.
    """
    export = person.export(channel)
    report = verify_file(io.BytesIO(export))
    if not report.holds:
        raise StoryError(f"{person.name}: {report.failures[0].text}")
    marks = tuple(f'{{"{kind.value}":'.encode() for kind in _LEDGER_KINDS)
    return Copy(
        head=person.channel(channel)["head_sha256"],
        ledger=tuple(line for line in export.splitlines() if line.startswith(marks)),
        objects=tuple(sorted(person.served_objects(channel))),
        withheld=frozenset(
            one.sha256 for one in report.objects if one.presence is Presence.WITHHELD
        ),
    )


def first_difference(copies: Mapping[str, Copy]) -> str | None:
    """Say in what copies differ; `None` where they are equal byte for byte.

    What the protocol withholds from a later member is left out of the comparison with it.
    """
    for (name, one), (other_name, other) in itertools.combinations(copies.items(), 2):
        withheld = one.withheld | other.withheld
        for what, ours, theirs in (
            ("heads", one.head, other.head),
            ("ledgers", one.ledger, other.ledger),
            ("objects", one.without(withheld), other.without(withheld)),
        ):
            if ours != theirs:
                return f"the {what} of {name} and {other_name} differ"
    return None


def verify_alone(file: Path, pins: Sequence[str], folder: Path) -> Verdict:
    """Run `tocsin verify` where there is no node: an empty folder, no setting, no network.

    The process gets a network of its own that leads nowhere, where this system lets us make one.
    """
    alone = _without_network()
    empty = folder / "nowhere"
    empty.mkdir(parents=True, exist_ok=True)
    environment = plain_environment(folder) | {"HOME": str(empty)}
    arguments = ["verify", str(file), "--json"]
    for pin in pins:
        arguments += ["--pin", pin]
    done = run_tocsin(arguments, environment=environment, before=alone, folder=empty)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise StoryError(f"tocsin verify gave no report: {done.stderr.strip()}") from None
    return Verdict(done.returncode, report, done.stderr.strip(), bool(alone))


def forge(source: Path, target: Path, text: str) -> tuple[str, str]:
    """Copy an export and change one byte within a text; give the word before and after."""
    data = source.read_bytes()
    where = data.find(text.encode())
    if where < 0:
        raise StoryError("the export does not hold the note that is to be forged")
    forged = bytearray(data)
    forged[where] ^= 0x01
    target.write_bytes(forged)
    word = len(text.split(maxsplit=1)[0])
    return data[where : where + word].decode(), bytes(forged[where : where + word]).decode()


def ask_as_a_stranger(stranger: Person, owner: Person, channel: str) -> list[requests.Response]:
    """Ask for a channel of somebody else with the stranger's own keys, token and all.

    Returns:
        The answers: for the channel, and for one that does not exist.
    """
    data = stranger.node.folder / "data"
    passphrase = (data / PASSPHRASE_FILE).read_bytes().strip()
    ring = KeyStore(data / "keys", passphrase).load()
    described = stranger.get("/node")
    (key,) = (ring[one["thumbprint"]] for one in described["keys"] if one["use"] == "transport")

    def assert_to(audience: str) -> list[str]:
        organisation = stranger.organisation
        return [build_assertion(key, organisation=organisation, audience=audience, now=_now())]

    http = PartnerHttp(assert_to, clock=_now, reach=Reach(loopback=lambda: True))
    token = http.token(Destination(owner.node.base_url, owner.organisation))
    headers = {"Authorization": f"Bearer {token}", "Accept": TAXII_TYPE}
    addresses = [
        f"{owner.node.base_url}/taxii2/channels/collections/{one}/objects/"
        for one in (channel, str(uuid.uuid4()))
    ]
    return [requests.get(address, headers=headers, timeout=30) for address in addresses]


def _without_network() -> tuple[str, ...]:
    tool = shutil.which("unshare")
    if tool is None:
        return ()
    for words in ((tool, "--user", "--map-root-user", "--net"), (tool, "--net")):
        tried = subprocess.run(  # noqa: S603 - a tool of the system, with our arguments
            [*words, "true"], capture_output=True, check=False, timeout=PROBE_SECONDS
        )
        if tried.returncode == 0:
            return words
    return ()


def _now() -> datetime:
    return datetime.now(UTC)
