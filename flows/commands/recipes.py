"""`steplabel recipes`: the methods of labelling that a configuration can build on."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from pipeline.recipes import shipped


def recipes() -> None:
    """List the methods that `recipe: NAME` in a configuration names.

    \b
    steplabel run my.yaml --set recipe=omegaprm
    steplabel run flows/recipes/tinymath.yaml --set recipe=steplabel-fast --set name=fast
    """
    table = Table("recipe", "what it does", box=None, header_style="bold")
    for name, about in shipped().items():
        table.add_row(name, about)
    Console().print(table)
