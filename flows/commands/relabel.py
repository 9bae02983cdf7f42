"""`steplabel relabel`: other rules over the verdicts that a run has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from annotators.registry import make_annotators
from flows.runs import find_run
from flows.tables import print_summary
from pipeline.relabel import changed
from pipeline.relabel import relabel as relabel_run


def relabel(
    run: Annotated[str, typer.Argument(help="a finished run's folder or name")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="A.B=VALUE", help="a key below consensus or dataset; may be repeated"
        ),
    ] = None,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """Label a finished run again by other rules, from the verdicts it has.

    Nothing is sampled and no model is loaded. Labels, summary and dataset are made anew in the run's
    own folder, and its config.yaml says by which rules; `steplabel run` with the old file puts the old
    ones back.

    consensus.rule is agree, majority, veto (the first witness decides) or posterior, which learns how each
    witness errs and keeps what is sure enough for consensus.precision. Where witnesses can't tell that
    alone, name rows with known first errors (id, problem, steps, label) as consensus.gold.

    \b
    steplabel relabel tinymath --set consensus.rule=posterior --set consensus.precision=0.98
    steplabel relabel tinymath --set consensus.rule=majority --set "consensus.witnesses=[rollouts, judge]"
    steplabel relabel tinymath --set consensus.rule=posterior --set consensus.gold=labelled.json
    steplabel relabel tinymath --set "dataset.views=[stepwise]"
    steplabel diff tinymath                      # then: which labels changed, and why
    """
    found = find_run(run, runs_dir)
    config = changed(found, set_ or [])
    summary = relabel_run(config, found, make_annotators(config))
    here = {"runs_dir": str(found.folder.parent), "name": found.folder.name}
    print_summary(Console(), config.model_copy(update=here), summary)
