"""The first witness decides, unless one of the others contradicts it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.consensus.veto import veto
from tests.pipeline.consensus.test_agree import RIGHT, verdict

FIRST = st.one_of(st.none(), st.integers(-1, 2))


@given(FIRST, FIRST)
def test_it_is_kept_where_no_other_names_an_earlier_step(
    first: int | None, other: int | None
) -> None:
    verdicts = {"judge": verdict("judge", first), "rollouts": verdict("rollouts", other)}
    found = veto(RIGHT, verdicts, ("judge", "rollouts"), ())
    objects = other is not None and other >= 0 and (first == -1 or (first or 0) > other)
    assert found.kept == (first is not None and not objects)
    assert not found.kept or found.first_error == first


def test_a_veto_that_has_not_spoken_yet_is_told() -> None:
    found = veto(RIGHT, {"judge": verdict("judge", 1)}, ("judge",), ("arithmetic",))
    assert found.reason == "arithmetic: no verdict yet"
