"""`steplabel evaluate`: verdicts and labels against first errors that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.evaluation_tables import print_evaluation
from flows.runs import annotators_of, find_run
from flows.shown import print_line
from pipeline.errors import ConfigError
from pipeline.evaluate.cases import Columns
from pipeline.evaluate.conventions import CONVENTIONS, convention
from pipeline.evaluate.evaluation import Options, Rejections, evaluation, to_json
from pipeline.evaluate.gold import Gold, OracleGold, read_gold
from pipeline.evaluate.metrics import BOOTSTRAPS
from pipeline.evaluate.page import page
from pipeline.evaluate.said import Spoken, dataset_files, of_file, of_run
from pipeline.files import write_json, write_text
from pipeline.inputs.files import READERS
from pipeline.recipes import read_yaml
from pipeline.run_folder import RunFolder
from pipeline.summary import make_oracle

_KNOWN = ", ".join(CONVENTIONS)


def evaluate(
    said: Annotated[
        str, typer.Argument(help="a run's folder or name, a dataset's folder, or a file")
    ],
    gold: Annotated[
        str | None,
        typer.Option(
            help="rows with known first errors; without it, the oracle that the run names"
        ),
    ] = None,
    convention_: Annotated[
        str, typer.Option("--convention", help=f"how the gold counts steps: {_KNOWN}")
    ] = "processbench",
    gold_column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="id, problem, steps or label of the gold"),
    ] = None,
    said_convention: Annotated[
        str, typer.Option(help="how a file that is evaluated counts steps")
    ] = "processbench",
    said_column: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="the same of what is evaluated")
    ] = None,
    oracle: Annotated[
        str | None, typer.Option(help="an exact oracle instead of gold rows: tinymath")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="only this annotator; may be repeated")
    ] = None,
    count_missing: Annotated[
        bool,
        typer.Option("--count-missing", help="gold rows of which nothing is said are undecided"),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="stop at the first bad row")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write every figure there")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="write a page with pictures there")
    ] = None,
    draws: Annotated[int, typer.Option(min=100, max=100_000, help="bootstrap draws")] = BOOTSTRAPS,
    seed: Annotated[int, typer.Option(min=0, help="of the draws")] = 0,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """How good are the labels? Verdicts and labels against first errors that are known.

    Rows are matched by id, else by problem and steps; those that stand alone are named. What is
    undecided counts as a miss in F1, and is left out of "exact".

    Files are JSON, JSONL, CSV or Parquet in ProcessBench's form: id, problem, steps, label (0-based,
    -1 no error, null undecided), and if there is one a confidence from 0 to 1. --convention reads
    gold that counts otherwise: one_based (MR-GSM8K, PRMBench), prm800k (a rating for each step), or that
    is a training set: stepwise (TRL), math_shepherd, rlhflow, critique, preference.

    \b
    steplabel evaluate tinymath                          # a run, against its own oracle
    steplabel evaluate tinymath --html page.html --json figures.json
    steplabel evaluate my-run --gold processbench/gsm8k.json
    steplabel evaluate runs/my-run/dataset --gold gold.parquet --count-missing
    steplabel evaluate judge.jsonl --gold prm800k.jsonl --convention prm800k
    steplabel evaluate judge.jsonl --gold prmbench.jsonl --convention one_based \\
        --gold-column steps=modified_process --gold-column label=error_steps
    """
    rejections = Rejections(strict)
    name, rows, run = _said(said, runs_dir, said_convention, said_column or [], witness, rejections)
    truth = _gold(gold, convention_, gold_column or [], oracle, run, strict)
    found = evaluation(name, rows, truth, rejections, Options(witness, count_missing, draws, seed))
    console = Console()
    print_evaluation(console, found)
    if json_file is not None:
        _write("--json", json_file, lambda: write_json(json_file, to_json(found)))
    if html_file is not None:
        _write("--html", html_file, lambda: write_text(html_file, page(found)))
        print_line(console, f"page: {html_file}")


def _write(option: str, path: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise ConfigError(
            f"{option} {path}: can't be written: {error.strerror or error}"
        ) from error


def _said(
    text: str,
    runs_dir: Path,
    convention_: str,
    columns: list[str],
    witnesses: list[str] | None,
    rejections: Rejections,
) -> tuple[str, Iterator[Spoken], RunFolder | None]:
    """What to call it, its rows, and the run where it is one."""
    counted = convention(convention_)
    named = Columns.of(columns, counted, "--said-column")
    path = Path(text)
    is_run = (path / "run.json").is_file() or (runs_dir / text / "run.json").is_file()
    is_file = path.exists() or path.name.lower().endswith(tuple(READERS))
    if is_file and not is_run:
        place = dataset_files(path)
        return str(place), of_file(str(place), counted, named, rejections), None
    run = find_run(text, runs_dir)
    known = run.annotators()
    for one in witnesses or []:
        if one not in known:
            raise ConfigError(
                f"--witness {one}: {run.folder} has verdicts of {', '.join(known) or 'nobody'}"
            )
    chosen = annotators_of(run) if witnesses is None else witnesses
    return str(run.folder), of_run(run, chosen), run


def _gold(
    path: str | None,
    convention_: str,
    columns: list[str],
    oracle: str | None,
    run: RunFolder | None,
    strict: bool,
) -> Gold:
    """Rows where a file is named, else the oracle that is named here or by the run."""
    counted = convention(convention_)
    named = Columns.of(columns, counted, "--gold-column")
    if path is not None and oracle is not None:
        raise ConfigError("--gold and --oracle: name one of the two")
    if path is not None:
        return read_gold(path, counted, named, strict)
    if oracle is None and run is not None:
        oracle = read_yaml(run.folder / "config.yaml").get("oracle")
    judge = make_oracle(oracle)
    if judge is None:
        raise ConfigError(
            "--gold: missing, and no oracle is named either; name a file of known first errors, or "
            "--oracle tinymath where the problems are TinyMath's"
        )
    return OracleGold(f"the oracle {oracle}", judge)
