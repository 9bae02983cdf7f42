"""Finding a run by its folder or its name."""

from __future__ import annotations

import difflib
from pathlib import Path

from pipeline.errors import RunError
from pipeline.recipes import read_yaml
from pipeline.review.witness import REVIEW
from pipeline.run_folder import RunFolder


def runs_in(folder: Path) -> list[RunFolder]:
    """The runs in a folder, by name."""
    if not folder.is_dir():
        return []
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/run.json"))]


def find_run(text: str, runs_dir: Path) -> RunFolder:
    """The run at path `text`, or of that name in `runs_dir`. Raises RunError with the nearest name."""
    for folder in (Path(text), runs_dir / text):
        if (folder / "run.json").is_file():
            return RunFolder(folder)
    known = [run.folder.name for run in runs_in(runs_dir)]
    near = difflib.get_close_matches(Path(text).name, known, n=1)
    hint = (
        f"did you mean {near[0]}?" if near else f"runs in {runs_dir}: {', '.join(known) or 'none'}"
    )
    raise RunError(f"{text}: holds no run; {hint}")


def annotators_of(run: RunFolder) -> list[str]:
    """The annotators that the run's configuration has, where it has any, and people, who are no part of one.
    Verdicts of others lie there too, of an earlier configuration."""
    configured = read_yaml(run.folder / "config.yaml").get("annotators")
    names = run.annotators()
    return [one for one in names if not configured or one in configured or one == REVIEW]
