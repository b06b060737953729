"""Laws of the timeline's drawing: nothing lies on another, order stays, all of it is inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from policies.timeline import MARK, Bar, Shape, lay_out

TIMES = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30)) | st.datetimes(  # noqa: DTZ001
    datetime(2026, 3, 1),  # noqa: DTZ001
    datetime(2026, 3, 2),  # noqa: DTZ001
)


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    count = draw(st.integers(0, 40))
    found = []
    for number in range(count):
        begin = draw(TIMES).replace(tzinfo=UTC)
        span = draw(st.sampled_from((0, 0, 60, 86_400)) | st.integers(0, 3_000_000))
        latest = min(begin + timedelta(seconds=min(span, 86_399)), datetime.max.replace(tzinfo=UTC))
        lane = draw(st.sampled_from("abc"))
        found.append(Bar(f"{number}", lane, begin, latest))
    return found


@given(bars())
def test_nothing_lies_on_another_and_all_of_it_is_inside(found: list[Bar]) -> None:
    drawing = lay_out(found)
    assert {shape.key for shape in drawing.shapes} == {bar.key for bar in found}
    for place, one in enumerate(drawing.shapes):
        assert one.width >= MARK
        assert 0 <= one.x <= one.x + one.width <= drawing.width
        assert 0 <= one.y <= one.y + one.height <= drawing.height
        for other in drawing.shapes[place + 1 :]:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y


@given(bars())
def test_order_stays_and_what_is_uncertain_is_as_wide_as_that(found: list[Bar]) -> None:
    shapes = {shape.key: shape for shape in lay_out(found).shapes}
    for one in found:
        for other in found:
            if one.earliest < other.earliest:
                assert shapes[one.key].x < shapes[other.key].x
            if one.latest < other.latest:
                assert _end(shapes[one.key]) < _end(shapes[other.key])
        assert (shapes[one.key].width == MARK) == (one.earliest == one.latest)


@given(bars())
def test_each_shape_lies_in_the_lane_of_its_organisation(found: list[Bar]) -> None:
    drawing = lay_out(found)
    lanes = {lane.name: lane for lane in drawing.lanes}
    of = {bar.key: bar.lane for bar in found}
    for shape in drawing.shapes:
        lane = lanes[of[shape.key]]
        assert lane.y <= shape.y <= shape.y + shape.height <= lane.y + lane.height
    for before, after in zip(drawing.lanes, drawing.lanes[1:], strict=False):
        assert before.y + before.height <= after.y


@given(bars(), st.randoms())
def test_the_order_in_which_it_is_told_changes_nothing(found: list[Bar], random: Random) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    assert lay_out(mixed) == lay_out(found)


def _end(shape: Shape) -> float:
    return round(shape.x + shape.width, 6)
