"""`steplabel testbed`: train, sample and score TinyMath's small policy and judge."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from pipeline.errors import ConfigError, PrerequisiteError

if TYPE_CHECKING:
    from pipeline.testbed.score import Judged, JudgeScore, PolicyScore, Row

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="TinyMath, the testbed: a small policy, a small judge and an exact oracle.",
)
DATA = Path("data/tinymath")
CACHE = Path(".cache/tinymath")
POLICY_SEED, JUDGE_SEED = 1, 2
POLICY_TOKENS, JUDGE_TOKENS = 12_000_000, 26_000_000


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise PrerequisiteError(
            "training and scoring TinyMath need PyTorch: pip install 'steplabel[train]'"
        ) from error


def _one_role(policy: bool, judge: bool) -> str:
    if policy == judge:
        raise ConfigError("say which one: --policy or --judge")
    return "policy" if policy else "judge"


@app.command()
def train(
    policy: Annotated[bool, typer.Option("--policy", help="the model that solves")] = False,
    judge: Annotated[bool, typer.Option("--judge", help="the model that checks")] = False,
    tokens: Annotated[
        int | None,
        typer.Option(help="budget; default: 12 million for the policy, 26 for the judge"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="of weights and data; default: 1, judge 2")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the checkpoint")] = None,
    samples: Annotated[
        Path | None, typer.Option(help="the policy's own solutions, for the judge")
    ] = None,
    until: Annotated[
        int | None, typer.Option(help="pause after this many tokens; go on with --resume")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads")] = 1,
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
    export: Annotated[
        Path | None, typer.Option(help="write the model there, in Hugging Face format")
    ] = None,
) -> None:
    """Train the policy or the judge; killed, it goes on with --resume.

    \b
    steplabel testbed train --policy --export models/policy
    steplabel testbed train --judge --until 15000000
    steplabel testbed sample --policy models/policy --out own.jsonl
    steplabel testbed train --judge --resume --samples own.jsonl --export models/judge
    """
    _need_torch()
    from pipeline.testbed.train import Run, export_checkpoint
    from pipeline.testbed.train import train as run_training

    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[RichHandler()])
    role = _one_role(policy, judge)
    is_policy = role == "policy"
    run = Run(
        role=role,
        out=out or CACHE / role,
        tokens=tokens or (POLICY_TOKENS if is_policy else JUDGE_TOKENS),
        seed=seed if seed is not None else (POLICY_SEED if is_policy else JUDGE_SEED),
        threads=threads,
        samples=samples,
        stop_at=until,
    )
    checkpoint = run_training(run, resume=resume)
    if export:
        export_checkpoint(checkpoint, export)
        Console().print(f"wrote {export}")


@app.command()
def sample(
    policy: Annotated[Path, typer.Option(help="folder of the policy")] = DATA / "policy",
    out: Annotated[Path, typer.Option(help="JSONL to write")] = CACHE / "own.jsonl",
    count: Annotated[int, typer.Option(help="solutions to sample")] = 16_000,
    seed: Annotated[int, typer.Option(help="of problems and sampling")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads; one while another training runs")] = 1,
) -> None:
    """Write solutions of training problems, labelled by the oracle.

    The judge learns from them last.
    """
    _need_torch()
    import torch

    from pipeline.testbed.evaluate import own_dev_file
    from pipeline.testbed.grammar import Split
    from pipeline.testbed.model import load_model
    from pipeline.testbed.own_samples import write_own_samples

    torch.set_num_threads(threads)
    model = load_model(policy)
    kept = write_own_samples(model, out, count=count, seed=seed)
    dev = own_dev_file(out)
    write_own_samples(model, dev, count=400, seed=seed, split=Split.DEV, clean_share=0.5)
    Console().print(f"{kept} labelled solutions in {out}")


@app.command()
def splits(out: Annotated[Path, typer.Option(help="folder to write to")] = DATA) -> None:
    """Write the frozen splits anew: the same bytes every time."""
    from pipeline.testbed.grammar import write_splits

    write_splits(out)
    Console().print(f"wrote dev, test and hard in {out}")


@app.command()
def score(
    split: Annotated[str, typer.Option(help="dev, test or hard")] = "hard",
    policy: Annotated[Path, typer.Option(help="folder of the policy")] = DATA / "policy",
    judge: Annotated[Path | None, typer.Option(help="folder of the judge")] = DATA / "judge",
    n: Annotated[int, typer.Option(help="solutions to sample")] = 600,
    temperature: Annotated[float, typer.Option(help="of the policy")] = 1.0,
    votes: Annotated[int, typer.Option(help="votes of the judge besides the greedy one")] = 3,
    vote_temperature: Annotated[float, typer.Option(help="of those votes")] = 0.4,
    seed: Annotated[int, typer.Option(help="of the sampling")] = 0,
    data: Annotated[Path, typer.Option(help="folder of the splits")] = DATA,
) -> None:
    """Measure policy and judge against the oracle.

    Solve rate and step error by level, and how exact the judge is.
    """
    _need_torch()
    from pipeline.testbed.model import load_model
    from pipeline.testbed.score import (
        judge_votes,
        majority,
        read_rows,
        sample_solutions,
        score_judge,
    )

    console = Console()
    rows = read_rows(data / f"{split}.jsonl")
    drawn: list[Row] = (rows * (n // len(rows) + 1))[:n]
    judged = sample_solutions(load_model(policy), drawn, temperature=temperature, seed=seed)
    console.print(policy_table(judged, split, temperature))
    if judge is None:
        return
    model = load_model(judge)
    greedy = judge_votes(model, judged, temperature=0.0, votes=1, seed=seed)
    scores = {"one pass, greedy": score_judge(judged, [v[0] for v in greedy])}
    if votes:
        cast = judge_votes(model, judged, temperature=vote_temperature, votes=votes, seed=seed)
        at = f"T {vote_temperature}"
        scores[f"one vote, {at}"] = score_judge(judged, [v[0] for v in cast])
        scores[f"majority of {votes}, {at}"] = score_judge(judged, [majority(v) for v in cast])
    scores["always “no error”"] = score_judge(judged, [-1] * len(judged))
    console.print(judge_table(scores, split))


def policy_table(judged: list[Judged], split: str, temperature: float) -> Table:
    from pipeline.testbed.score import score_policy

    table = Table(
        title=f"Policy on {split}, {len(judged)} solutions at T {temperature}, 95% intervals"
    )
    for heading in ("level", "n", "solved", "step error", "right but flawed", "wrong ≠ fatal"):
        table.add_column(heading, justify="right")
    levels = sorted({item.row.level for item in judged})
    for level in levels:
        _policy_row(table, str(level), score_policy([j for j in judged if j.row.level == level]))
    table.add_section()
    whole = score_policy(judged)
    _policy_row(table, "all", whole)
    kinds = ", ".join(f"{kind} {count}" for kind, count in whole.kinds.most_common())
    table.caption = f"first errors: {kinds}"
    return table


def _policy_row(table: Table, level: str, score: PolicyScore) -> None:
    shares = (score.solved, score.step_error, score.hidden, score.apart)
    table.add_row(level, str(score.solved.n), *map(str, shares))


def judge_table(scores: dict[str, JudgeScore], split: str) -> Table:
    table = Table(title=f"Judge on {split}: exactness of the first error, 95% intervals")
    for heading in ("judge", "F1", "on wrong", "on clean", "over all", "unparsed"):
        table.add_column(heading, justify="right")
    for name, score in scores.items():
        shares = (score.on_wrong, score.on_clean, score.exact)
        table.add_row(name, f"{score.f1:.3f}", *map(str, shares), str(score.unparsed))
    return table
