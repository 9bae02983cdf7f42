"""Claims in text against people's labels: how often a contradiction is wrong, and how often it names
the first error. Every flag on what people call right is printed, so that it can be judged."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from annotators.arithmetic import check_steps
from pipeline.evaluate import wilson
from pipeline.records import Check, Status
from tests.benchmarks.report import Row
from tests.benchmarks.tools.labelled import (
    Labelled,
    folder,
    gsm8k_answers,
    multistep_arithmetic,
    prm800k,
    processbench,
)

SECTION = "text"
REPEATS = 3
HOSTILE = {
    "10^6 parentheses": "(" * 10**6 + "1" + ")" * 10**6 + " = 2",
    "9**9**9": "9**9**9 = 5",
    "an integer of 10^5 digits": "7" * 10**5 + " + 1 = 3",
    "LaTeX nested 10^4 deep": r"\frac{" * 10**4 + "1" + "}{2}" * 10**4 + " = 3",
    "(x+y+z+w)^60": "(x+y+z+w)^60 = 1",
    "10^5 equals signs": "=" * 10**5 + "1",
    "10^5 dollar signs": "$a " * 10**5,
    "10^5 unclosed formulas": r"\(1+1=2" * 10**5,
    "10^5 spaced digits": "1 " * 10**5 + "+ 1 = 3",
    "10^4 powers": "2^" * 10**4 + "2 = 3",
}

MISTAKES = {
    "train-167": "192*100 is 19200; the answer goes on with 1920",
    "train-198": "6/3 is 2; 3/6 is meant",
    "train-224": "4000 is written for 4080",
    "train-3334": "$4200+$3000 is $7200, as the final answer says",
    "train-3409": "10 x .5 is 5, as the sentence says before it",
    "train-4691": "2*8 is 16; 3*8 is meant",
    "train-4973": "200*.55 is 110; 200*.5 is meant",
    "train-5350": "13+4+16 is 33, as the final answer says",
    "train-6157": "70+40 is 110, as the final answer says",
    "train-6256": "10 x 1,248 is 12,480; 1,148 is meant",
    "train-6700": "2/12 is no .125; 2/16 is meant",
    "train-6713": "3 x (8/16) is 1.5; 3 x (16/8) is meant",
    "train-6760": "4+4+6 is 14, as the final answer says",
    "train-7178": "1152/1,536 is .75, with which the next line goes on",
    "train-7444": "14*20 is 280, as the final answer says",
    "test-1024": "$320 - $20 is meant, not $32 - $20",
}
"""Worked answers of GSM8K that hold a wrong calculation, read by hand, and what is wrong: flagged rightly."""


@dataclass(frozen=True)
class Flagged:
    row: Labelled
    check: Check
    """The first that is contradicted."""


def flagged(rows: Sequence[Labelled]) -> list[Flagged]:
    found = []
    for row in rows:
        wrong = [c for c in check_steps(row.steps) if c.status is Status.CONTRADICTED]
        if wrong:
            found.append(Flagged(row, wrong[0]))
    return found


def share(name: str, hits: int, n: int, wanted: str) -> Row:
    low, high = wilson(hits, n) if n else (0.0, 1.0)
    value = round(hits / n, 5) if n else "–"
    return Row(SECTION, name, value, f"[{low:.4f}, {high:.4f}]", n, wanted)


def measure() -> list[Row]:
    rows = _hostile()
    data = folder()
    if data is None:
        print("text: all but hostile texts skipped: STEPLABEL_TEST_DATA names no folder")
        return rows
    return (
        rows
        + _processbench(processbench(data))
        + _prm800k(prm800k(data))
        + _answers(gsm8k_answers(data))
        + _multistep(multistep_arithmetic(data))
        + _pace(gsm8k_answers(data)[:2000], "GSM8K worked answers")
        + _pace(prm800k(data), "PRM800K solutions")
    )


def _processbench(rows: Sequence[Labelled]) -> list[Row]:
    found, clean = flagged(rows), [row for row in rows if row.first_error == -1]
    false = [f for f in found if f.row.first_error == -1]
    erring = [f for f in found if f.row.first_error != -1]
    early = [f for f in erring if f.check.step < f.row.first_error]
    exact = sum(f.check.step == f.row.first_error for f in erring)
    _list(
        "ProcessBench GSM8K: flags on clean solutions, and before the labelled error", false + early
    )
    return [
        share(
            "ProcessBench GSM8K: flag on the labelled error or later",
            len(erring) - len(early),
            len(erring),
            ">= .97",
        ),
        Row(SECTION, "ProcessBench GSM8K: clean flagged", len(false), n=len(clean), wanted="<= 2"),
        Row(SECTION, "ProcessBench GSM8K: exact", exact, n=len(rows) - len(clean), wanted=">= 12"),
    ]


def _prm800k(rows: Sequence[Labelled]) -> list[Row]:
    false, hits = [], 0
    for row in rows:
        wrong: dict[int, Check] = {}
        for check in check_steps(row.steps):
            if check.status is Status.CONTRADICTED:
                wrong.setdefault(check.step, check)
        false += [Flagged(row, wrong[step]) for step in row.right if step in wrong]
        hits += row.first_error in wrong
    _list("PRM800K: flags on steps rated +1", false)
    errors = sum(row.first_error != -1 for row in rows)
    return [
        share(
            "PRM800K: steps rated +1 flagged",
            len(false),
            sum(len(row.right) for row in rows),
            "<= .003",
        ),
        share("PRM800K: labelled errors flagged", hits, errors, ""),
    ]


def _answers(rows: Sequence[Labelled]) -> list[Row]:
    found = flagged(rows)
    false = [f for f in found if f.row.id not in MISTAKES]
    _list("GSM8K worked answers: flags on right calculations", false)
    rightly = len(found) - len(false)
    print(f"\nGSM8K worked answers: flags on wrong calculations, read by hand: {rightly}")
    for each in found:
        if why := MISTAKES.get(each.row.id):
            print(f"  {each.row.id}: {each.check.claim!r}: {why}")
    return [
        share("GSM8K worked answers flagged", len(found), len(rows), "<= .002"),
        share("GSM8K worked answers flagged, right calculations", len(false), len(rows), "<= .002"),
        Row(SECTION, "GSM8K worked answers flagged, wrong calculations", rightly, n=len(rows)),
    ]


def _multistep(rows: Sequence[Labelled]) -> list[Row]:
    named = {f.row.id: f.check.step for f in flagged(rows)}
    right = sum(named.get(row.id, -1) == row.first_error for row in rows)
    wrong = [row for row in rows if row.first_error != -1]
    hits = sum(named.get(row.id, -1) == row.first_error for row in wrong)
    _list(
        "BIG-Bench-Mistake multistep_arithmetic: flags where no or a later error is labelled",
        [f for f in flagged(rows) if f.row.first_error == -1 or f.check.step < f.row.first_error],
    )
    name = "BIG-Bench-Mistake multistep_arithmetic: exact first error"
    return [
        share(name, right, len(rows), ">= .9"),
        share(f"{name}, of the solutions with one", hits, len(wrong), ""),
    ]


def _pace(rows: Sequence[Labelled], what: str) -> list[Row]:
    texts = sum(len(row.steps) for row in rows)
    paces = []
    for _ in range(REPEATS):
        began = time.process_time()
        for row in rows:
            check_steps(row.steps)
        paces.append(texts / (time.process_time() - began))
    spread = f"{min(paces):.0f}-{max(paces):.0f} of {REPEATS}"
    return [
        Row(SECTION, f"{what}: texts a CPU second", round(statistics.median(paces)), spread, texts)
    ]


def _hostile() -> list[Row]:
    found = []
    for name, text in HOSTILE.items():
        began = time.process_time()
        said = {check.status for check in check_steps((text,))} - {Status.UNCHECKED, Status.EXACT}
        seconds = time.process_time() - began
        value = "contradicted" if said else round(seconds, 3)
        found.append(Row(SECTION, f"hostile, CPU seconds: {name}", value, wanted="< 2, unchecked"))
    return found


def _list(title: str, false: Sequence[Flagged]) -> None:
    print(f"\n{title}: {len(false)}")
    for each in false:
        step = each.row.steps[each.check.step]
        around = step[max(0, each.check.start - 100) : each.check.end + 60]
        print(f"  {each.row.id} step {each.check.step}: {each.check.claim!r}")
        print(f"      it is {each.check.expected}; labelled {each.row.first_error}; …{around!r}…")
