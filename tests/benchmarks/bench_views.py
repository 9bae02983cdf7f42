"""Writing datasets from a run on disk: solutions a second of each view and of all, memory with the number of
rows, and that two exports of one run are the same. Each export is a process of its own, so that its peak of
memory is its own. Seconds are of the processor (all threads), so that neighbours on the machine don't count.

    make bench-views ARGS="--rows 1000000"
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, load_view, write_dataset
from pipeline.files import sha256_of
from pipeline.join import Annotated, Join
from pipeline.records import Label, Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
from pipeline.shards import chunked
from tests.benchmarks.report import Row, report
from tests.pipeline.dataset.items import batch

KINDS = 80
ATTEMPTS = 4


def solutions(rows: int) -> Iterator[Annotated]:
    """Solutions to `rows / ATTEMPTS` problems, a problem's one after the other; steps of a usual length."""
    kinds = batch(KINDS // ATTEMPTS, ATTEMPTS)
    more = " and so the two of them together are as many as there were before the others came."
    long = [
        replace(
            k,
            solution=replace(
                k.solution, steps=tuple(s[:-1] + more + "\n" for s in k.solution.steps)
            ),
        )
        for k in kinds
    ]
    for number in range(rows):
        kind = long[number % KINDS]
        solution = replace(
            kind.solution,
            id=f"s{number}",
            question=f"{kind.solution.question} {number // ATTEMPTS}",
        )
        yield replace(kind, solution=solution)


def on_disk(folder: Path, rows: int) -> RunFolder:
    """A run whose stores hold them, in parts of 4,096."""
    run = RunFolder(folder)
    run.solutions.open("v1")
    names = sorted(next(solutions(1)).verdicts)
    for name in names:
        run.verdicts(name).open("v1")
    for some in chunked(map(_owned, solutions(rows)), 4096):
        run.solutions.write([item.solution for item in some], Solution)
        for name in names:
            run.verdicts(name).write([item.verdicts[name] for item in some], Verdict)
    labels = (item.label for item in map(_owned, solutions(rows)) if item.label is not None)
    run.labels.replace_all("v1", labels, Label)
    return run


def _owned(item: Annotated) -> Annotated:
    """Verdicts and label that name the solution."""
    key = item.solution.id
    assert item.label is not None
    return Annotated(
        item.solution,
        {name: replace(verdict, solution_id=key) for name, verdict in item.verdicts.items()},
        replace(item.label, solution_id=key),
    )


def export(folder: Path, run: Path, views: Sequence[str]) -> None:
    """In this process; prints seconds, rows, peak memory and a hash of all files."""
    for view in views:
        load_view(view)
    began = time.process_time()
    source = Join(RunFolder(run)).batches
    made = write_dataset(source, folder, DatasetConfig(views=tuple(views)), CardFacts("bench"))
    seconds = time.process_time() - began
    files = {name: sha256_of(folder / name) for name in (*made.files, "README.md")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    written = sum(sum(splits.values()) for splits in made.rows.values())
    print(json.dumps([seconds, written, peak, content_hash(files)]))


def measured(run: RunFolder, views: Sequence[str]) -> tuple[float, int, int, str]:
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "tests.benchmarks.bench_views", "--export", f"{scratch}/d"]
        command += ["--run", str(run.folder), "--views", *views]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, written, peak, digest = json.loads(done.stdout.splitlines()[-1])
    return seconds, written, peak, digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--views", nargs="+", default=list(VIEWS))
    given = parser.parse_args()
    if given.export:
        export(given.export, given.run, given.views)
        return
    rows: list[Row] = []
    for n in (given.rows // 10, given.rows):
        with tempfile.TemporaryDirectory() as scratch:
            run = on_disk(Path(scratch) / "run", n)
            if n < given.rows:
                for view in VIEWS:
                    seconds, written, _, _ = measured(run, [view])
                    rows.append(Row("pace", f"{view}: solutions/s", round(n / seconds), n=n))
                    rows.append(Row("pace", f"{view}: rows written", written))
            seconds, _, peak, _ = measured(run, ["stepwise"])
            pace = round(n / seconds)
            rows.append(Row("stepwise", "solutions/s", pace, n=n, wanted=">= 20000"))
            rows.append(Row("stepwise", "peak memory, MB", round(peak / 1e6), n=n, wanted="< 1500"))
            twice = [measured(run, list(VIEWS)) for _ in range(2)]
            seconds, written, peak, _ = max(twice)
            digests = {digest for _, _, _, digest in twice}
            rows.append(Row("all views", "solutions/s", round(n / seconds), n=n))
            rows.append(Row("all views", "rows written", written, n=n))
            rows.append(
                Row("all views", "peak memory, MB", round(peak / 1e6), n=n, wanted="< 1500")
            )
            rows.append(
                Row("all views", "different exports of one run", len(digests), n=n, wanted="1")
            )
        print(report("views", rows), flush=True)


if __name__ == "__main__":
    main()
