"""`steplabel publish`: the dataset of a run on the Hub, in a folder or in a bucket."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.runs import find_run
from flows.shown import print_line
from pipeline.config import RunConfig
from pipeline.dataset import view_names
from pipeline.errors import ConfigError, RunError
from pipeline.files import read_object
from pipeline.publish import Change, HubTarget, StoreTarget, Target, dataset_files_of
from pipeline.publish import publish as publish_files
from pipeline.publish.target import BATCH_FILES


def publish(
    run: Annotated[str, typer.Argument(help="a finished run's folder or name")],
    to: Annotated[
        str,
        typer.Argument(help="OWNER/NAME on the Hub, or a URL with a scheme, such as file:///data"),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would be sent and removed; change nothing")
    ] = False,
    public: Annotated[
        bool,
        typer.Option("--public", help="Hub: a new repository is public; it is private otherwise"),
    ] = False,
    tag: Annotated[str | None, typer.Option(help="Hub: tag what was published")] = None,
    revision: Annotated[str | None, typer.Option(help="Hub: branch to publish to")] = None,
    files_per_commit: Annotated[
        int, typer.Option(min=1, max=500, help="Hub: a commit has at most so many files")
    ] = BATCH_FILES,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """Put the dataset of a finished run where others find it.

    What is there already with the right checksum is not sent again: after a kill the same command goes
    on. Files of an earlier dataset in the folders of the same views are removed at the end, nothing
    else. The card comes last.

    \b
    steplabel publish my-run me/my-labels --dry-run
    steplabel publish my-run me/my-labels --tag v1            # private unless --public
    steplabel publish my-run s3://bucket/my-labels            # pip install 'steplabel[s3]'
    steplabel publish my-run file:///srv/datasets/my-labels
    """
    found = find_run(run, runs_dir)
    if found.info["state"] != "finished":
        raise RunError(
            f"{found.folder}: is not finished; the same `steplabel run` command continues it"
        )
    if "://" in to and (public or tag is not None or revision is not None):
        raise ConfigError(
            f"{to}: --public, --tag and --revision are for repositories on the Hub, OWNER/NAME"
        )
    written = (read_object(found.dataset_mark) or {}).get("files")
    files = dataset_files_of(found.dataset, written)
    console = Console()
    target: Target = StoreTarget(to) if "://" in to else HubTarget(to, not public, revision, tag)

    say = partial(print_line, console)

    def plan(change: Change) -> None:
        say(
            f"{target.name}: {len(change.send)} files to send ({change.bytes:,} bytes), "
            f"{change.same} are there, {len(change.remove)} to remove"
        )
        if dry_run:
            for file in change.send:
                say(f"  send    {file.name}  {file.size:,}")
            for name in change.remove:
                say(f"  remove  {name}")

    publish_files(
        files,
        target,
        plan,
        lambda f: say(f"  sent    {f.name}"),
        dry_run,
        files_per_commit,
        views=view_names(RunConfig.load(found.folder / "config.yaml").dataset),
    )
    say(
        "dry run: nothing was changed"
        if dry_run
        else f"{target.name}: complete, {len(files)} files"
    )
