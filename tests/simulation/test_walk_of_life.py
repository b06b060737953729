"""People on three whole nodes write anything: views agree, `rebuild` agrees, every no has a reason.

A walk by chance takes one seed in the suite and new ones in `make soak`; what broke is told with
its seed, and cut to the shortest test that shows it.

Source: lifecycles, 1 to 13; architecture (*Views*).
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session, object_session

from federation.identity.node import get_node
from federation.judging.judged import Judged
from hub import apply
from hub.cases import intel_reducer, reducer
from hub.cases.records import CaseView
from hub.cases.room_records import IntelView
from policies.acts import Act, ChannelKind
from policies.lifecycles import judge
from policies.lifecycles.guards import GUARDS, Guard
from sharing.orm import Base
from tests.conftest import load_records
from tests.kit.nodes import running
from tests.simulation import walk_script
from tests.simulation.walk_rows import JUDGE, REFUSALS, Walked, name_of
from tests.simulation.walk_views import NODE_OWN, VIEWS
from tests.simulation.walking import NAMES, Walk, WalkError
from tests.simulation.wandering import EVERY, Wanderer, smallest

# On a busy machine a walk takes longer than its twenty seconds of work.
pytestmark = pytest.mark.timeout(600)

NewDatabase = Callable[[], str]
MINUTES: Final = "TOCSIN_SOAK_MINUTES"
SEED: Final = "TOCSIN_WALK_SEED"
STEPS: Final = "TOCSIN_WALK_STEPS"
ON_EACH: Final = {"sqlite": 90, "postgresql": 20}
"""Database → steps by chance in the suite."""
LONG: Final = 400
"""Steps of one walk of `make soak`."""
_FEWEST_WORDS: Final = 2
_TABLE: Final = re.compile(r"(?:DELETE FROM|FROM) \"?(\w+)")


def walk_by(
    folder: Path,
    steps: Callable[[Walk], object],
    *,
    new_database: NewDatabase | None = None,
) -> Walked:
    """Walk on new nodes; give what was walked."""
    walked = Walked()
    with (
        running(folder / uuid4().hex, *NAMES, new_database=new_database) as nodes,
        walked.watching(),
    ):
        steps(Walk(nodes, walked))
    return walked


def wander(
    folder: Path,
    seed: int,
    count: int,
    *,
    new_database: NewDatabase | None = None,
) -> Walked:
    """Walk by chance; what breaks is told as the shortest test that shows it."""
    tell(f"{SEED}={seed} {STEPS}={count}")
    try:
        return walk_by(
            folder,
            lambda walk: Wanderer(walk, seed).go(count),
            new_database=new_database,
        )
    except WalkError as error:
        again = partial(replay, folder, new_database=new_database)
        raise smallest(error, again) from None


def replay(
    folder: Path, steps: Sequence[str], *, new_database: NewDatabase | None = None
) -> WalkError | None:
    def take(walk: Walk) -> None:
        for step in steps:
            eval(f"walk.{step}", {}, {"walk": walk})  # noqa: S307 - our own words

    try:
        walk_by(folder, take, new_database=new_database)
    except WalkError as error:
        return error
    return None


def tell(line: str) -> None:
    sys.stdout.write(f"\n{line}\n")
    sys.stdout.flush()


def given(name: str, otherwise: int) -> int:
    """Give a number that the environment says."""
    return int(os.environ.get(name) or otherwise)


@pytest.fixture
def database(request: pytest.FixtureRequest, node_databases: NewDatabase) -> NewDatabase | None:
    """Give what makes the databases of nodes; none on SQLite, where paired nodes are copied."""
    return None if request.node.callspec.params["node_databases"] == "sqlite" else node_databases


def test_every_row_is_walked_and_every_refusal_told_or_named_with_a_reason(tmp_path: Path) -> None:
    walked = walk_by(tmp_path, walk_script.go)
    assert set(walked.missing_rows) == set()
    assert set(walked.missing_refusals) == set(walk_script.NEVER)
    # What the own door keeps in is refused by coordinators as well, with the same words.
    assert set(walk_script.SENT) <= set(walked.there)
    # Nothing is compared in vain, and everything is made again at several points.
    assert walked.views == {view.__table__.name for view in VIEWS}
    assert len(walked.rebuilt) > 3
    assert min(walked.rebuilt) > 5
    assert max(walked.rebuilt) > 15


def test_each_refusal_that_is_no_guards_has_a_name() -> None:
    asked = (judge.rule, judge._closed, judge._take_word, judge._find_row)
    sentences = {one for function in asked for one in sentences_in(function)}
    assert {name_of(one) for one in sentences - {"taken in as its owner's word"}} == set(JUDGE)


def sentences_in(function: Callable[..., object]) -> Iterator[str]:
    """Give what a function could say, with a word in place of what it would fill in."""
    tree = ast.parse(inspect.getsource(function))
    documented = ast.get_docstring(tree.body[0], clean=False)  # type: ignore[arg-type]
    filled = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in filled for part in ast.walk(node)}
    for node in ast.walk(tree):
        said = ""
        if isinstance(node, ast.JoinedStr):
            said = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "word"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in parts and node.value != documented:
            said = str(node.value)
        if len(said.split()) > _FEWEST_WORDS:
            yield said


def test_whatever_entries_fill_is_compared_between_nodes_or_named_with_a_reason() -> None:
    load_records()
    records = {one.class_ for one in Base.registry.mappers if one.class_.__module__[:4] == "hub."}
    assert records == set(VIEWS) | set(NODE_OWN)
    filled = {view for view in NODE_OWN if NODE_OWN[view].startswith("filled by entries")}
    tables = {view.__table__.name for view in (*VIEWS, *filled)}
    assert tables_of(thrown_away) == tables
    assert tables_of(lambda session: apply.snapshot(session, "a channel")) == tables


def thrown_away(session: Session) -> None:
    with apply.anew(session, "a channel"):
        pass


def tables_of(use: Callable[[Session], object]) -> set[str]:
    """Give the tables that something reads, or throws rows out of."""
    engine, found = create_engine("sqlite://"), set()
    Base.metadata.create_all(engine)

    @event.listens_for(engine, "before_cursor_execute")
    def seen(_connection: Any, _cursor: Any, statement: str, *_given: Any) -> None:
        found.update(_TABLE.findall(statement))

    with Session(engine) as session:
        use(session)
    engine.dispose()
    return found


def test_views_and_tables_agree_whatever_is_written(
    tmp_path: Path, request: pytest.FixtureRequest, database: NewDatabase | None
) -> None:
    count = ON_EACH[request.node.callspec.params["node_databases"]]
    walked = wander(tmp_path, given(SEED, 1), given(STEPS, count), new_database=database)
    # Deep enough to show anything.
    assert len(walked.rows) > count / 6
    assert len(walked.here | walked.there) > count / 15
    assert len(walked.rebuilt) > count // EVERY


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_views_and_tables_agree_for_as_long_as_anybody_watches(
    tmp_path: Path, database: NewDatabase | None
) -> None:
    """Walk by new seeds for a quarter of the minutes on each database, or by the one given."""
    until = time.monotonic() + 60 * float(os.environ.get(MINUTES, "10")) / 4
    walks, rows, told = 0, set[str](), set[str]()
    while not walks or (time.monotonic() < until and SEED not in os.environ):
        seed = given(SEED, SystemRandom().randrange(1 << 32))
        walked = wander(tmp_path, seed, given(STEPS, LONG), new_database=database)
        walks, rows, told = walks + 1, rows | walked.rows, told | {*walked.here, *walked.there}
    tell(f"{walks} walks: {len(rows)} rows, {len(told)} of {len(REFUSALS)} refusals")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_seed_takes_the_same_steps_again(tmp_path: Path) -> None:
    first, again = (list(steps_of(tmp_path, seed=7, count=12)) for _ in range(2))
    assert first == again


def steps_of(folder: Path, *, seed: int, count: int) -> Iterator[str]:
    taken: list[str] = []

    def go(walk: Walk) -> None:
        taken.append("")
        Wanderer(walk, seed).go(count)
        taken[:] = walk.steps

    walk_by(folder, go)
    yield from taken


def decides_in_the_community(walk: Walk) -> None:
    walk.row("A", "community", "decision.taken … none → taken; topic=charter; outcome=yes")
    walk.looks("A")


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
        walk.looks("B")

    monkeypatch.setattr(reducer, "_own_word", by_chance)
    monkeypatch.setitem(reducer._REDUCERS, Act.RESPONSE_REPORTED, _responded)
    with pytest.raises(WalkError, match="own_word"):
        walk_by(tmp_path, told_alone_before_the_case_is_opened)
    monkeypatch.undo()
    walk_by(tmp_path, told_alone_before_the_case_is_opened)


def _responded(session: Session, judged: Judged) -> None:
    reducer._own_word(session, judged).responded_in = judged.acting.sha256


def test_a_guard_that_lets_everything_pass_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closes_without_a_reason(walk: Walk) -> None:
        walk.row("A", "case", "case.opened; rules=")
        for topic in ("start-coordination", "close"):
            words = f"decision.taken … none → taken; topic={topic}; outcome=yes"
            walk.row("A", "case", words)
        walk.refused("A", "case", "case.closed … says_why_early")

    monkeypatch.setitem(GUARDS, "says_why_early", Guard("", _nothing, of_body=True))
    with pytest.raises(WalkError, match="finds no words in case for"):
        walk_by(tmp_path, closes_without_a_reason)
    monkeypatch.undo()
    walk_by(tmp_path, closes_without_a_reason)


def _nothing(*_given: object) -> None:
    """Have nothing against it."""


def test_a_reducer_that_looks_at_whose_node_it_is_on_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rebuild` can't tell: each node makes again what it had. Another node can."""

    def by_whose_node(row: IntelView, value: Any) -> None:
        take(row, value)
        session = object_session(row)
        assert session is not None
        row.relayed = get_node(session).organisation == row.author

    def shares_with_another(walk: Walk) -> None:
        walk.invites("A", "B", "case", "responder")
        walk.carries()
        walk.joins("B", "case")
        walk.row("A", "case", "intel.shared; new=yes")
        walk.looks("A")

    take = intel_reducer._take
    monkeypatch.setattr(intel_reducer, "_take", by_whose_node)
    with pytest.raises(WalkError, match=r"case on B and A: case_intel .* relayed is False"):
        walk_by(tmp_path, shares_with_another)
    monkeypatch.undo()
    walk_by(tmp_path, shares_with_another)
