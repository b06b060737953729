"""A community and a case with everything in them that we write, for others to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from hub.community import directory
from hub.community.directory_statement import StatedConstituency, StatedPoint
from hub.demo import intel
from policies.acts import Act, ChannelKind
from policies.directory import Sector, Way, WayKind
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing import stix
from sharing.objects import StixObject, find_contents
from sharing.records import CollectionRow
from tests.kit.nodes import CONSOLE, LocalNode, RunningNode, running, settle


@dataclass(frozen=True)
class Told:
    """Two nodes that have told each other everything, and where.

    Args:
        shared: what members made in the case, besides their bundles.
    """

    cert: RunningNode
    grid: RunningNode
    community: str
    case: str
    shared: tuple[StixObject, ...]

    @property
    def nodes(self) -> tuple[RunningNode, RunningNode]:
        return self.cert, self.grid


@contextmanager
def everything_told(folder: Path) -> Iterator[Told]:
    """Run two nodes that hold one of each thing that we write today."""
    with running(folder, "CERT", "Grid") as (cert, grid):
        community = cert.open("Energy", kind=ChannelKind.COMMUNITY, tlp=TLP.GREEN)
        case = cert.open("3CX", tlp=TLP.AMBER)
        for channel in (community, case):
            cert.invite(channel, grid)
        settle(cert, grid)
        for channel in (community, case):
            grid.join(channel)
        settle(cert, grid)
        cert.note(community, "The exercise is on Friday.", TLP.CLEAR)
        shared = tuple(_intelligence(grid))
        grid.write(case, Act.INTEL_SHARED, {}, list(shared))
        grid.note(case, "Relay 7 is isolated.")
        settle(cert, grid)
        telephone = (Way(WayKind.TELEPHONE, out_of_band=True),)
        desk = StatedPoint("Control room", telephone, ("+43 1 234",))
        facts = StatedConstituency(sectors=(Sector.ENERGY,), domains=("grid.example",))
        grid.does(directory.describe, case, points=[desk, desk], constituency=facts)
        grid.does(directory.describe, case, points=[desk])
        settle(cert, grid)
        for act, item in _answers(cert, shared[0]):
            cert.write(case, act, {}, [item])
            shared = (*shared, item)
        grid.write(case, Act.OBJECT_RELEASED, {"objects": [shared[1].stix_id]})
        newer = stix.new_version(shared[2], {"description": "Seen again."}, now=grid.now())
        grid.write(case, Act.INTEL_SHARED, {}, [newer])
        grid.write(case, Act.INTEL_REVOKED, {"objects": [shared[3].stix_id]})
        settle(cert, grid)
        yield Told(cert, grid, community, case, (*shared, newer))


def give_token(node: LocalNode, role: PersonRole, *, name: str = "reader") -> str:
    """Give the secret of a new token of a new person that may read."""
    with node.writing() as session:
        user, _ = users.create_user(
            session, CONSOLE, name, roles=[role], password="four words in a row", now=node.now()
        )
        _, secret = tokens.create_token(
            session,
            CONSOLE,
            "taxii",
            scopes=[TokenScope.READ],
            now=node.now(),
            user_id=user.id,
        )
    return secret


def held(node: RunningNode, channel: str) -> list[dict[str, Any]]:
    """Give what a node holds of a channel, oldest first."""
    with node.reading() as session:
        hashes = session.scalars(
            select(CollectionRow.sha256)
            .where(CollectionRow.collection_id == channel)
            .order_by(CollectionRow.date_added)
        ).all()
        contents = find_contents(session, hashes)
    return [json.loads(contents[sha256]) for sha256 in hashes]


def _intelligence(node: RunningNode) -> list[StixObject]:
    event = intel.published_event_3cx()
    found = intel.build_indicators(
        event, created_by=node.organisation, marking=TLP.AMBER, now=node.now()
    )
    link = stix.relationship(
        "derived-from", found[0].stix_id, found[1].stix_id, created_by=node.organisation,
        now=node.now(), marking=TLP.AMBER,
    )  # fmt: skip
    terms = stix.statement_marking(
        "Use it for defence.", created_by=node.organisation, now=node.now()
    )
    return [*found, link, terms]


def _answers(node: RunningNode, about: StixObject) -> list[tuple[Act, StixObject]]:
    ours: dict[str, Any] = {"created_by": node.organisation, "now": node.now()}
    return [
        (
            Act.SIGHTING_REPORTED,
            stix.sighting(
                about.stix_id, count=2, where_sighted=[node.organisation],
                first_seen=node.now(), last_seen=node.now(), marking=TLP.AMBER, **ours,
            ),
        ),
        (
            Act.OPINION_GIVEN,
            stix.opinion(
                "agree", about=[about.stix_id], explanation="So do we.", marking=TLP.AMBER, **ours
            ),
        ),
    ]  # fmt: skip
