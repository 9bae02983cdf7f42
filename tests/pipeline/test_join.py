from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.join import RowIndex, Seeker
from pipeline.records import Label
from pipeline.shards import Store

ids = st.text("0123456789abcdef", min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(st.lists(ids, unique=True, max_size=30), st.lists(ids, max_size=8), st.floats(0, 1))
def test_an_index_and_a_seeker_find_the_rows_that_are_there_wherever_they_lie(
    tmp_path_factory: object, held: list[str], asked: list[str], place: float
) -> None:
    store = Store(Path(tmp_path_factory.mktemp("store")))  # type: ignore[attr-defined]
    store.open("f")
    for begin in range(0, len(held), 7):
        rows = [Label(one, -1, (), reason=one) for one in held[begin : begin + 7]]
        store.write(rows, Label)
    asked += held[::3]
    found = RowIndex(store, Label).get_all(asked)
    assert [None if one is None else one.reason for one in found] == [
        one if one in held else None for one in asked
    ]
    assert Seeker(store, Label).get_all(asked, place) == found


def test_the_newest_row_of_a_solution_wins(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open("f")
    for reason in ("old", "new"):
        store.write([Label("a", None, (), reason=reason), Label(reason, None, ())], Label)
    newest = RowIndex(store, Label).get("a")
    assert newest is not None
    assert newest.reason == "new"
