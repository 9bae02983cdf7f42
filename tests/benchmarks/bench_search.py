"""Every search for the first error, side by side: exactness against tokens.

    make bench-search                          everything
    make bench-search ARGS="--only simulator"  one section; the others keep their last figures

Sections:
  simulator  v and q known, over a grid of settings
  tinymath   the hard split and its policy's rollouts, sampled once into --keep and replayed to every search
  trees      rollouts for each search of OmegaPRM's tree, beside its peers' rules, on a synthetic policy
  live       that tree on the real policy
  recipes    whole runs: what each recipe keeps, how exactly, for how many tokens
  decisions  how long the Bayesian search takes to choose a probe
  speed      how busy a run of steplabel-fast keeps the engine
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks.report import Row, report
from tests.benchmarks.search import (
    busy,
    decisions,
    live,
    picture,
    simulator,
    tinymath,
    trees,
    whole,
)

SECTIONS = ("simulator", "tinymath", "trees", "live", "recipes", "decisions", "speed")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=SECTIONS, help="measure this section")
    parser.add_argument(
        "--keep", type=Path, default=Path(".cache/bench-search"), help="folder of the rollouts"
    )
    parser.add_argument("--draws", type=int, default=simulator.DRAWS, help="of each simulated cell")
    options = parser.parse_args()
    wanted = (options.only,) if options.only else SECTIONS
    rows: list[Row] = []
    if "decisions" in wanted:
        rows += decisions.measure()
    if "simulator" in wanted:
        rows += simulator.rows(simulator.measure(options.draws))
    if "tinymath" in wanted:
        found = tinymath.measure(options.keep)
        rows += tinymath.rows(found)
        print(f"drawn in {picture.draw(found.strata)}")
    if "trees" in wanted:
        rows += trees.rows(trees.measure())
    if "live" in wanted:
        rows += live.measure()
    if "recipes" in wanted:
        rows += whole.measure()
    if "speed" in wanted:
        rows += busy.measure()
    path = report("search", rows, replace_sections=bool(options.only))
    print(f"written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
