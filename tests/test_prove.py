"""What `make prove` measures with is itself right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.panel import UNDECIDED
from pipeline.records import NO_ERROR
from pipeline.testbed.grammar import Split, split_of, split_rows
from pipeline.testbed.tokenizer import decode
from tests.benchmarks.prove.figures import best_threshold, f1, named, picked, voted
from tests.benchmarks.prove.labels import Labelled, paid
from tests.benchmarks.prove.material import POLICY, HeldOut
from tests.benchmarks.prove.paired import Paired, closed
from tests.benchmarks.prove.prm import (
    Example,
    Plan,
    Text,
    batches,
    example,
    new_prm,
    read,
    scored,
    tokens_of,
    trained,
)
from tests.benchmarks.prove.problems import drawn
from tests.benchmarks.prove.tables import Verdict

STEPS = ("#1 Eve has 9 : Eve= 9 .\n", "How many has Eve : Eve= 9 .\n", "Answer : 9\n")
QUESTION = "#1 Eve has 9 .\nHow many has Eve ?"
PLAN = Plan(updates=40, tokens=256)
FLAWED = ("#1 Eve has 9 : Eve= 8 .\n", "How many has Eve : Eve= 8 .\n", "Answer : 8\n")


def test_problems_of_different_uses_are_different_and_none_is_shipped() -> None:
    of = drawn({"train": 30, "dev": 20, "test": 25})
    texts = [str(row["question"]) for rows in of.values() for row in rows]
    assert [len(rows) for rows in of.values()] == [30, 20, 25]
    assert len(set(texts)) == len(texts)
    assert not set(texts) & {str(row["question"]) for row in split_rows(Split.HARD)}
    assert {split_of(text) for text in texts} == {Split.HARD}


def test_more_problems_to_train_on_begin_with_the_same_ones() -> None:
    assert drawn({"train": 12})["train"] == drawn({"train": 20})["train"][:12]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So little is computed that threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def text(question: str, steps: tuple[str, ...]) -> Text:
    return read(POLICY, [(question, steps)], PLAN)[0]


@pytest.mark.parametrize(
    ("first_error", "classes"), [(NO_ERROR, (1, 1, 1)), (0, (0,)), (1, (1, 0))]
)
def test_a_label_says_nothing_of_steps_after_the_first_error(
    first_error: int, classes: tuple[int, ...]
) -> None:
    ids, ends = tokens_of(QUESTION, STEPS)
    taught = example(Text(torch.zeros(len(ids), 4), ends), first_error)
    assert taught.classes == classes
    assert decode(ids[: taught.length]) == f"{QUESTION}\n{''.join(STEPS[: len(classes)])}"


def test_every_example_is_in_each_epoch_once() -> None:
    examples = [Example(Text(torch.zeros(0), (3 + i % 4,)), (1,)) for i in range(30)]
    seen: list[int] = []
    for batch in batches(examples, 3, 24):
        assert len(batch) * max(one.length for one in batch) <= 24
        seen += [id(one) for one in batch]
        if len(seen) >= 30:
            break
    assert sorted(seen) == sorted(map(id, examples))


def test_scores_do_not_depend_on_what_they_are_scored_beside() -> None:
    model = new_prm(POLICY, 0).eval()
    alone = scored(model, [text(QUESTION, STEPS)], PLAN)[0]
    other = text(QUESTION + " ?" * 30, STEPS)
    beside = scored(model, [text(QUESTION, STEPS[:1]), other, text(QUESTION, STEPS)], PLAN)
    assert [len(one) for one in beside] == [1, 3, 3]
    np.testing.assert_allclose(beside[2], alone, atol=0.02)
    np.testing.assert_allclose(beside[0], alone[:1], atol=0.02)


def test_layer_by_layer_it_is_the_library_s_model() -> None:
    model = new_prm(POLICY, 0).eval()
    ids, ends = tokens_of(QUESTION, STEPS)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, list(ends)]
    whole = torch.softmax(logits, -1)[:, 1].numpy()
    np.testing.assert_allclose(scored(model, [text(QUESTION, STEPS)], PLAN)[0], whole, atol=0.02)


def test_a_prm_learns_what_it_is_taught_and_the_same_from_one_seed() -> None:
    texts = [text(QUESTION, STEPS), text(QUESTION, FLAWED)]
    examples = [example(texts[0], NO_ERROR), example(texts[1], 0)]
    models = [trained(POLICY, examples, 4, PLAN) for _ in range(2)]
    first, again = (scored(model, texts, PLAN) for model in models)
    assert first[0].min() > 0.5 > first[1][0]
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(again))


def test_f1_is_of_both_kinds_of_solution() -> None:
    truth = np.array([-1, -1, 2, 3])
    assert f1(truth, np.array([-1, -1, -1, -1])) == 0
    assert f1(truth, truth) == 1
    assert f1(truth, np.array([-1, 0, 2, 1])) == pytest.approx(0.5)


SCORES = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=2, max_size=12)


@given(SCORES, st.data())
def test_no_threshold_that_is_tried_beats_the_best(
    rows: list[list[float]], data: st.DataObject
) -> None:
    scores = [np.array(row) for row in rows]
    truth = np.array([data.draw(st.integers(-1, len(row) - 1)) for row in rows])
    threshold, best = best_threshold(truth, scores)
    assert best == f1(truth, named(scores, threshold))
    values = np.concatenate(scores)
    assert best >= f1(truth, named(scores, float(values.min())))
    assert best >= f1(truth, named(scores, float(values.max())))


def held_out(problem: int, answer: str | None, correct: bool) -> HeldOut:
    return HeldOut(problem, "", (), NO_ERROR, answer, correct)


def test_the_solution_with_the_likeliest_steps_is_picked() -> None:
    solutions = [held_out(0, "1", False), held_out(0, "2", True), held_out(1, "3", False)]
    scores = [np.array([0.9, 0.9]), np.array([0.95]), np.array([0.1])]
    assert picked(solutions, scores).tolist() == [True, False]


def test_a_vote_goes_by_the_answers_that_there_are() -> None:
    solutions = [
        *(held_out(0, "1", False), held_out(0, "2", True), held_out(0, "2", True)),
        *(held_out(1, None, False), held_out(1, "4", True)),
        held_out(2, None, False),
    ]
    assert voted(solutions).tolist() == [True, True, False]


def test_a_budget_pays_in_order_until_it_is_spent() -> None:
    method = Labelled(np.zeros(5, dtype=np.int64), np.array([4.0, 1.0, 1.0, 0.0, 1.0]))
    assert paid(method, 6, [1, 2, 0, 3, 4]).tolist() == [True, True, True, True, False]
    assert paid(method, 2, [0, 1, 2, 3, 4]).tolist() == [False] * 5


def test_unlabelled_solutions_are_errors() -> None:
    method = Labelled(np.array([0, UNDECIDED, 1]), np.zeros(3))
    everything = np.ones(3, dtype=bool)
    assert method.errors(np.array([0, 1, 1]), everything) == pytest.approx(1 / 3)
    assert method.errors(np.array([0, 1, 1]), ~everything) == 1


def test_fieller_s_interval_holds_the_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        whole = rng.normal(0.1, 0.04, 10)
        part = 0.7 * whole + rng.normal(0, 0.03, 10)
        found = closed(part, whole)
        hits += found.low <= 0.7 <= found.high
    assert 0.93 < hits / 2000 < 0.97


def test_a_gap_that_may_be_none_bounds_no_share_of_it() -> None:
    found = closed(np.array([0.01, 0.02, 0.03]), np.array([-0.1, 0.1, 0.01]))
    assert (found.low, found.high) == (-np.inf, np.inf)


@settings(max_examples=50)
@given(st.floats(0.2, 0.95))
def test_a_share_without_noise_is_that_share(share: float) -> None:
    whole = np.array([0.1, 0.12, 0.11, 0.13])
    found = closed(share * whole, whole)
    assert found.low == pytest.approx(share, abs=1e-6)
    assert found.high == pytest.approx(share, abs=1e-6)


def test_an_interval_over_seeds_is_student_s() -> None:
    found = Paired.of(np.array([0.3, 0.5]), np.array([0.2, 0.2]))
    assert found.mean == pytest.approx(0.2)
    assert found.error == pytest.approx(0.1)
    assert found.high - found.mean == pytest.approx(12.706 * 0.1, abs=1e-3)


def verdict(posterior: float, agree: float, oracle: float, noise: float) -> Verdict:
    rng = np.random.default_rng(0)
    means = {"bisection": 0.4, "agree": agree, "posterior": posterior, "oracle": oracle}
    f1s = {name: mean + noise * rng.normal(size=10) for name, mean in means.items()}
    return Verdict.of(f1s, {"bisection": 0.6, "posterior": 0.12})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (verdict(0.58, 0.5, 0.6, 0.005), "the gap is measurable: met"),
        (verdict(0.58, 0.59, 0.6, 0.002), "the gap is measurable: not met"),
        (verdict(0.5, 0.45, 0.6, 0.005), "the gap is measurable: not met"),
        (verdict(0.4005, 0.4, 0.401, 0.001), "gap not measurable; no worse: met"),
        (verdict(0.38, 0.4, 0.4, 0.001), "gap not measurable; no worse: not met"),
    ],
)
def test_the_verdict_is_read_as_it_was_said_beforehand(found: Verdict, words: str) -> None:
    assert found.words == words
