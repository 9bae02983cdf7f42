from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.columns import Places, Rowstore
from pipeline.join import RowIndex
from pipeline.records import Label, Verdict, Vote
from pipeline.shards import Store

ids = st.text("0123", min_size=1, max_size=3)


@settings(max_examples=30, deadline=None)
@given(st.lists(ids, unique=True, max_size=40), st.lists(ids, max_size=30), st.integers(1, 9))
def test_columns_of_solutions_are_found_wherever_they_lie_the_newest_first(
    tmp_path_factory: object, held: list[str], asked: list[str], every: int
) -> None:
    store = Store(Path(tmp_path_factory.mktemp("store")))  # type: ignore[attr-defined]
    store.open("f")
    held += held[::every]
    for begin in range(0, len(held), 7):
        some = enumerate(held[begin : begin + 7], begin)
        store.write([Label(one, place, (), reason=one) for place, one in some], Label)
    newest = {one: place for place, one in enumerate(held)}
    columns = frozenset({"first_error"})
    rows = Rowstore(Places(store), Label, columns).rows(asked)
    found = [one and (one.solution_id, one.first_error) for one in rows.records(columns)]
    assert found == [(one, newest[one]) if one in newest else None for one in asked]
    whole = RowIndex(store, Label).get_all(asked)
    assert [one and one.first_error for one in whole] == [newest.get(one) for one in asked]


def test_a_field_that_was_not_asked_for_is_not_there_rather_than_its_default(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    store.open("f")
    store.write([Label("a", -1, (1,), agreed=("judge",))], Label)
    columns = frozenset({"first_error"})
    (one,) = Rowstore(Places(store), Label, columns).rows(["a"]).records(columns)
    assert one.kept
    with pytest.raises(AttributeError, match="agreed"):
        _ = one.agreed


def test_of_a_list_whose_length_is_asked_for_the_texts_are_not_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open("f")
    votes = (Vote(1, "long"), Vote(None, "longer"))
    store.write([Verdict("a", "judge", 1, votes=votes), Verdict("b", "judge", 1)], Verdict)
    rows = Rowstore(Places(store), Verdict, frozenset(), frozenset({"votes"})).rows(["b", "a"])
    assert rows.batch.column("votes").to_pylist() == [
        [],
        [{"first_error": 1}, {"first_error": None}],
    ]
