"""People on three whole nodes write anything: views agree, `rebuild` agrees, every no has a reason.

Source: lifecycles, 1 to 13; architecture (*Views*).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from hub.cases import reducer
from hub.cases.records import CaseView
from policies.acts import Act, ChannelKind
from tests.kit.nodes import running
from tests.simulation import walk_script
from tests.simulation.walk_rows import Walked
from tests.simulation.walking import NAMES, Walk, WalkError
from tests.simulation.wandering import Wanderer, smallest

# On a busy machine a walk takes longer than its forty seconds of work.
pytestmark = pytest.mark.timeout(600)

NewDatabase = Callable[[], str]


def walk_by(
    folder: Path, steps: Callable[[Walk], object], *, new_database: NewDatabase | None = None
) -> Walked:
    """Walk on new nodes; give what was walked."""
    walked = Walked()
    with (
        running(folder / uuid4().hex, *NAMES, new_database=new_database) as nodes,
        walked.watching(),
    ):
        steps(Walk(nodes, walked))
    return walked


def wander(folder: Path, seed: int, count: int, **given: Any) -> Walked:
    """Walk by chance; what breaks is told as the shortest test that shows it."""
    try:
        return walk_by(folder, lambda walk: Wanderer(walk, seed).go(count), **given)
    except WalkError as error:
        raise smallest(error, partial(replay, folder)) from None


def replay(folder: Path, steps: Sequence[str]) -> WalkError | None:
    def take(walk: Walk) -> None:
        for step in steps:
            eval(f"walk.{step}", {}, {"walk": walk})  # noqa: S307 - our own words

    try:
        walk_by(folder, take)
    except WalkError as error:
        return error
    return None


def decides_in_the_community(walk: Walk) -> None:
    walk.act("A", "community", "decision.taken", 2113541)
    walk.settles()


def test_every_row_is_walked_or_named_with_a_reason(tmp_path: Path) -> None:
    walked = walk_by(tmp_path, walk_script.go)
    assert set(walked.missing_rows) == set(walk_script.UNREACHED)


def test_views_and_tables_agree_whatever_is_written(tmp_path: Path) -> None:
    walked = wander(tmp_path, 1, 80)
    # Deep enough to show anything.
    assert len(walked.rows) > 20
    assert len(walked.guards) > 3
    assert not walked.rows & set(walk_script.UNREACHED)


def test_what_a_community_decides_has_a_view(tmp_path: Path) -> None:
    """Told by a walk: a decision stood in the ledger of a community, and no page showed it."""
    walked = walk_by(tmp_path, decides_in_the_community)
    assert any(name.startswith("decision decision.taken none") for name in walked.rows)


def test_a_reducer_that_forgets_an_act_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(reducer._REDUCERS, Act.DECISION_TAKEN)
    with pytest.raises(WalkError, match="no view, tables taken") as caught:
        walk_by(tmp_path, decides_in_the_community)
    told: dict[str, Any] = {"Walk": Walk}
    exec(str(caught.value).partition("\n\n")[2], told)  # noqa: S102 - our own words
    with pytest.raises(WalkError):
        walk_by(tmp_path, told["test_a_walk_that_broke"])
    monkeypatch.undo()
    walk_by(tmp_path, told["test_a_walk_that_broke"])


def test_a_view_that_depends_on_what_came_before_in_another_channel_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_word = reducer._own_word

    def by_chance(session: Session, judged: Judged) -> Any:
        row = own_word(session, judged)
        if judged.state.kind is ChannelKind.DIRECT:
            row.relayed = session.get(CaseView, row.case) is not None
        return row

    def told_alone_before_the_case_is_opened(walk: Walk) -> None:
        for number in range(1, 40, 4):
            walk.act("A", "A to B", "response.reported", number)
        for place in ("case", "other", "community"):
            walk.act("A", place, "case.opened", 1)
        walk.settles()

    monkeypatch.setattr(reducer, "_own_word", by_chance)
    monkeypatch.setitem(reducer._REDUCERS, Act.RESPONSE_REPORTED, _responded)
    with pytest.raises(WalkError, match="own_word"):
        walk_by(tmp_path, told_alone_before_the_case_is_opened)
    monkeypatch.undo()
    walk_by(tmp_path, told_alone_before_the_case_is_opened)


def _responded(session: Session, judged: Judged) -> None:
    reducer._own_word(session, judged).responded_in = judged.acting.sha256
