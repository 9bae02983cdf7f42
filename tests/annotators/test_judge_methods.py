"""Each way of judging, against a server whose answers are written by hand: its prompt, its verdict,
what it asks for and what that costs. That a model answers well is not shown here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.annotator import Expectation
from pipeline.errors import ConfigError
from pipeline.records import Outcome, Solution
from tests.annotators.judge_server import SOLUTION, STEPS, annotator, in_order, judged, serving


def critique(*verdicts: str, first: int = 0) -> str:
    entries = [{"step": i, "check": "…", "verdict": v} for i, v in enumerate(verdicts, first)]
    return json.dumps({"steps": entries})


FINE = critique("right", "right", "right")
SECOND = critique("right", "wrong", "right")
LAST_TWO = critique("right", "wrong", "wrong")
LAST = critique("right", "right", "wrong")


async def verdict(kind: str, *answers: str, solution: Solution = SOLUTION, **options: Any):
    async with serving(in_order(*answers)) as server:
        found = await judged(annotator(kind, **options), solution, server)
    assert found.cost.calls == len(server.asked)
    said = sum(len(text.split()) for text in answers[: sum(a["n"] for a in server.asked)])
    assert found.cost.completion_tokens == said
    return found, server


@pytest.mark.parametrize(
    ("rule", "answers", "expected"),
    [
        ("intersection", (SECOND, LAST_TWO, SECOND, LAST_TWO), 1),
        ("intersection", (SECOND, SECOND, SECOND, FINE), None),
        ("intersection", (LAST_TWO, LAST_TWO, LAST, LAST_TWO), 2),
        ("half", (SECOND, SECOND, FINE, FINE), 1),
        ("majority", (SECOND, SECOND, FINE, FINE), None),
        ("majority", (FINE, FINE, FINE, SECOND), -1),
        ("mean", (SECOND, LAST, LAST, FINE), None),
        ("mean", (FINE, FINE, LAST, SECOND), -1),
    ],
)
async def test_one_pass_critiques_are_fused_by_the_rule(
    rule: str, answers: tuple[str, ...], expected: int | None
) -> None:
    found, server = await verdict("judge", *answers, prompt="critique", votes=4, rule=rule)
    assert found.first_error == expected
    assert len(found.votes) == 4
    assert [a["n"] for a in server.asked] == [4]
    assert (found.scores != ()) == (rule == "mean")


async def test_a_reference_aligns_steps_that_count_from_one() -> None:
    said = critique("right", "wrong", "wrong", first=1)
    found, server = await verdict("judge", said, prompt="reference", votes=1)
    assert found.first_error == 1
    assert "R2: In all" in server.prompts()[0]


async def test_without_a_reference_solution_nothing_is_asked_and_nothing_decided() -> None:
    bare = Solution("s", "p", "q", "1", STEPS, "model", outcome=Outcome.CORRECT)
    found, server = await verdict("judge", prompt="reference", votes=1, solution=bare)
    assert (found.first_error, found.reason) == (None, "the problem has no reference solution")
    assert server.asked == []


async def test_the_reversed_order_names_steps_by_their_own_numbers() -> None:
    said = json.loads(SECOND)
    said["steps"].reverse()
    found, _ = await verdict("judge", json.dumps(said), prompt="reversed", votes=1)
    assert found.first_error == 1


async def test_votes_come_in_waves_until_the_rest_can_not_change_the_verdict() -> None:
    one, two = r"\boxed{1}", r"\boxed{2}"
    found, server = await verdict("judge", one, one, two, two, two, votes=5, wave=1)
    assert (found.first_error, len(found.votes)) == (2, 5)
    found, server = await verdict("judge", one, one, one, two, two, votes=5, wave=2)
    assert [a["n"] for a in server.asked] == [2, 2]
    assert (found.first_error, len(found.votes)) == (1, 4)


async def test_an_unreadable_vote_is_asked_around_and_a_cut_one_is_none() -> None:
    found, server = await verdict("judge", "?", r"\boxed{1}", r"\boxed{1}", votes=3, wave=1)
    assert (found.first_error, len(server.asked)) == (1, 3)
    assert found.votes[0].reason == "unparsable"


@pytest.mark.parametrize("kind", ["judge", "judge_stepwise", "meta_critique"])
async def test_where_the_engine_refuses_every_vote_is_missing(kind: str) -> None:
    async with serving(in_order()) as server:
        server.refuses_all = True
        found = await judged(annotator(kind, votes=2), SOLUTION, server)
    assert found.first_error is None
    assert (found.reason or "").startswith("request refused")
    assert [vote.first_error for vote in found.votes] == [None, None]


@pytest.mark.parametrize("kind", ["judge", "judge_stepwise", "meta_critique"])
async def test_where_every_answer_is_cut_every_vote_is_missing(kind: str) -> None:
    async with serving(lambda asked: [r"\boxed{1} \boxed{wrong}"] * asked["n"]) as server:
        server.cut = True
        found = await judged(annotator(kind, votes=2), SOLUTION, server)
    assert found.first_error is None
    assert [vote.first_error for vote in found.votes] == [None, None]


async def test_step_by_step_stops_at_the_first_step_judged_wrong() -> None:
    right, wrong = r"\boxed{right}", r"48 + 24 is 72: \boxed{wrong}"
    found, server = await verdict("judge_stepwise", right, wrong, votes=1)
    assert found.first_error == 1
    assert found.votes[0].rationale == wrong
    first, second = server.prompts()
    assert "Judge step 0 alone" in first
    assert STEPS[1].strip() not in first
    assert second.startswith(first[: first.index("Judge step")].rstrip())
    found, server = await verdict("judge_stepwise", right, right, right, votes=1)
    assert (found.first_error, len(server.asked)) == (-1, 3)


async def test_passes_side_by_side_end_each_at_its_own_step_and_stop_when_it_is_settled() -> None:
    right, wrong = r"\boxed{right}", r"\boxed{wrong}"
    asked = [right, right, right, wrong, "?", wrong]
    found, server = await verdict("judge_stepwise", *asked, votes=3)
    assert [a["n"] for a in server.asked] == [3, 3]
    assert found.first_error == 1
    assert [vote.first_error for vote in found.votes] == [1, None, 1]
    found, server = await verdict("judge_stepwise", wrong, wrong, right, votes=3)
    assert (found.first_error, len(server.asked)) == (0, 1)


async def test_a_meta_critique_reads_the_verifications_that_could_be_read() -> None:
    unread = "I cannot say."
    thought = f"<think>hidden thoughts</think>{SECOND}"
    final = json.dumps({"review": "two see it", "first_error": 1})
    found, server = await verdict(
        "meta_critique", thought, FINE, unread, SECOND, final, verifications=4
    )
    assert (found.first_error, len(found.votes)) == (1, 1)
    assert [a["n"] for a in server.asked] == [4, 1]
    meta = server.prompts()[1]
    assert meta.count(" verification=") == 3
    assert "hidden thoughts" not in meta
    assert unread not in meta


async def test_too_few_readable_verifications_make_no_verdict() -> None:
    found, server = await verdict("meta_critique", "?", "?", "?", FINE, verifications=4)
    assert found.first_error is None
    assert len(server.asked) == 1
    assert "unparsable" in (found.votes[0].reason or "")


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (
            "r.yaml",
            "- each sum is\n  right\n- units are kept\n",
            "- each sum is right\n- units are",
        ),
        ("r.yaml", "sums: each is right\nunits: kept\n", "- sums: each is right\n- units: kept"),
        ("r.txt", "Look at the units.\n", "Look at the units."),
    ],
)
async def test_a_rubric_of_the_users_is_what_the_judge_goes_by(
    tmp_path: Path, file: str, text: str, expected: str
) -> None:
    (tmp_path / file).write_text(text)
    options = {"prompt": "rubric", "rubric": str(tmp_path / file), "votes": 1}
    found, server = await verdict("judge", SECOND, **options)
    assert found.first_error == 1
    assert expected in server.asked[0]["messages"][0]["content"]
    before = annotator("judge", **options).fingerprint
    (tmp_path / file).write_text(text.replace("units", "UNITS"))
    assert (annotator("judge", **options).fingerprint != before) == ("units" in text)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prompt": "rubric"}, "name its file"),
        ({"prompt": "critique", "rubric": "r.txt"}, "shows no rubric"),
        ({"prompt": "rubric", "rubric": "none.txt"}, "can't be read"),
        ({"prompt": "rubric", "rubric": "empty.txt"}, "no criteria"),
        ({"prompt": "rubric", "rubric": "odd.yaml"}, "list of criteria"),
        ({"prompt": "first_error", "structured": True}, "has no schema"),
    ],
)
def test_options_that_do_not_fit_the_prompt_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.txt").write_text("be right")
    Path("empty.txt").write_text("\n")
    Path("odd.yaml").write_text("- {a: [1]}")
    with pytest.raises(ConfigError, match=told):
        annotator("judge", **options)


@pytest.mark.parametrize("takes_schema", [True, False])
async def test_structured_answers_are_asked_for_and_done_without_where_the_server_can_not(
    takes_schema: bool,
) -> None:
    async with serving(in_order(SECOND, FINE, SECOND)) as server:
        server.takes_schema = takes_schema
        judge = annotator("judge", prompt="critique", votes=3, wave=1, structured=True)
        found = await judged(judge, SOLUTION, server)
    assert found.first_error == 1
    schemas = ["response_format" in asked for asked in server.asked]
    assert schemas == ([True] * 3 if takes_schema else [True, False, False, False])


@pytest.mark.parametrize(
    ("kind", "options", "tokens"),
    [
        ("judge", {"votes": 4}, 320),
        ("judge_stepwise", {"votes": 4}, 320),
        ("meta_critique", {"verifications": 8, "votes": 2}, 800),
    ],
)
def test_the_plan_counts_a_vote_as_long_as_what_it_reads(
    kind: str, options: dict, tokens: int
) -> None:
    planned = annotator(kind, **options).expected_completion_tokens(Expectation(100, 8, 0.4))
    assert planned == pytest.approx(tokens)
