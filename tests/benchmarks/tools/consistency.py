"""Values copied from the problem and from earlier steps, against people's labels. Every flag on a
solution is printed: there are few."""

from __future__ import annotations

from collections.abc import Sequence

from annotators.consistency import compare_steps
from pipeline.evaluate import wilson
from pipeline.records import Status
from tests.benchmarks.report import Row
from tests.benchmarks.tools.labelled import (
    Labelled,
    folder,
    multistep_arithmetic,
    prm800k,
    processbench,
)

SECTION = "consistency"


def measure() -> list[Row]:
    data = folder()
    if data is None:
        print("consistency: skipped: STEPLABEL_TEST_DATA names no folder")
        return []
    return [
        *_agreement("ProcessBench GSM8K", processbench(data)),
        *_agreement("PRM800K", prm800k(data)),
        *_agreement("BIG-Bench-Mistake multistep_arithmetic", multistep_arithmetic(data)),
    ]


def _agreement(what: str, rows: Sequence[Labelled]) -> list[Row]:
    same, late, false = 0, 0, 0
    print(f"\n{what}: copies that differ")
    for row in rows:
        checks = compare_steps(row.problem, row.steps)
        same += sum(check.status is Status.EXACT for check in checks)
        wrong = [check for check in checks if check.status is Status.CONTRADICTED]
        if not wrong:
            continue
        first = min(check.step for check in wrong)
        right = -1 < row.first_error <= first
        late, false = late + right, false + (not right)
        step = row.steps[wrong[0].step][max(0, wrong[0].start - 100) : wrong[0].end + 40]
        print(f"  {row.id} step {first}: labelled {row.first_error}; …{step!r}…")
    clean = sum(row.first_error == -1 for row in rows)
    low, high = wilson(late, late + false)
    spread = f"[{low:.3f}, {high:.3f}]" if late + false else ""
    share = round(late / (late + false), 4) if late + false else "–"
    return [
        Row(SECTION, f"{what}: copies that agree", same, n=len(rows)),
        Row(SECTION, f"{what}: flag on the labelled error or later", share, spread, late + false),
        Row(SECTION, f"{what}: flagged before an error, or on a clean solution", false, n=clean),
    ]
