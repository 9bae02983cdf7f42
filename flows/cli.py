"""The console command `steplabel`.

Each command is one file in `flows/commands`, imported only when it is called, so that `--help`
answers at once. A StepLabelError is told in one message, without a traceback.
"""

from __future__ import annotations

import importlib
import sys

import click
import typer
from rich.console import Console
from rich.text import Text
from typer.main import get_command

from pipeline.errors import StepLabelError

COMMANDS = {
    "run": ("flows.commands.run:run", "Label a batch: problems in, step-labelled dataset out."),
    "status": (
        "flows.commands.status:status",
        "How far a run is; without RUN, which runs there are.",
    ),
    "inspect": ("flows.commands.inspect:inspect", "Look at a run's solutions, steps and evidence."),
    "config": ("flows.commands.config:config", "Show a configuration, or what every key means."),
    "doctor": (
        "flows.commands.doctor:doctor",
        "What is here, what is missing, and the fix for it.",
    ),
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

\b
Exit codes: 0 done, 1 failed, 2 configuration or usage, 3 input data, 4 something is missing here,
5 run folder, 6 model engine, 130 interrupted (the same command continues).
"""


class _Commands(click.Group):
    """Commands by name, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        target = getattr(importlib.import_module(module), attribute)
        if isinstance(target, typer.Typer):
            return get_command(target)
        app = typer.Typer(add_completion=False, rich_markup_mode="rich")
        app.command(cmd_name)(target)
        return get_command(app)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.command(cls=_Commands, help=HELP)
@click.version_option(package_name="steplabel")
def steplabel() -> None:
    pass


def main() -> None:
    """Entry point; exits with the error's own code."""
    try:
        steplabel.main(standalone_mode=False)
    except StepLabelError as error:
        Console(stderr=True).print(
            Text.assemble(("error: ", "bold red"), str(error)), soft_wrap=True
        )
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        Console(stderr=True).print("stopped; the same command continues where it was")
        sys.exit(130)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)


if __name__ == "__main__":
    main()
