"""What must hold when everything has arrived: views and tables agree, and every no has a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select

from federation.ledgers import rebuild
from federation.ledgers.ledger import find_channel
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from hub.apply import VIEWS
from sharing.objects import find_contents
from tests.kit.nodes import RunningNode
from tests.simulation.walk_views import differences, look, untold

_EXPLAINED: Final = re.compile(r".{5,}; \w+( of .+)? is [a-z ]+; open now: .+")
_FEWEST_WORDS: Final = 3
Nodes = Mapping[str, RunningNode]


def is_explained(sentence: str | None) -> bool:
    """Tell whether a refusal says anything to a person."""
    return sentence is not None and len(sentence.split()) >= _FEWEST_WORDS


def what_breaks(nodes: Nodes, places: Mapping[str, str]) -> Iterator[str]:
    """Say what does not hold."""
    for place, channel in places.items():
        yield from _disagreements(nodes, place, channel)
        for name, node in nodes.items():
            if recorded(node, channel, "state"):
                for sentence in _rebuilt(node, channel):
                    yield f"{place} rebuilt on {name}: {sentence}"
    for name, node in nodes.items():
        yield from _unexplained(name, node)


def recorded(node: RunningNode, channel: str, column: str) -> Any:
    """Give what a node has recorded of a channel, or nothing."""
    with node.reading() as session:
        record = session.get(ChannelRecord, channel)
        return getattr(record, column) if record is not None else None


def _disagreements(nodes: Nodes, place: str, channel: str) -> Iterator[str]:
    owners = [name for name, node in nodes.items() if recorded(node, channel, "is_ours")]
    if len(owners) != 1:
        yield f"{place} is coordinated by {owners or 'nobody'}"
        return
    owner = nodes[owners[0]]
    state = owner.state(channel)
    with owner.reading() as session:
        rows = look(session, channel)
    for sentence in untold(state, rows):
        yield f"{place}: {sentence}"
    for name, node in nodes.items():
        if node is owner or node.organisation not in state.joined:
            continue
        if not recorded(node, channel, "id"):
            yield f"{name} is a member of {place} and has none of it"
            continue
        if node.state(channel).document() != state.document():
            yield f"{place}: {name} has another state than {owners[0]}"
        with node.reading() as session:
            for sentence in differences(session, channel, look(session, channel), rows):
                yield f"{place} on {name} and {owners[0]}: {sentence}"


def _rebuilt(node: RunningNode, channel: str) -> Iterator[str]:
    with node.writing() as session:
        try:
            made = rebuild.rebuild(session, node.office.desk(session), channel, VIEWS)
        except Exception as error:  # noqa: BLE001 - whatever it is, the walk tells how it came
            yield repr(error)
            return
        yield from made.differences


def _unexplained(name: str, node: RunningNode) -> Iterator[str]:
    """See that what was refused says why, and that its words are still here."""
    with node.reading() as session:
        for row in session.scalars(select(ContributionRecord)):
            record = find_channel(session, row.channel)
            over = record is None or record.standing is not Standing.CURRENT
            if row.state is Delivery.PENDING and not over:
                yield f"{row.act} of {name} waits: {row.sentence}"
            if row.state is not Delivery.REFUSED:
                continue
            if not is_explained(row.sentence):
                yield f"a refusal without a reason: {row.sentence!r}"
            elif row.doubt == "not_permitted" and not _EXPLAINED.fullmatch(row.sentence or ""):
                yield f"it names nothing that is open: {row.sentence}"
            if set(row.objects) - find_contents(session, set(row.objects)).keys():
                yield f"words of {name} that were refused are gone"
