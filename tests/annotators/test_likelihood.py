"""A likelihood that falls for good names its step; all else names nothing."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.likelihood import (
    LEAST,
    LikelihoodAnnotator,
    LikelihoodOptions,
    first_error,
    lasting_drop,
    total,
)
from annotators.registry import make_annotators
from pipeline.annotator import Tools
from pipeline.batch import run_batch
from pipeline.config import EngineConfig, GradingConfig, RunConfig
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.engine.protocol import Engine, ScoreRequest, ScoreResult
from pipeline.engine.rendering import TextRenderer
from pipeline.engine.simulated import simulated_truth
from pipeline.engine.transformers_engine import TransformersEngine
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError
from pipeline.grading import Grader
from pipeline.inputs.problems import PASSES
from pipeline.join import annotated
from pipeline.prompts import load_prompt
from pipeline.records import Cost, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.testbed.model import load_model
from pipeline.testbed.score import Row, sample_solutions
from tests.annotators.judge_server import SOLUTION, in_order, serving
from tests.test_resume import small_batch

POLICY = Path("data/tinymath/policy")
PROMPTS = Path("pipeline/prompt_files")
nats = st.one_of(st.floats(LEAST, 0), st.just(LEAST))


@given(level=nats, steps=st.integers(1, 200), drop=st.floats(0.1, 50))
def test_a_flat_profile_names_no_step(level: float, steps: int, drop: float) -> None:
    assert lasting_drop([level] * steps, drop) is None


@given(profile=st.lists(nats, min_size=1, max_size=200), drop=st.floats(0.1, 50))
def test_a_rising_profile_names_no_step(profile: list[float], drop: float) -> None:
    assert lasting_drop(sorted(profile), drop) is None


@given(
    before=st.lists(st.floats(-2, 0), min_size=1, max_size=100),
    after=st.lists(st.one_of(st.floats(-90, -6), st.just(LEAST)), min_size=1, max_size=100),
)
def test_a_cliff_names_its_step_whatever_falls_later(
    before: list[float], after: list[float]
) -> None:
    assert lasting_drop([*before, *after], 4) == len(before) - 1


@given(
    profile=st.lists(nats, min_size=1, max_size=100),
    dip=st.lists(nats, max_size=20),
)
def test_a_dip_that_recovers_names_nothing(profile: list[float], dip: list[float]) -> None:
    best = max(profile + dip)
    assert lasting_drop([*profile, *dip, best], 1) is None


@given(profile=st.lists(nats, min_size=1, max_size=60), drop=st.floats(0.1, 50))
def test_what_is_named_is_the_first_fall_that_lasts(profile: list[float], drop: float) -> None:
    def lasts(step: int) -> bool:
        return max(profile[: step + 1]) - max(profile[step + 1 :]) >= drop

    named = lasting_drop(profile, drop)
    falls = [step for step in range(len(profile) - 1) if lasts(step)]
    assert named == (falls[0] if falls else None)


@pytest.mark.parametrize(
    ("profile", "named"),
    [
        ([-0.1, -0.1, -9.0], 1),
        ([-0.1, -9.0, -0.1], -1),
        ([-9.0, -9.0, -9.0], None),
        ([-9.0, -5.0, -0.1], -1),
        ([-0.1], -1),
        ([-3.0], None),
    ],
)
def test_no_error_is_said_only_of_a_likelihood_that_ends_high(
    profile: list[float], named: int | None
) -> None:
    found = first_error(profile, 3.0)
    assert found.first_error == named
    assert (found.reason is None) == (named is not None)


def test_an_impossible_text_is_the_least_likely_and_no_number_is_none() -> None:
    assert total([-1.0, -math.inf]) == LEAST
    assert total([-1.0, math.nan]) is None
    assert total([]) is None


class Scores:
    """An engine whose log-probabilities are given, call by call."""

    fingerprint = "scores"
    max_in_flight = 8
    renderer = TextRenderer(chat=True)

    def __init__(self, *logprobs: tuple[float, ...] | Exception) -> None:
        self.left = list(logprobs)
        self.asked: list[ScoreRequest] = []

    async def score(self, request: ScoreRequest) -> ScoreResult:
        self.asked.append(request)
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return ScoreResult(answer, Cost(calls=1, prompt_tokens=10))


async def verdict(engine: Engine | Scores, solution: Solution = SOLUTION, **options: object):
    made = LikelihoodAnnotator("likelihood", LikelihoodOptions.model_validate(options))
    async with Grader(GradingConfig()) as grader:
        tools = Tools(engine, grader, load_prompt("boxed", PROMPTS))  # type: ignore[arg-type]
        return await made.annotate(solution, tools)


async def test_each_prefix_but_the_last_is_asked_for_the_answer_which_alone_is_scored() -> None:
    engine = Scores((-0.2, -0.1), (-0.1,), (-8.0, -1.0))
    found = await verdict(engine)
    assert found.first_error == 1
    assert found.scores == (-0.1, -9.0, None)
    assert found.cost == Cost(calls=3, prompt_tokens=30)
    assert {request.continuation for request in engine.asked} == {"72}"}
    begun = [request.prompt.messages[-1][1] for request in engine.asked if request.prompt.messages]
    assert begun == ["".join(SOLUTION.steps[:t]) + "The final answer is \\boxed{" for t in range(3)]


async def test_how_unlikely_a_guess_is_tells_nothing() -> None:
    found = await verdict(Scores((-5.0,), (-40.0,), (-9.0,)))
    assert (found.first_error, found.reason) == (
        None,
        "the likelihood neither falls for good nor ends high",
    )


async def test_of_a_reference_the_rest_is_scored_on_a_new_line() -> None:
    steps = ("Half of 48 is 24.", " 48 + 24 = 62.", " It is 62.")
    solution = Solution("s", "p", "q", "72", steps, "m", reference=SOLUTION.reference)
    engine = Scores((-1.0,), (-0.5,), (-30.0,))
    found = await verdict(engine, solution, target="reference")
    assert found.first_error == 1
    assert [request.continuation for request in engine.asked] == [
        "In May she sold 48/2 = 24.\nIn all 48+24 = 72.",
        "\nIn all 48+24 = 72.",
        "\nIn all 48+24 = 72.",
    ]


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        (Scores((-0.1,), BadRequestError("too long"), (-0.1,)), "request refused: too long"),
        (Scores((-0.1,), (), (-0.1,)), "the engine gave no likelihood"),
        (Scores((-0.1,), (math.nan,), (-0.1,)), "the engine gave no likelihood"),
    ],
)
async def test_what_was_not_scored_is_no_evidence(engine: Scores, told: str) -> None:
    found = await verdict(engine)
    assert (found.first_error, found.reason) == (None, told)


@pytest.mark.parametrize("target", ["answer", "reference"])
async def test_a_problem_without_what_is_to_be_scored_is_undecided(target: str) -> None:
    bare = Solution("s", "p", "q", " ", ("a\n", "b"), "m", reference=None)
    found = await verdict(Scores(), bare, target=target)
    assert found.first_error is None
    assert "the problem has no" in found.reason


async def test_where_tests_say_what_is_right_no_answer_is_scored() -> None:
    program = replace(SOLUTION, gold=PASSES, tests="assert f(1) == 2")
    found = await verdict(Scores(), program)
    assert (found.first_error, found.reason) == (None, "the problem has no gold answer")


async def test_a_fault_of_the_engine_escapes_to_be_tried_again() -> None:
    with pytest.raises(EngineFaultError):
        await verdict(Scores((-0.1,), EngineFaultError("away"), (-0.1,)))


async def test_an_engine_that_can_not_score_is_told_with_the_cure() -> None:
    async with serving(in_order()) as server:
        config = EngineConfig(kind="openai", model="m", url=server.url, chat_api=True)
        engine = OpenAIEngine(config)
        with pytest.raises(PrerequisiteError, match="can't score"):
            await verdict(engine)
        await engine.close()


@pytest.mark.parametrize("phrase", ["The answer is", "{{gold}} or {{gold}}"])
def test_a_phrase_holds_the_gold_answer_once(phrase: str) -> None:
    with pytest.raises(ValueError, match=r"\{\{gold\}\} once"):
        LikelihoodOptions(answer=phrase)


async def test_a_run_names_the_bad_steps_of_the_simulated_policy_and_samples_nothing(
    tmp_path: Path,
) -> None:
    raw = small_batch(tmp_path, problems=12).model_dump(mode="json")
    raw["engines"]["generator"]["args"] = {"value": 0.7, "luck": 0.01}
    raw["annotators"] = {"likelihood": {"answer": "#### {{gold}}"}}
    raw["consensus"] = {"witnesses": ["likelihood"], "vetoes": []}
    config = RunConfig.check(raw, "test")
    summary = await run_batch(config, make_annotators(config))
    cost = summary.stages["likelihood"].cost
    assert cost.completion_tokens == 0 < cost.prompt_tokens
    named = 0
    for item in annotated(RunFolder(config.folder), ["likelihood"]):
        s = item.solution
        truth = simulated_truth(s.text, s.gold)
        if truth < len(s.steps) - 1:
            assert item.verdicts["likelihood"].first_error == truth
            named += truth >= 0
    assert named > 3


@pytest.fixture(scope="module")
def tinymath() -> list[tuple[Solution, int]]:
    """24 wrong solutions of the shipped policy to hard problems, with their first wrong steps."""
    lines = Path("data/tinymath/hard.jsonl").read_text(encoding="utf-8").splitlines()[:140]
    problems = {row["question"]: row for row in map(json.loads, lines)}
    rows = [Row(p["id"], p["question"], p["level"], p["kind"]) for p in problems.values()]
    wrong = []
    for w in sample_solutions(load_model(POLICY), rows, temperature=1.0, seed=5):
        if w.oracle.answer is not None and not w.oracle.correct:
            of = problems[w.row.question]
            solution = Solution(
                w.row.id,
                w.row.id,
                w.row.question,
                of["answer"],
                w.steps,
                "policy",
                reference=of["reference"],
            )
            wrong.append((solution, w.oracle.first_error))
    return wrong[:24]


@pytest.mark.slow
async def test_on_tinymath_a_reference_beats_always_the_first_middle_last_or_any_step(
    tinymath: list[tuple[Solution, int]],
) -> None:
    assert len(tinymath) == 24
    options = LikelihoodOptions(target="reference")
    annotator = LikelihoodAnnotator("likelihood", options)
    engine = TransformersEngine(EngineConfig(kind="transformers", model=str(POLICY)), 1)
    found: list[Verdict] = []
    async with Grader(GradingConfig()) as grader:
        tools = Tools(engine, grader, load_prompt("plain", PROMPTS))
        for solution, _ in tinymath:
            found.append(await annotator.annotate(solution, tools))
    await engine.close()
    named = [
        (solution, first, v.first_error)
        for (solution, first), v in zip(tinymath, found, strict=True)
        if v.first_error is not None and v.first_error >= 0
    ]
    assert len(named) >= 14
    exact = sum(first == step for _, first, step in named)
    draw = random.Random(1)
    for blind in (
        lambda n: 0,
        lambda n: n // 2,
        lambda n: n - 1,
        lambda n: draw.randrange(n),
    ):
        guessed = sum(first == blind(len(s.steps)) for s, first, _ in named)
        assert exact > guessed + len(named) / 5
    assert all(v.cost.completion_tokens == 0 for v in found)


def test_a_drop_that_no_answer_can_make_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 4"):
        LikelihoodOptions(drop=4.0)
    assert LikelihoodOptions(target="reference", drop=40.0).drop == 40.0
