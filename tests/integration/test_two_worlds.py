"""Two worlds that differ in what the coordinator alone is told look the same to everybody else.

Everything that can be told alone is told: how one is hit and how far one is, reports and what is
added to them or taken back, notes and things to look for in the direct channel, an answer that is
for the asker alone, what is said by telephone, the name that stands behind a number, and from whom
a near-miss comes that all read. Then all that others hold, are served and can look at is compared,
byte for byte. Chance and clock are those of the step in both worlds (`tests.kit.staged`), so that
no id, nonce, signature or time needs excusing.

Source: domain, 1 (*For the coordinator alone*); decision 21; threat model, *Working out what the
coordinator alone was told*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import func, select

from federation.serving import access
from hub.cases import heard, joining
from hub.channels import history
from hub.reports import exchange, queries
from hub.reports.records import ReportAnswer
from policies.roles import PersonRole
from tests.integration.told_alone import (
    COORDINATOR,
    LATER,
    ONE,
    OTHER,
    TELLER,
    THIRD,
    Secrets,
    secrets,
)
from tests.integration.told_alone_worlds import AWAY, Community, World
from tests.kit.hostile_peer import kept
from tests.kit.looking import Seen, differences
from tests.kit.nodes import RunningNode

pytestmark = pytest.mark.timeout(600)

# What makes a rule let through too much.


def always(_rule: Any) -> Any:
    return lambda *_given, **_more: True


def never(_rule: Any) -> Any:
    return lambda *_given, **_more: False


def with_what_was_told_alone(rule: Any) -> Any:
    return lambda session, state: [*rule(session, state), *heard.heard_alone(session, state)]


def as_if_it_owned_it(rule: Any) -> Any:
    return lambda state, _organisation: rule(state, state["owner"])


def one_by_one(_rule: Any) -> Any:
    def next_reference(session: Any, desk: Any, now: Any) -> str:
        ours = select(func.count()).where(ReportAnswer.author == desk.organisation)
        return f"CERT-{now.year}-{session.scalar(ours) + 1:04d}"

    return next_reference


def reported_once_more(world: World) -> Seen:
    """Have the third member report something, in one of the worlds after the teller has again."""
    world.report_alone(world.secrets.reports[0] if world.secrets is OTHER else None)
    world.report_once_more()
    return {"report_answer": stored(world.third)["report_answer"]}


def told_once_more(world: World) -> Seen:
    world.tell_once_more()
    return {"case_view": stored(world.third)["case_view"]}


BROKEN: Final[Mapping[str, tuple[Any, str, Any, Callable[[World], Seen]]]] = {
    "references count reports": (exchange, "next_reference", one_by_one, reported_once_more),
    "what was told alone counts as if it were open": (
        joining,
        "heard_openly",
        with_what_was_told_alone,
        told_once_more,
    ),
    "any partner is served": (
        access,
        "_find_member",
        as_if_it_owned_it,
        lambda world: world.look_at(COORDINATOR).served_to(world.third),
    ),
    "any colleague reads what was told alone": (
        history,
        "answers_what_is_told_alone",
        always,
        lambda world: world.answers(PersonRole.AUDITOR, f"/channels/{world.told_in}/entries"),
    ),
    "any colleague's tool reads what was told alone": (
        access,
        "was_told_alone",
        never,
        lambda world: world.collections(PersonRole.AUDITOR),
    ),
    "any colleague reads what is red in reports": (
        queries,
        "may_read_words",
        always,
        lambda world: world.answers(PersonRole.LIAISON, "/reports/"),
    ),
}
"""What holds no more: where the rule is, its name, what breaks it, and where that is looked for."""


@dataclass(frozen=True)
class Views:
    """What was seen in one world, by whom and where.

    Args:
        joined: whether the coordinator had anything new to tell, at each look.
        broken: the same where a rule does not hold any more.
        guessable: what could be tried out by its id and hash.
    """

    joined: tuple[bool, ...]
    members: Mapping[str, Seen]
    colleagues: Mapping[str, Seen]
    broken: Mapping[str, Seen]
    guessable: Sequence[str]


def stored(node: RunningNode) -> Seen:
    """Give all that a node keeps, table by table."""
    return {table: "\n".join(rows) for table, rows in kept(node).items()}


def seen_in(
    community: Community,
    secrets: Secrets,
    *colleagues: PersonRole,
    broken_too: bool = False,
    thoroughly: bool = False,
) -> Views:
    """Let a world go by, and give what was seen in it.

    Args:
        colleagues: people at the coordinator's, who ask and click through everything; with them
            somebody at the third member's clicks through everything. That asks through everything
            in `make soak`: it is made of what its node keeps, which is compared each time.
        broken_too: what is seen where a rule does not hold any more, too.
    """
    with community.world(secrets) as world:
        members: dict[str, Seen] = {}
        for name in (THIRD, LATER):
            node = world.nodes[name]
            members[f"kept by {name}"] = stored(node)
            members[f"served to {name}"] = world.look_at(COORDINATOR).served_to(node)
        members["served by the teller"] = world.look_at(TELLER).served_to(world.third)
        if colleagues:
            person, look = world.people[THIRD, PersonRole.COORDINATOR], world.look_at(THIRD)
            members[f"pages of {THIRD}"] = look.pages(person)
            if thoroughly:
                members[f"interface of {THIRD}"] = look.answers(person)
        close: dict[str, Seen] = {}
        for role in colleagues:
            looked_at = _looked_at(world, COORDINATOR, role)
            close |= {where: world.blinded(seen) for where, seen in looked_at.items()}
        broken: dict[str, Seen] = {}
        guessable: list[str] = []
        if broken_too:
            guessable = world.what_can_be_tried_out()
            for what, (place, name, breaking, seeing) in BROKEN.items():
                with pytest.MonkeyPatch.context() as patched:
                    patched.setattr(place, name, breaking(getattr(place, name)))
                    broken[what] = seeing(world)
        return Views(tuple(world.joined), members, close, broken, guessable)


def _looked_at(world: World, name: str, role: PersonRole) -> dict[str, Seen]:
    person, look = world.people[name, role], world.look_at(name)
    return {
        f"interface of {name}, {role}": look.answers(person),
        f"pages of {name}, {role}": look.pages(person),
        f"collections of {name}, {role}": look.collections(person.headers),
    }


def must_be_alike(one: Mapping[str, Seen], other: Mapping[str, Seen]) -> None:
    """Fail where two worlds look otherwise, and tell where and how."""
    told = {where: differences(one[where], other[where]) for where in one if where in other}
    what = "\n\n".join(f"{where}: {what}" for where, what in told.items() if what)
    if what:
        pytest.fail(what, pytrace=False)


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Community:
    return Community(tmp_path_factory.mktemp("two_worlds"))


@pytest.fixture(scope="module")
def both(community: Community) -> tuple[Views, Views]:
    one, other = (
        seen_in(community, secrets, PersonRole.AUDITOR, broken_too=True) for secrets in (ONE, OTHER)
    )
    return one, other


def test_members_see_nothing_of_what_one_of_them_tells_alone(both: tuple[Views, Views]) -> None:
    one, other = both
    assert one.joined == other.joined == (True, True)
    must_be_alike(one.members, other.members)


def test_colleagues_who_may_not_read_it_see_only_that_something_was_told(
    both: tuple[Views, Views],
) -> None:
    must_be_alike(both[0].colleagues, both[1].colleagues)


def test_what_is_read_by_its_hash_alone_cannot_be_tried_out(both: tuple[Views, Views]) -> None:
    assert [views.guessable for views in both] == [[], []]


@pytest.mark.parametrize("what", BROKEN)
def test_a_rule_that_holds_no_more_is_told_by_it(both: tuple[Views, Views], what: str) -> None:
    one, other = (views.broken[what] for views in both)
    assert differences(one, other)


def but_of_its_source(secret: Secrets, seen: Mapping[str, Seen]) -> Mapping[str, Seen]:
    """Leave out what is seen by whoever has told of the near-miss, which knows it."""
    return {where: what for where, what in seen.items() if secret.near_miss_by not in where}


_CALM: Final = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
"""A world takes seconds, and the difference is told in a few lines: nothing is made smaller."""


@settings(_CALM, max_examples=2)
@given(secret=secrets)
def test_whatever_one_tells_alone_members_see_the_same(
    community: Community, both: tuple[Views, Views], secret: Secrets
) -> None:
    """The first that is drawn is the least: that one is not hit, and nothing else."""
    seen = seen_in(community, secret)
    assert seen.joined == both[0].joined
    must_be_alike(both[0].members, but_of_its_source(secret, seen.members))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Community:
    """Give a community in which five tell something alone, so that all are told something of it."""
    return Community(tmp_path_factory.mktemp("two_worlds_of_many"), AWAY)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_of_five_who_tell_something_alone_all_see_the_same_whatever_one_says(
    crowd: Community,
) -> None:
    one, other = (
        seen_in(crowd, secrets, PersonRole.LIAISON, thoroughly=True) for secrets in (ONE, OTHER)
    )
    assert "at_least" in one.members[f"kept by {THIRD}"]["case_view"]
    must_be_alike(one.members, other.members)
    must_be_alike(one.colleagues, other.colleagues)

    @settings(_CALM, max_examples=100, derandomize=False)
    @given(secret=secrets)
    def whatever_it_says(secret: Secrets) -> None:
        seen = seen_in(crowd, secret)
        assert seen.joined == one.joined
        must_be_alike(one.members, but_of_its_source(secret, seen.members))

    whatever_it_says()
