"""The console command `steplabel`.

Each command is one file in `flows/commands`, imported only when it is called, so that `--help`
answers at once. A StepLabelError is told in one message, without a traceback.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup
from typer.main import get_command

from pipeline.errors import PrerequisiteError, StepLabelError

COMMANDS = {
    "run": ("flows.commands.run:run", "Label a batch: problems in, step-labelled dataset out."),
    "plan": ("flows.commands.plan:plan", "Tokens, hours and money of a run, before it is paid."),
    "deploy": (
        "flows.commands.deploy:deploy",
        "Run a configuration on a schedule, and from the UI.",
    ),
    "up": ("flows.commands.up:up", "Keep a Prefect server and a worker running."),
    "down": ("flows.commands.up:down", "Stop what `up` started."),
    "status": ("flows.commands.status:status", "How far a run is; without RUN, which there are."),
    "inspect": ("flows.commands.inspect:inspect", "Look at solutions, steps and evidence."),
    "report": ("flows.commands.report:report", "A run as one page, every label with its reasons."),
    "review": ("flows.commands.review:review", "Decide by hand what tells most, on a local page."),
    "relabel": ("flows.commands.relabel:relabel", "Other rules over the verdicts of a run."),
    "diff": ("flows.commands.diff:diff", "Labels that changed between two runs, and why."),
    "merge": ("flows.commands.merge:merge", "One run of several, every solution once."),
    "clean": ("flows.commands.clean:clean", "Remove what nothing in a run refers to."),
    "publish": ("flows.commands.publish:publish", "A dataset on the Hub, in a folder or a bucket."),
    "evaluate": ("flows.commands.evaluate:evaluate", "Labels against first errors that are known."),
    "recipes": ("flows.commands.recipes:recipes", "The methods that a configuration can build on."),
    "config": ("flows.commands.config:config", "Show a configuration, or what every key means."),
    "doctor": ("flows.commands.doctor:doctor", "What is here, what is missing, and its cure."),
    "testbed": ("flows.commands.testbed:app", "TinyMath: train and score the shipped models."),
}

HELP = """Label the steps of model solutions: which step is the first wrong one?

Problems with known answers go in. A policy model writes solutions; rollouts, judge votes and executed
checks each say where the first error is; where they agree, a solution is labelled. A Hugging Face
dataset of Parquet shards comes out.

\b
steplabel doctor                               what is here, and what is missing
steplabel run flows/recipes/tinymath.yaml      a whole batch with the shipped models
steplabel status                               the runs there are
steplabel inspect runs/tinymath                what was labelled, and why
steplabel report runs/tinymath                 the same as one page for a browser
steplabel evaluate runs/tinymath               how good the labels are, where the truth is known

\b
Exit codes: 0 done, 1 failed, 2 configuration or usage, 3 input data, 4 something is missing here,
5 run folder, 6 model engine, 130 interrupted (the same command continues).
"""


class _Commands(TyperGroup):
    """Commands by name, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        target = getattr(importlib.import_module(module), attribute)
        if not isinstance(target, typer.Typer):
            function, target = target, typer.Typer(add_completion=False, rich_markup_mode=None)
            target.command(cmd_name)(function)
        return get_command(target)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Names and what they do, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


app = typer.Typer(
    cls=_Commands,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"steplabel {version('steplabel')}")
        raise typer.Exit


@app.callback()
def steplabel(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """See HELP."""


def main() -> None:
    """Entry point; exits with the error's own code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that isn't UTF-8 ends no run
    try:
        app()
    except StepLabelError as error:
        _told(str(error), error.exit_code)
    except (PermissionError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        _told(f"{error.filename}: {error.strerror}", PrerequisiteError.exit_code)


def _told(error: str, exit_code: int) -> NoReturn:
    Console(stderr=True).print(Text.assemble(("error: ", "bold red"), error), soft_wrap=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
