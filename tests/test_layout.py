"""Dependencies point one way: flows -> annotators -> pipeline; vLLM stays in pipeline/engine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def imported(file: Path) -> Iterator[tuple[int, str]]:
    """(line, full module name) of every import of a file, those inside functions included."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            yield node.lineno, ".".join((*above, *filter(None, (node.module,))))


def breaches(room: str, forbidden: set[str], except_in: str | None = None) -> list[str]:
    """`file:line imports module` for each import of a forbidden top-level module in a room."""
    found = []
    for file in sorted((ROOT / room).rglob("*.py")):
        if except_in is not None and file.is_relative_to(ROOT / except_in):
            continue
        for line, module in imported(file):
            if module.split(".")[0] in forbidden:
                found.append(f"{file.relative_to(ROOT)}:{line} imports {module}")
    return found


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("pipeline", {"annotators", "flows", "prefect", "tests"}),
        ("annotators", {"flows", "prefect", "tests"}),
        ("flows", {"tests"}),
    ],
)
def test_a_room_imports_nothing_above_it(room: str, forbidden: set[str]) -> None:
    assert breaches(room, forbidden) == []


@pytest.mark.parametrize("room", ["pipeline", "annotators", "flows"])
def test_only_the_engine_room_imports_vllm(room: str) -> None:
    assert breaches(room, {"vllm"}, except_in="pipeline/engine") == []


@pytest.mark.parametrize("room", ["pipeline", "annotators", "flows"])
def test_every_package_has_an_init_that_says_what_it_is_for(room: str) -> None:
    for folder in {file.parent for file in (ROOT / room).rglob("*.py")}:
        init = folder / "__init__.py"
        assert init.is_file(), f"{folder.relative_to(ROOT)} has no __init__.py"
        docstring = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
        assert docstring, f"{init.relative_to(ROOT)} does not say what its room is for"
