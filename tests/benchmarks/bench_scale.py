"""A million solutions with the simulated policy through the whole pipeline, and what a plan is worth.

    make bench-scale                            everything: more than half an hour on two cores
    make bench-scale ARGS="--only grows --keep FOLDER"  goes on where it was killed

Sections: grows (what a solution costs at 10^4, 10^5 and 10^6, and the memory it takes), searchers (the
bayesian search beside bisection), prefect (its database), answers (how soon `status` and `inspect` answer
on the largest run), plan (a sample tells the whole run), plan-real (the same with TinyMath on vLLM),
replicas (two behind Ray Serve beside one, with a GPU's latencies; one of them killed), replicas-real (their
rows, with two vLLM servers for the shipped policy).

Time is given twice: by the clock, and of the processor, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Row, report
from tests.benchmarks.scale import planned, real_replicas, replicas
from tests.benchmarks.scale.labelled import configuration

LIMIT_MB = 1500


def run(folder: Path, solutions: int, *more: str) -> dict[str, Any]:
    """One run in a process of its own; a finished one is read from its mark."""
    words = ["-m", "tests.benchmarks.scale.labelled", str(folder), str(solutions), *more]
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _total(found: dict[str, Any], name: str) -> float:
    return sum(float(attempt[name]) for attempt in found["attempts"])


def _most(found: dict[str, Any], name: str) -> float:
    return max(float(attempt[name]) for attempt in found["attempts"])


def costs(section: str, name: str, solutions: int, found: dict[str, Any]) -> list[Row]:
    seconds, used = _total(found, "seconds"), _total(found, "processor_seconds")
    attempts = f"{len(found['attempts'])} attempts" if len(found["attempts"]) > 1 else ""
    return [
        Row(
            section,
            f"{name}: solutions a second",
            solutions / seconds,
            attempts,
            solutions,
            ">= 1000",
        ),
        Row(section, f"{name}: ms of processor a solution", 1000 * used / solutions, "", solutions),
        Row(
            section,
            f"{name}: peak memory, MB",
            _most(found, "rss_mb"),
            "",
            solutions,
            f"< {LIMIT_MB}",
        ),
        Row(
            section,
            f"{name}: peak memory of another process, MB",
            _most(found, "others_rss_mb"),
            "",
            solutions,
            f"< {LIMIT_MB}",
        ),
    ]


def grows(folder: Path, largest: int) -> list[Row]:
    rows, used = [], {}
    for solutions in (10_000, 100_000, 1_000_000):
        if solutions > largest:
            continue
        found = run(folder, solutions)
        rows += costs("grows", "bisection", solutions, found)
        used[solutions] = _total(found, "processor_seconds") / solutions
    for less, more in zip(list(used), list(used)[1:], strict=False):
        about = f"processor time a solution at {more:,} by that at {less:,}"
        rows.append(Row("grows", about, used[more] / used[less], wanted="<= 1.15"))
    return rows


def searchers(folder: Path, largest: int) -> list[Row]:
    solutions = min(100_000, largest)
    rows = []
    for name in ("bisection", "bayesian"):
        found = run(folder, solutions, "--searcher", name)
        rows += costs("searchers", name, solutions, found)[:2]
    return rows


def prefect(folder: Path, largest: int) -> list[Row]:
    found = run(folder, largest, "--prefect")
    rows = costs("prefect", "bisection", largest, found)
    return [*rows, Row("prefect", "database, MB", found["database_mb"], "", largest, "< 200")]


def answers(folder: Path, largest: int) -> list[Row]:
    """Seconds of a whole process, the imports among them."""
    run(folder, largest)
    where = str(configuration(folder, largest, "bisection", prefect=False).folder)
    listed = subprocess.run(
        [sys.executable, "-m", "flows.cli", "inspect", where, "--limit", "1", "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    one = json.loads(listed.stdout)["solution"]["id"]
    rows = []
    for words in (
        ["status", where],
        ["inspect", where],
        ["inspect", where, "--solution", one],
        ["inspect", where, "--undecided"],
    ):
        times, used = [], []
        for _ in range(3):
            before, began = os.times(), time.monotonic()
            subprocess.run(
                [sys.executable, "-m", "flows.cli", *words], stdout=subprocess.DEVNULL, check=True
            )
            times.append(time.monotonic() - began)
            after = os.times()
            used.append(after.children_user + after.children_system)
            used[-1] -= before.children_user + before.children_system
        name = " ".join(word for word in words if word not in (where, one))
        spread = f"{min(times):.2f} to {max(times):.2f}"
        rows += [
            Row("answers", f"{name}: s", sorted(times)[1], spread, largest, "< 2"),
            Row("answers", f"{name}: s of processor", sorted(used)[1], "", largest),
        ]
    return rows


def plan(folder: Path, largest: int) -> list[Row]:
    return planned.measure(folder)


def plan_real(folder: Path, largest: int) -> list[Row]:
    return planned.measure_real(folder)


def of_replicas(folder: Path, largest: int) -> list[Row]:
    return replicas.rows()


def of_real_replicas(folder: Path, largest: int) -> list[Row]:
    return real_replicas.rows()


SECTIONS = {
    "grows": grows,
    "searchers": searchers,
    "prefect": prefect,
    "answers": answers,
    "plan": plan,
    "plan-real": plan_real,
    "replicas": of_replicas,
    "replicas-real": of_real_replicas,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=SECTIONS, action="append", help="this section only")
    parser.add_argument("--keep", type=Path, help="folder of the runs (default: a temporary one)")
    parser.add_argument("--largest", type=int, default=1_000_000, help="solutions at most")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.only or SECTIONS:
            rows = SECTIONS[name](folder, options.largest)
            path = report("scale", rows, replace_sections=True)
    print(f"written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
