"""How something is written on a walk: by the door, past it, or as another's software might."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from unittest.mock import patch

from federation.branches import openings
from federation.judging.bundles import make_bundle
from federation.ledgers import channels
from federation.ledgers.ledger import get_state, head_of, lock_channel, metadata_label
from federation.ledgers.ledger_records import Standing
from policies.acts import Act, ChannelKind
from policies.tlp import TLP
from tests.kit.nodes import RunningNode
from tests.simulation.walk_words import Words

CROOKED: Final[Mapping[str, Mapping[str, Any]]] = {
    "members_fit": {},
    "owner_opens": {"owner": "identity--00000000-0000-4000-8000-00000000000d"},
    "members_continue": {"ceiling": TLP.GREEN.value},
    "endorsed": {},
}
"""Guard of openings → what an opening that it refuses says otherwise."""


def write(node: RunningNode, channel: str, act: Act, words: Words) -> None:
    """Write as every page does."""
    with node.writing() as session:
        desk = node.office.desk(session)
        channels.write(
            session, desk, channel, act, words.body, words.new, by="walk", now=node.now()
        )


def contribute(node: RunningNode, channel: str, act: Act, words: Words) -> None:
    """Send a contribution without asking the own tables first."""
    with node.writing() as session:
        record = lock_channel(session, channel)
        head = head_of(record)
        if record.is_ours or head is None or record.standing is not Standing.CURRENT:
            return
        label = metadata_label(get_state(session, record).ceiling)
        channels.contribute(
            session,
            node.office.desk(session),
            record,
            act,
            words.body,
            words.new,
            seen=head,
            label=label,
            by="walk",
            now=node.now(),
        )


def open_crookedly(node: RunningNode, channel: str, guard: str) -> None:
    """Open a channel, or the next epoch of one, as no node of ours would."""

    def made(**given: Any) -> Any:
        return make_bundle(**given | {"body": given["body"] | CROOKED[guard]})

    with node.writing() as session, patch.object(openings, "make_bundle", made):
        desk, now = node.office.desk(session), node.now()
        if guard == "members_fit":
            # Only a direct channel is opened with somebody besides its owner.
            openings.open_channel(
                session,
                desk,
                kind=ChannelKind.DIRECT,
                name="Crooked",
                ceiling=TLP.AMBER,
                now=now,
            )
            return
        record = lock_channel(session, channel)
        right = openings.OpenedBy.SUCCESSION if not record.is_ours else openings.OpenedBy.RE_OPENING
        openings.open_epoch(
            session, desk, record, opened_by=right, round_=int(not record.is_ours), now=now
        )
