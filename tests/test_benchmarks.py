"""What the benchmarks measure with is itself right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.simulated import simulated_problem
from pipeline.search.bayesian import BayesianOptions, BayesianStrategy
from pipeline.search.priors import BROAD
from tests.benchmarks.prefix import Sampled, ideal_hits
from tests.benchmarks.search.busy import fast_run
from tests.benchmarks.search.calibration import ece, excess_ece
from tests.benchmarks.search.methods import Score, capacity, channel_bound, tokens_for
from tests.benchmarks.search.simulated import Cell, draw_case
from tests.benchmarks.search.trees import Policy, ours, peer
from tests.benchmarks.search.world import play, stopped, traces
from tests.benchmarks.speed import rows

CELL = Cell(10, drift=True, recovery=0.1, strength="middle")


@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_searches_in_lockstep_are_the_strategy_s_own(confidence: float) -> None:
    cases = [draw_case(CELL, 3, i) for i in range(30)]
    options = BayesianOptions(confidence=confidence, budget=1000, worth=0, rollouts=2)
    strategy = BayesianStrategy(options, BROAD)
    found = traces(cases, BROAD, sure=0.9, budget=20, rollouts=2).moments
    ended = [both for both in zip(cases, found, strict=True) if both[1][-1].sure >= confidence]
    assert len(ended) > 20
    for case, moments in ended:
        assert play(strategy, case) == stopped(moments, confidence)


def test_a_channel_s_capacity() -> None:
    assert capacity(1.0, 0.0) == pytest.approx(1.0)
    assert capacity(0.3, 0.3) == pytest.approx(0.0, abs=1e-9)
    assert 0 < capacity(0.7, 0.1) < capacity(0.9, 0.1) < 1


def test_no_search_can_do_with_less_than_the_bound() -> None:
    """Eight places told apart by answers that never lie take three whole bits."""
    prior, good = np.full(8, 1 / 8), np.ones(8)
    assert channel_bound(prior, good, 0.0, 0.999999) == pytest.approx(3 / 8, abs=0.01)


def test_calibration_error_is_that_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    posteriors = [np.array([p, 1 - p]) for p in rng.uniform(0.5, 1, 4000)]
    honest = [-1 if rng.random() < p[0] else 0 for p in posteriors]
    assert abs(excess_ece(posteriors, honest)) < 0.01
    assert excess_ece(posteriors, [-1] * 4000) > 0.2
    assert ece(np.full(1000, 0.5), np.arange(1000) % 2 == 0) == pytest.approx(0.0)


def test_tokens_to_an_exactness_lie_between_two_settings() -> None:
    def at(tokens: float, exact: float) -> Score:
        nothing = np.zeros(1)
        return Score("m", 1, exact, exact, tokens, 0.0, 0.0, 0.0, nothing, nothing)

    curve = [at(1, 0.5), at(3, 0.9)]
    assert tokens_for(curve, 0.7) == pytest.approx(2.0)
    assert tokens_for(curve, 0.2) == pytest.approx(1.0)
    assert tokens_for(curve, 0.95) is None


def test_of_the_rules_of_a_tree_only_openr_s_repeats_a_search() -> None:
    for problem in range(6):
        mine = ours(Policy(problem, None), 12, 8)
        openr, mm_prm = (peer(Policy(problem, None), 12, 8, cleared=c) for c in (False, True))
        assert [bool(g.searched) for g in (openr, mm_prm)] == [bool(mine.searched)] * 2
        assert mine.distinct == len(mine.searched)
        assert mm_prm.distinct == len(mm_prm.searched)
        assert openr.distinct < len(openr.searched) or not openr.searched


def test_whole_blocks_that_begin_an_earlier_text_may_come_from_the_cache() -> None:
    first = Sampled([1, 2, 3, 4, 5], [[6, 7, 8, 9]])
    assert ideal_hits([first], 4) == 0
    assert ideal_hits([first, first], 4) == 4
    other_beginning = Sampled([9, 2, 3, 4, 1, 2, 3, 4, 5], [[0]])
    assert ideal_hits([first, other_beginning], 4) == 0


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    whole_blocks = Sampled([1, 2, 3, 4], [[5]])
    assert ideal_hits([whole_blocks, whole_blocks], 4) == 0


def test_what_was_sampled_may_be_found_except_for_its_last_token() -> None:
    first = Sampled([1, 2, 3], [[4, 5, 6, 7, 8]])
    assert ideal_hits([first, Sampled([1, 2, 3, 4, 5, 6, 7, 8, 9], [[0]])], 4) == 4
    longer = Sampled([1, 2, 3], [[4, 5, 6, 7, 8, 9]])
    assert ideal_hits([longer, Sampled([1, 2, 3, 4, 5, 6, 7, 8, 9], [[0]])], 4) == 8


def test_the_samples_of_a_request_share_its_prompt() -> None:
    """All but the first find it: of four on average three quarters."""
    assert ideal_hits([Sampled([1, 2, 3, 4, 5], [[0]] * 4)], 4) == 3


@given(
    st.lists(
        st.builds(
            Sampled,
            st.lists(st.integers(0, 1), min_size=1, max_size=9),
            st.lists(st.lists(st.integers(0, 1), max_size=5), min_size=1, max_size=3),
        ),
        max_size=8,
    ),
    st.integers(1, 4),
)
def test_no_more_can_be_found_than_was_asked(requests: list[Sampled], block: int) -> None:
    assert 0 <= ideal_hits(requests, block) <= sum(len(r.prompt) - 1 for r in requests)
    assert ideal_hits(requests, block) <= ideal_hits(requests, 1)


def test_the_speed_of_a_run_is_measured_against_all_its_requests_at_once(tmp_path: Path) -> None:
    problems = tmp_path / "problems.jsonl"
    problems.write_text("".join(json.dumps(simulated_problem(i).to_row()) + "\n" for i in range(8)))
    policy = EngineConfig(kind="simulated", model="policy")

    def config(repeat: int) -> RunConfig:
        run = fast_run(tmp_path, repeat)
        of = run.problems.model_copy(update={"path": str(problems)})
        return run.model_copy(
            update={"problems": of, "oracle": None, "engines": {"policy": policy, "judge": policy}}
        )

    pace, share = rows("speed", config, least=">= .90")
    assert pace.value > 0
    assert share.value > 0
    assert share.wanted == ">= .90"
