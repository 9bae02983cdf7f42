"""A benchmark's rows: printed as a table, and written as JSON, each section with the machine, versions
and commit that it was measured with."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.run_folder import git_commit, now, processor, versions

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One figure. `spread` is a 95% interval or the range over repeats; `wanted` what it is held
    against, if anything."""

    section: str
    figure: str
    value: float | int | str
    spread: str = ""
    n: int | None = None
    wanted: str = ""


def report(name: str, rows: list[Row], replace_sections: bool = False) -> Path:
    """Print the rows and write `results/<name>.json`. With `replace_sections`, sections that were
    not measured now keep the rows they had, and what they were measured with."""
    path = RESULTS / f"{name}.json"
    now_measured = {
        "measured": now(),
        "commit": git_commit(),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "system": platform.system(),
        },
        "versions": versions(),
    }
    sections = {row.section: now_measured for row in rows}
    if replace_sections and path.exists():
        before = json.loads(path.read_text())
        old = [Row(**row) for row in before["rows"]]
        rows = [row for row in old if row.section not in sections] + rows
        sections = before["sections"] | sections
    table = Table(title=f"bench-{name}", header_style="bold")
    for column in ("section", "figure", "value", "spread", "n", "wanted"):
        table.add_column(column, justify="right" if column in ("value", "n") else "left")
    for row in rows:
        value = f"{row.value:.3f}" if isinstance(row.value, float) else str(row.value)
        table.add_row(row.section, row.figure, value, row.spread, str(row.n or ""), row.wanted)
    Console(width=140).print(table)
    RESULTS.mkdir(exist_ok=True)
    text = {
        "benchmark": name,
        "sections": sections,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n")
    return path
