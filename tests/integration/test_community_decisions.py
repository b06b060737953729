"""What a community decides is shown as what a case decides, and its words go when taken back.

Source: lifecycles, 6 and 12 (recall).
"""

from __future__ import annotations

from pathlib import Path

from federation.ledgers.rebuild import rebuild
from hub.apply import VIEWS
from hub.cases.records import DecisionView
from policies.acts import Act, ChannelKind
from policies.tlp import TLP
from sharing import stix
from tests.kit.nodes import Clock, LocalNode


def test_a_decision_of_a_community_has_a_view_until_its_words_are_taken_back(
    tmp_path: Path,
) -> None:
    node = LocalNode("cert", tmp_path, base_url="http://127.0.0.1:9", now=Clock())
    community = node.open("Hospitals", kind=ChannelKind.COMMUNITY)
    note = stix.note(
        "We leave it at that.",
        about=[stix.channel_identity_id(community)],
        created_by=node.organisation,
        now=node.now(),
        marking=TLP.AMBER,
        nonce="0" * 32,
    )
    body = {
        "decision": note.stix_id,
        "outcome": "yes",
        "authority": "coordinator",
        "topic": "question",
    }

    def look() -> tuple[str, str | None]:
        with node.writing() as session:
            made = rebuild(session, node.office.desk(session), community, VIEWS)
            assert made.equal, made.differences
            row = session.get(DecisionView, (community, note.stix_id))
            assert row is not None
            return row.state, row.text

    node.write(community, Act.DECISION_TAKEN, body, [note])
    assert look() == ("taken", "We leave it at that.")
    node.write(community, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    assert look() == ("taken", None)
    node.close()
