"""Grading: third-party pairs, and pace and agreement beside math-verify alone.

The answers of MATH-500 and GSM8K, each in other notations (the same) and against the answers of other
problems (another), and real GSM8K solutions with the verdicts that came with them. What is right is
known for each, so that every difference from math-verify says who is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pipeline.grading import find_answer, gold_answer
from pipeline.grading.equivalence import compare_answers
from pipeline.grading.pool import WorkerPool
from tests.benchmarks.report import Row
from tests.benchmarks.tools.notations import notations

OTHERS = 6
BLOCKS = 8
DRAWN = 2000
KINDS = ("right", "undecided", "called equal that aren't", "called different that are equal")
SECTION = "grading"


class Pair(NamedTuple):
    pred: str
    gold: str
    same: bool


def measure() -> list[Row]:
    folder = os.environ.get("STEPLABEL_TEST_DATA")
    if not folder or not (Path(folder) / "answer_equivalence").is_dir():
        print("grading: skipped: STEPLABEL_TEST_DATA names no folder with answer_equivalence")
        return []
    data = Path(folder)
    rows = third_party(data)
    for name, pairs in (("MATH-500", math500(data)), ("GSM8K", gsm8k(data))):
        rows += beside_math_verify(name, pairs)
    return rows


def third_party(data: Path) -> list[Row]:
    """The pairs with their own rounding, where a row states one, and with the default."""
    rows = []
    for wording, own, evaluated in (
        ("", True, True),
        (", default rounding for all", False, True),
        (", default rounding, a row of Python source as it is", False, False),
    ):
        right, false_same, misses = asyncio.run(decide(read_pairs(data, evaluated), own))
        total = right + len(misses)
        rows.append(
            Row(
                SECTION,
                f"third-party pairs decided rightly{wording}",
                right / total,
                n=total,
                wanted=">= .98" if evaluated else "",
            )
        )
        if not wording:
            rows.append(
                Row(
                    SECTION,
                    "third-party pairs called equal that aren't",
                    false_same,
                    n=total,
                    wanted="0",
                )
            )
            rows += [Row(SECTION, f"missed: {miss}", said) for miss, said in misses]
    return rows


class ThirdParty(NamedTuple):
    pair: Pair
    decimals: int


SOURCE = {
    "f'{math.sqrt(17):.15f}'": "4.123105625617661",
    r"f'$\\sqrt{{17}}$'": r"$\sqrt{17}$",
}
"""One row holds the Python source of a test's texts, not the texts: what that test compared."""


def read_pairs(data: Path, evaluated: bool = True) -> list[ThirdParty]:
    """`evaluated`: with the texts that `SOURCE` makes, in place of their source."""
    path = data / "answer_equivalence" / "pairs.jsonl"
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        decimals = min(4, row.get("options", {}).get("precision", 4))
        pred, gold = (
            SOURCE.get(text, text) if evaluated else text for text in (row["pred"], row["gold"])
        )
        found.append(ThirdParty(Pair(pred, gold, row["equal"]), decimals))
    return found


async def decide(pairs: list[ThirdParty], own: bool) -> tuple[int, int, list[tuple[str, str]]]:
    """How many are right; how many called equal that aren't; those that were missed, and how."""
    right = false_same = 0
    misses = []
    pool = WorkerPool(1, 60.0)
    try:
        for pair, decimals in pairs:
            found = find_answer(pair.pred)
            pred = found.text if found else pair.pred
            said = await compare_answers(pred, gold_answer(pair.gold), pool, decimals if own else 4)
            right += said.same is pair.same
            false_same += bool(said.same) and not pair.same
            if said.same is not pair.same:
                misses.append((f"{_short(pair.pred)} for {_short(pair.gold)}", _word(said.same)))
    finally:
        pool.close()
    return right, false_same, misses


def math500(data: Path) -> list[Pair]:
    lines = (data / "problems" / "math500.jsonl").read_text(encoding="utf-8").splitlines()
    return in_notations([json.loads(line)["answer"] for line in lines])


