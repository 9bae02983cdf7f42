"""The pictures of a report: every mark in its frame, and said in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.pictures import Bar, stacked_bars
from pipeline.report.pictures import Point, scatter

shares = st.floats(0, 1)
points = st.builds(
    Point,
    st.text(max_size=30),
    st.floats(0, 1e7),
    shares,
    st.none() | shares,
    st.none() | shares,
    st.none() | shares,
    st.just("k-right"),
    st.text('abc é<&"', max_size=30),
)


@given(st.lists(points, min_size=1, max_size=6))
def test_every_point_is_in_the_frame_and_has_its_title(found: list[Point]) -> None:
    picture = scatter(found, "tokens", "a picture")
    width, height = (float(picture.get(side, "")) for side in ("width", "height"))
    told = sorted(one.text or "" for one in picture.iter("title"))
    assert told == sorted(p.told for p in found)
    for circle in picture.iter("circle"):
        assert 0 <= float(circle.get("cx", "")) <= width
        assert 0 <= float(circle.get("cy", "")) <= height
    assert sum(1 for _ in picture.iter("circle")) == len(found) + sum(
        p.ring is not None for p in found
    )


def test_more_tokens_are_further_right_and_more_exact_is_higher() -> None:
    few = Point("few", 40, 0.8, None, None, None, "k-cost", "few")
    many = Point("many", 400, 0.99, None, None, None, "k-cost", "many")
    drawn = scatter([few, many], "tokens", "a picture").iter("g")
    found = {str(group.findtext("title")): group.find("circle") for group in drawn}
    one, other = found["few"], found["many"]
    assert one is not None
    assert other is not None
    assert float(one.get("cx", "")) < float(other.get("cx", ""))
    assert float(one.get("cy", "")) > float(other.get("cy", ""))


def test_a_name_with_no_room_is_cut_and_told_whole() -> None:
    short, long = Bar("arithmetic", [], "1"), Bar("a-name-with-no-room", [], "1")
    drawn = [*stacked_bars([short, long], 1.0, "a picture", 110).iter("text")]
    assert [one.findtext("title") for one in drawn if one.get("class")] == [None, long.name]
