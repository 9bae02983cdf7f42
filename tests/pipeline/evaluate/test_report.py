"""The whole report from arrays: figures against computations of their own, intervals, and cost."""

from __future__ import annotations

import math
from statistics import harmonic_mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate import UNDECIDED, Panel, Said, evaluate, processbench_f1, score
from pipeline.evaluate.figures import exactness
from pipeline.evaluate.report import BASELINE, LABEL, TOGETHER, WITNESS
from pipeline.evaluate.resample import Bootstrap

pairs = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(-1, 5)), st.integers(-1, 5)), max_size=40
)


def of(said: list[tuple[int | None, int]]) -> tuple[Said, np.ndarray]:
    return Said.of([named for named, _ in said]), np.array([gold for _, gold in said], dtype=int)


@settings(deadline=None)
@given(pairs)
def test_f1_equals_an_independent_computation_to_the_digit(
    said: list[tuple[int | None, int]],
) -> None:
    found = exactness(*of(said), Bootstrap(np.arange(len(said)), draws=100)).f1.value
    on_errors = [named == gold for named, gold in said if gold != -1]
    on_clean = [named == gold for named, gold in said if gold == -1]
    if not on_errors or not on_clean:
        assert found is None
        return
    a, b = sum(on_errors) / len(on_errors), sum(on_clean) / len(on_clean)
    assert found == processbench_f1(said)
    assert found == pytest.approx(harmonic_mean([a, b]), abs=1e-15)


@settings(deadline=None)
@given(pairs)
def test_the_figures_are_those_of_score(said: list[tuple[int | None, int]]) -> None:
    found = exactness(*of(said), Bootstrap(np.arange(len(said)), draws=100))
    other = score(said)
    assert (found.exact.value, found.within_one.value) == (other.exact, other.within_one)
    assert (found.on_errors.value, found.on_clean.value) == (other.on_errors, other.on_clean)
    assert found.kept.value == (other.decided / other.n if said else None)
    assert found.f1_decided.value == other.f1_decided
    assert found.exact.n == other.decided


def small(n: int = 400, seed: int = 0) -> Panel:
    """Two witnesses of which one is surer, four solutions to a problem."""
    random = np.random.default_rng(seed)
    gold = random.integers(-1, 4, n)
    good = np.where(random.random(n) < 0.8, gold, random.integers(-1, 4, n))
    poor = np.where(random.random(n) < 0.4, gold, UNDECIDED)
    sure = np.full(n, 0.8)
    none, tokens = np.full(n, np.nan), np.full(n, 100.0)
    return Panel(
        gold=gold,
        problems=np.arange(n) // 4,
        witnesses={"good": Said(good, sure, tokens), "poor": Said(poor, none, tokens / 2)},
        label=Said(np.where(good == poor, good, UNDECIDED), sure, none),
        outcomes=["right" if one == -1 else "wrong" for one in gold],
        generation=tokens,
    )


def test_everyone_is_scored_and_the_baseline_last() -> None:
    report = evaluate(small(), draws=200)
    assert [(s.who, s.role) for s in report.scored[:3]] == [
        ("good", WITNESS),
        ("poor", WITNESS),
        ("label", LABEL),
    ]
    baseline = report.scored[-1]
    assert baseline.role == BASELINE
    assert baseline.exactness.f1.value == 0.0
    assert baseline.exactness.on_clean.value == 1.0
    assert report.problems == 100


def test_the_same_seed_gives_the_same_report_and_intervals_hold_the_figure() -> None:
    report = evaluate(small(), draws=200, seed=5)
    assert report == evaluate(small(), draws=200, seed=5)
    assert report != evaluate(small(), draws=200, seed=6)
    for one in report.scored:
        for figure in one.exactness:
            if figure.value is not None:
                assert figure.low is not None
                assert figure.high is not None
                assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9


def test_tokens_are_told_a_solution_and_a_kept_label() -> None:
    panel = small()
    spent = {one.who: one for one in evaluate(panel, draws=100).spent}
    assert panel.label is not None
    kept = int(panel.label.decided.sum())
    assert spent["poor"].per_solution.value == 50.0
    assert spent[TOGETHER].per_solution.value == 150.0
    assert spent[TOGETHER].per_kept_label is not None
    assert spent[TOGETHER].per_kept_label.value == pytest.approx(150 * 400 / kept)


def test_solutions_of_one_problem_are_drawn_together() -> None:
    said = np.repeat(np.arange(100) % 2 == 0, 4)
    together = Bootstrap(np.arange(400) // 4, seed=1).share(said, np.ones(400, dtype=bool))
    apart = Bootstrap(np.arange(400), seed=1).share(said, np.ones(400, dtype=bool))
    assert together.low is not None
    assert apart.low is not None
    assert together.low < apart.low
    half = 1.96 * math.sqrt(0.25 / 100)
    assert together.low == pytest.approx(0.5 - half, abs=0.02)


def test_all_or_none_of_a_few_has_an_interval_as_wide_as_the_summarys() -> None:
    every = np.ones(15, dtype=bool)
    exact, none = Bootstrap(np.arange(15)).shares([(every, every), (~every, every)])
    assert (exact.low, exact.high) == (pytest.approx(0.796, abs=0.001), 1.0)
    assert (none.low, none.high) == (0.0, pytest.approx(0.204, abs=0.001))


def test_one_problem_alone_has_no_interval() -> None:
    found = Bootstrap(np.zeros(5, dtype=int)).share(np.ones(5, dtype=bool), np.ones(5, dtype=bool))
    assert found == (1.0, None, None, 5)


def test_arrays_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"judge\.named has 1 entries, gold has 2"):
        Panel(np.zeros(2, dtype=int), np.zeros(2, dtype=int), {"judge": Said.of([1])})


def test_nothing_at_all_has_a_report_without_figures() -> None:
    empty = np.zeros(0, dtype=int)
    report = evaluate(Panel(empty, empty, {"judge": Said.of([])}, Said.of([])), draws=100)
    assert report.n == 0
    assert all(figure.value is None for one in report.scored for figure in one.exactness)