def gsm8k(data: Path) -> list[Pair]:
    lines = (data / "gsm8k" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    golds = [gold_answer(json.loads(line)["answer"]) for line in lines]
    pairs = in_notations(golds[:300])
    path = data / "gsm8k" / "example_model_solutions.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        gold = gold_answer(row["ground_truth"])
        for attempt in (value for value in row.values() if isinstance(value, dict)):
            found = find_answer(attempt["solution"])
            if found:
                pairs.append(Pair(found.text, gold, bool(attempt["is_correct"])))
    return pairs


def in_notations(golds: list[str]) -> list[Pair]:
    """Each answer in every notation, and in some of them against answers of other problems."""
    draw = random.Random(0)
    pairs = []
    for gold in golds:
        pairs += [Pair(text, gold, True) for text in notations(gold)]
        others = [other for other in draw.sample(golds, OTHERS) if _key(other) != _key(gold)]
        pairs += [Pair(draw.choice(notations(other)), gold, False) for other in others]
    return pairs


def _key(answer: str) -> str:
    """Equal for the two or three answers of a set that are spelled in two ways."""
    return (
        answer.replace("dfrac", "frac")
        .replace(" ", "")
        .replace(",", "")
        .replace("\\!", "")
        .removeprefix("x=")
    )


def beside_math_verify(name: str, pairs: list[Pair]) -> list[Row]:
    """All pairs here; a draw of them beside math-verify, block by block in turn, so that what else the
    machine does falls on both."""
    draw = random.Random(1).sample(pairs, min(DRAWN, len(pairs)))
    mine: list[bool | None] = []
    theirs: list[bool | None] = []
    paces: list[tuple[float, float]] = []
    size = -(-len(draw) // BLOCKS)
    pool = WorkerPool(1, 60.0)
    try:
        asyncio.run(pool.compare("x+1", "1+x"))  # workers start before the clock does
        rows = _counted(f"{name}, all", _here(pairs, pool).said, pairs)
        for start in range(0, len(draw), size):
            block = draw[start : start + size]
            (said, pace), (other, their_pace) = _here(block, pool), _math_verify(block)
            mine, theirs = mine + said, theirs + other
            paces.append((pace, their_pace))
    finally:
        pool.close()
    rows += _paced(name, paces, len(draw))
    rows += _counted(f"{name}, drawn", mine, draw) + _counted(
        f"{name}, drawn, math-verify", theirs, draw
    )
    both = [
        (pair, a, b)
        for pair, a, b in zip(draw, mine, theirs, strict=True)
        if a is not b and None not in (a, b)
    ]
    rows.append(Row(SECTION, f"{name}: decided by both, differently", len(both), n=len(draw)))
    for pair, a, _ in both:
        who = "here" if a is pair.same else "math-verify"
        figure = f"{name} differs: {_short(pair.pred)} for {_short(pair.gold)}"
        rows.append(Row(SECTION, figure, f"here {_word(a)}", f"right: {who}"))
    return rows


def _paced(name: str, paces: list[tuple[float, float]], pairs: int) -> list[Row]:
    ours, others = zip(*paces, strict=True)
    ratios = [a / b for a, b in paces]
    pace = f"{name}: pairs a second"
    times = f"{name}: times math-verify's pace"
    return [
        Row(SECTION, pace, round(median(ours)), _range(ours), pairs),
        Row(SECTION, f"{pace}, math-verify", round(median(others)), _range(others), pairs),
        Row(SECTION, times, median(ratios), _range(ratios), wanted=">= 20"),
    ]


def _counted(name: str, said: list[bool | None], pairs: list[Pair]) -> list[Row]:
    counts = Counter(_kind(verdict, pair) for verdict, pair in zip(said, pairs, strict=True))
    return [Row(SECTION, f"{name}: {kind}", counts[kind], n=len(pairs)) for kind in KINDS]


class Timed(NamedTuple):
    said: list[bool | None]
    pace: float
    """Pairs a second."""


def _here(pairs: list[Pair], pool: WorkerPool) -> Timed:
    """One after the other, with the trips to the worker process; nothing is remembered."""

    async def once() -> list[bool | None]:
        return [(await compare_answers(pair.pred, pair.gold, pool)).same for pair in pairs]

    began = time.perf_counter()
    said = asyncio.run(once())
    return Timed(said, len(pairs) / (time.perf_counter() - began))


def _math_verify(pairs: list[Pair]) -> Timed:
    """math-verify as its documentation calls it, in this process, without the cost of its timeouts."""
    from math_verify import parse, verify

    def one(pair: Pair) -> bool | None:
        gold, pred = (
            parse(text if "$" in text or "\\(" in text else f"${text}$", parsing_timeout=None)
            for text in (pair.gold, pair.pred)
        )
        return bool(verify(gold, pred, timeout_seconds=None)) if gold and pred else None

    logging.disable(logging.CRITICAL)
    one(Pair("1", "1", True))
    began = time.perf_counter()
    said = [one(pair) for pair in pairs]
    pace = len(pairs) / (time.perf_counter() - began)
    logging.disable(logging.NOTSET)
    return Timed(said, pace)


def _kind(said: bool | None, pair: Pair) -> str:
    if said is None:
        return "undecided"
    if said is pair.same:
        return "right"
    return "called equal that aren't" if said else "called different that are equal"


def _word(said: bool | None) -> str:
    return {True: "same", False: "different", None: "undecided"}[said]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:28]} … {text[-28:]}"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.0f}-{max(values):.0f}" if len(values) > 1 else ""
