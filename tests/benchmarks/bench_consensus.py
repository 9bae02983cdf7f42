"""Rules of consensus on the same verdicts: what each keeps, how exactly, and whether it says so.

    make bench-consensus                                     everything
    make bench-consensus ARGS="--only tinymath --run FOLDER" another finished run on TinyMath

Sections:
  simulated  solutions whose witnesses err as TinyMath's do: calibration, gold or none, bad judges
  cascade    the same, witnesses asked one after another: against the whole panel, and in random order
  speed      100,000 verdicts, from shards on disk to labels on disk
  tinymath   the shipped models on the hard split, two judges among them, against the oracle: a run of
             half an hour, the first time
  review     the same run: 100 decisions of a person that `steplabel review` asks for, against as many by
             chance; a quarter of an hour
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.config import CascadeConfig
from tests.benchmarks.consensus import panel_run, review, simulated, speed, tinymath
from tests.benchmarks.report import Row, report

SECTIONS = ("simulated", "cascade", "speed", "tinymath", "review")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=SECTIONS, help="measure this section")
    parser.add_argument(
        "--run", type=Path, help="folder of a finished run on TinyMath, to be taken instead"
    )
    parser.add_argument("--number", type=int, default=simulated.NUMBER, help="simulated solutions")
    parser.add_argument("--draws", type=int, default=simulated.DRAWS, help="bootstrap draws")
    parser.add_argument(
        "--pilot", type=int, default=CascadeConfig().pilot, help="solutions a cascade learns from"
    )
    options = parser.parse_args()
    rows: list[Row] = []
    wanted = (options.only,) if options.only else SECTIONS
    if "speed" in wanted:
        rows += speed.measure()
    if "simulated" in wanted:
        rows += simulated.measure(options.number, options.draws)
    if "cascade" in wanted:
        rows += simulated.measure_cascade(options.number, options.draws, options.pilot)
    if "tinymath" in wanted:
        rows += tinymath.measure(options.run or panel_run.made(), options.draws)
    if "review" in wanted:
        rows += review.measure(options.run or panel_run.made())
    path = report("consensus", rows, replace_sections=True)
    print(f"written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
