"""`steplabel config`: the resolved configuration of a file, or every key with its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.text import Text

from annotators.registry import ANNOTATORS, make_annotators
from flows.shown import as_yaml, print_line
from pipeline.config import RunConfig
from pipeline.registry import load_named
from pipeline.search import STRATEGIES


def config(
    file: Annotated[Path | None, typer.Argument(help="YAML file to resolve and check")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="change one value")
    ] = None,
) -> None:
    """Check a configuration and print it with every default; without FILE, explain each key.

    \b
    steplabel config
    steplabel config my.yaml --set generate.samples=8
    """
    console = Console()
    if file is not None:
        settings = RunConfig.load(file, set_ or [])
        make_annotators(settings)
        print_line(console, settings.to_yaml())
        console.print(f"# fingerprint {settings.fingerprint}", highlight=False)
        return
    kinds: list[tuple[str, type[BaseModel]]] = [("", RunConfig)]
    for name in ANNOTATORS:
        kinds.append((f"annotators.{name}.", load_named("annotator", name, ANNOTATORS).OPTIONS))
    for name in STRATEGIES:
        options = load_named("strategy", name, STRATEGIES).OPTIONS
        kinds.append((f"annotators.rollouts.search ({name}).", options))
    for before, kind in kinds:
        for key, default, meaning in _explained(before, kind):
            about = f"  # {meaning}" if meaning else ""
            told = Text.assemble((key, "bold"), f": {default}", (about, "dim"))
            console.print(told, soft_wrap=True)


def _explained(before: str, kind: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    """Key, default as YAML and meaning: a line each, whatever the width, for readers and for grep. A part
    that is left out by default has a line of its own above its keys."""
    if not kind.model_fields:
        yield before.removesuffix("."), "{}", "no options"
    for name, field in kind.model_fields.items():
        inner, many = _options_in(field.annotation)
        meaning = field.description or ""
        if inner is None or field.default is None:
            if choices := _choices_in(field.annotation):
                meaning = f"{choices}; {meaning}"
            yield before + name, _default_of(field), meaning or _said_of(inner)
        if inner is not None:
            yield from _explained(f"{before}{name}." + ("<name>." if many else ""), inner)


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    default = field.get_default(call_default_factory=True)
    return as_yaml(list(default) if isinstance(default, tuple) else default)


def _choices_in(kind: Any) -> str:
    """The values that an annotation allows, where it names them."""
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    return next(filter(None, map(_choices_in, get_args(kind))), "")


def _said_of(kind: type[BaseModel] | None) -> str:
    """The docstring of a part, in a line."""
    return "" if kind is None else " ".join((kind.__doc__ or "").split()).removesuffix(".")


def _options_in(kind: Any) -> tuple[type[BaseModel] | None, bool]:
    """The options class in an annotation, and whether it is a mapping's value."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, False
    if get_origin(kind) in (Union, UnionType, dict):
        for inner in get_args(kind):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                return inner, get_origin(kind) is dict
    return None, False
