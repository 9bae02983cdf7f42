"""Writing datasets: rows a second of each view, memory with the number of rows, and that two exports of one
run are the same. Each export is a process of its own, so that its peak of memory is its own. Seconds are
of the processor, so that neighbours on the machine don't count; making the rows up is among them.

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
from itertools import islice
from pathlib import Path

from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, load_view, write_dataset
from pipeline.files import sha256_of
from pipeline.join import Annotated, Join
from pipeline.records import Label, Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
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
    items = solutions(rows)
    labels = []
    while some := list(islice(items, 4096)):
        some = [_owned(item) for item in some]
        run.solutions.write([item.solution for item in some], Solution)
        for name in names:
            run.verdicts(name).write([item.verdicts[name] for item in some], Verdict)
        labels += [item.label for item in some if item.label is not None]
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


def export(folder: Path, rows: int, views: Sequence[str], run: Path | None) -> None:
    """In this process; prints seconds, rows, peak memory and a hash of all files."""
    config = DatasetConfig(views=tuple(views))
    source = (lambda: solutions(rows)) if run is None else (Join(RunFolder(run)).batches)
    for view in views:
        load_view(view)
    began = time.process_time()
    made = write_dataset(source, folder, config, CardFacts("bench"))
    seconds = time.process_time() - began
    files = {name: sha256_of(folder / name) for name in (*made.files, "README.md")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    written = sum(sum(splits.values()) for splits in made.rows.values())
    print(json.dumps([seconds, written, peak, content_hash(files)]))


def measured(
    rows: int, views: Sequence[str], run: Path | None = None
) -> tuple[float, int, int, str]:
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "tests.benchmarks.bench_views", "--export", f"{scratch}/d"]
        command += ["--rows", str(rows), "--views", *views]
        command += ["--run", str(run)] if run else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, written, peak, digest = json.loads(done.stdout.splitlines()[-1])
    return seconds, written, peak, digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--disk-rows", type=int, default=100_000)
    parser.add_argument("--export")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--views", nargs="+", default=list(VIEWS))
    given = parser.parse_args()
    if given.export:
        export(Path(given.export), given.rows, given.views, given.run)
        return
    rows: list[Row] = []
    for view in VIEWS:
        seconds, written, peak, _ = measured(given.rows // 10, [view])
        pace = given.rows / 10 / seconds
        wanted = ">= 20000" if view == "stepwise" else ""
        rows.append(
            Row("pace", f"{view}: solutions/s", round(pace), n=given.rows // 10, wanted=wanted)
        )
        rows.append(Row("pace", f"{view}: rows written", written))
    for n in (given.rows // 10, given.rows):
        seconds, written, peak, _ = measured(n, ["stepwise"])
        rows.append(Row("stepwise", "solutions/s", round(n / seconds), n=n, wanted=">= 20000"))
        rows.append(Row("stepwise", "peak memory, MB", round(peak / 1e6), n=n, wanted="< 1500"))
        seconds, written, peak, _ = measured(n, list(VIEWS))
        rows.append(Row("all views", "solutions/s", round(n / seconds), n=n))
        rows.append(Row("all views", "rows written", written, n=n))
        rows.append(Row("all views", "peak memory, MB", round(peak / 1e6), n=n, wanted="< 1500"))
    with tempfile.TemporaryDirectory() as scratch:
        run = on_disk(Path(scratch) / "run", given.disk_rows)
        seconds, _, peak, _ = measured(given.disk_rows, ["stepwise"], run.folder)
        rows.append(
            Row(
                "from a run on disk",
                "stepwise: solutions/s",
                round(given.disk_rows / seconds),
                n=given.disk_rows,
            )
        )
        digests = {measured(given.disk_rows, list(VIEWS), run.folder)[3] for _ in range(2)}
        rows.append(
            Row("from a run on disk", "different exports of one run", len(digests), wanted="1")
        )
    print(report("views", rows))


if __name__ == "__main__":
    main()
