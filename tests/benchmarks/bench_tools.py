"""Evidence by execution: whether it is right when it speaks, and what it costs.

    make bench-tools                         every section
    make bench-tools ARGS="--only text"      one section; the others keep their last figures

Sections:
  text         claims checked in human-labelled steps and worked answers; each false flag is listed
  consistency  values copied from the problem and from earlier steps, against the same labels
  grading      answers compared: third-party pairs, and pace and agreement beside math-verify alone
  sandbox      snippets in isolation: time of a check, checks a second, and what a dead zygote costs
  humaneval    HumanEval's 16,400 sampled programs, run twice: pass@1, pass@100, and which statuses
               differ (minutes on idle cores; best alone, with --only)

All but `sandbox` need the public data sets in STEPLABEL_TEST_DATA; one whose data are absent says so and
measures nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks.report import report
from tests.benchmarks.tools import consistency, grading, humaneval, sandbox, text

SECTIONS = {
    "text": text.measure,
    "consistency": consistency.measure,
    "grading": grading.measure,
    "sandbox": sandbox.measure,
    "humaneval": humaneval.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--only", choices=SECTIONS, action="append", help="measure this section only"
    )
    options = parser.parse_args()
    rows = [row for name in options.only or SECTIONS for row in SECTIONS[name]()]
    path = report("tools", rows, replace_sections=True)
    print(f"written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
