"""The whole pipeline, measured: label quality on the hard split, speed, survival, real data.

    make bench-pipeline                        everything
    make bench-pipeline ARGS="--only quality"  one section; the others keep their last figures

Sections: quality (TinyMath's hard split against the exact oracle), speed (the annotation against
the same engine given all its requests at once), kills (SIGKILL at random instants), gsm8k (real
solutions brought along; needs the public data set).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks import gsm8k, kills, quality, speed
from tests.benchmarks.report import Row, report

SECTIONS = {
    "quality": quality.measure,
    "speed": speed.measure,
    "kills": kills.measure,
    "gsm8k": gsm8k.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--only", choices=SECTIONS, action="append", help="measure this section only"
    )
    parser.add_argument("--keep", type=Path, help="folder for the runs (default: a temporary one)")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        for name in options.only or SECTIONS:
            rows += SECTIONS[name](folder)
    path = report("pipeline", rows, replace_sections=bool(options.only))
    print(f"written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
