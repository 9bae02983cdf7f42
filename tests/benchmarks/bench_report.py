"""A run's page in a headless Chromium: how large it is, how soon it shows, how fast it filters.

make bench-report                             10,000 made-up solutions, as if by three witnesses
make bench-report ARGS="--solutions 2000"
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.report import write_report
from tests.benchmarks.report import Row, report
from tests.browser import Tab, browser, chromium
from tests.flows.run_on_disk import write_run
from tests.pipeline.report.rows import large_batch

OPENINGS = 5
FILTERS = [
    *(("label", one) for one in ("kept", "aside", "clean", "flawed", "step-1", "step-5")),
    *(("agree", one) for one in ("agree", "disagree", "one")),
    *(("by.judge", one) for one in ("clean", "flawed", "other")),
    *(("outcome", one) for one in ("correct", "incorrect")),
    *(("sort", one) for one in ("unsure", "early", "dispute", "dear")),
    *(
        ("q", one)
        for one in ("ana", "pens that mia", "s00999", "nowhere at all", "7 * 8", "dollars")
    ),
]
"""Each is set on an empty state, as a user would, and timed until the next frame is painted."""
_TIMED = """(async () => {
  const field = document.querySelector('#tools [name="NAME"]') ?? document.getElementById(
    {q: "search", sort: "sort"}["NAME"]);
  const before = performance.now();
  field.value = "VALUE";
  field.dispatchEvent(new Event("input", {bubbles: true}));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - before;
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--solutions", type=int, default=10_000)
    options = parser.parse_args()
    if chromium() is None:
        parser.error("there is no Chromium here to measure with")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), options.solutions)
    path = report("report", rows)
    print(f"written to {path.relative_to(Path.cwd())}")


def measure(folder: Path, solutions: int) -> list[Row]:
    run = write_run(folder, "large", large_batch(solutions))
    config = RunConfig.load(run.folder / "config.yaml")
    began = time.perf_counter()
    write_report(config, run, run.report, run.annotators())
    written = time.perf_counter() - began
    name = f"{solutions:,} solutions"
    rows = [
        Row(name, "written in, s", written),
        Row(name, "size, MB", run.report.stat().st_size / 1e6),
    ]
    painted, listed, read = [], [], []
    for _ in range(OPENINGS):
        with browser() as tab:
            tab.open(run.report, "#!browse")
            tab.wait("performance.getEntriesByName('list').length > 0")
            painted.append(
                tab.run("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
            listed.append(tab.run("performance.getEntriesByName('list')[0].startTime"))
            tab.wait("document.documentElement.dataset.ready === 'texts'")
            read.append(tab.run("performance.now()"))
    rows += [
        _row(name, "first paint, s", painted, 1000, "< 1.5"),
        _row(name, "list shown, s", listed, 1000),
        _row(name, "texts read for searches, s", read, 1000),
    ]
    with browser() as tab:
        tab.open(run.report, "#!browse")
        tab.wait("document.documentElement.dataset.ready === 'texts'")
        for figure, chosen in (
            ("filter, ms", [one for one in FILTERS if one[0] != "q"]),
            ("search, ms", [one for one in FILTERS if one[0] == "q"]),
        ):
            times = [_timed(tab, *one) for one in chosen for _ in range(3)]
            rows.append(_row(name, figure, times, 1, "< 200"))
        opened = [_opened(tab, f"s{at:06d}") for at in range(0, solutions, max(1, solutions // 40))]
        rows.append(_row(name, "open one solution, ms", opened, 1))
        heap = tab.call("Runtime.getHeapUsage")["usedSize"]
        rows.append(Row(name, "script memory, MB", heap / 1e6))
        sizes = [_memory(one) for one in _family(tab.process)]
        rows.append(Row(name, "memory of the page's process, MB", max(sizes) / 1e6, wanted="< 500"))
    return rows


def _row(section: str, figure: str, values: list[float], scale: float, wanted: str = "") -> Row:
    """The median, and the range as spread."""
    scaled = [one / scale for one in values]
    spread = f"{min(scaled):.3f} to {max(scaled):.3f}"
    return Row(section, figure, statistics.median(scaled), spread, len(scaled), wanted)


def _timed(tab: Tab, name: str, value: str) -> float:
    tab.run("document.getElementById('clear').click()")
    took: float = tab.run(_TIMED.replace("NAME", name).replace("VALUE", value))
    return took


def _opened(tab: Tab, solution: str) -> float:
    return float(
        tab.run(
            f"""(async () => {{
            const before = performance.now();
            location.hash = linkTo("{solution}");
            while (document.querySelector("#solution h1 .id")?.textContent !== "{solution}")
              await new Promise(done => setTimeout(done, 1));
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            return performance.now() - before;
            }})()"""
        )
    )


def _family(process: int) -> list[int]:
    """A process and all it has begun, and they."""
    found = [process]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _memory(process: int) -> int:
    """Bytes in memory, shared ones included; 0 of one that is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


if __name__ == "__main__":
    main()
