"""Programs with one line changed: what tests then say of them says it of that line.

PRLCoder (Ye et al. 2025, arXiv 2502.01715) has a teacher model mutate and refactor a program line by line,
and labels each line by running the result. Here no model is asked: the changes are made on the syntax tree,
the same ones every time (operators, constants, conditions, returned values, left-out statements; and
comparisons turned round and assignments written out, which should change nothing).

Code is parsed here and never run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from pipeline.config import MutantsConfig
from pipeline.grading.programs import fenced
from pipeline.records import Problem, Solution, content_hash

GENERATOR = "mutants"
MAX_CHARS = 20_000
"""Of a program; a longer one has no mutants."""
MAX_EDITS = 2000
"""Of a program; further ones are not tried."""
_COMPARED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_COMPARED_WORDS = {"not in": "in", "in": "not in", "is not": "is", "is": "is not"}
_RECKONED = {
    "**": "*", "//": "/", "<<": ">>", ">>": "<<", "+": "-", "-": "+", "*": "+", "/": "*",
    "%": "//", "&": "|", "|": "&", "^": "&",
}  # fmt: skip
_JOINED = {"and": "or", "or": "and"}
_PLAIN = (ast.Attribute, ast.Call, ast.Constant, ast.Name, ast.Subscript)


class Mutant(NamedTuple):
    """`program` with line `line`, from 0, changed. `what`: from what to what."""

    program: str
    line: int
    what: str


class _Edit(NamedTuple):
    """Characters start..end of a line, replaced."""

    line: int
    start: int
    end: int
    new: str


def mutants_of(program: str, first: int = 0) -> Iterator[Mutant]:
    """Every mutant of a program, by line, from the line `first` on; none of what is no Python.

    Each is parsed when it is asked for, which takes milliseconds where the program is long.
    """
    if len(program) > MAX_CHARS or (tree := _parsed(program)) is None:
        return
    lines = program.splitlines(keepends=True)
    if len(lines) != program.count("\n") + (not program.endswith("\n")):
        return  # line ends that Python and `splitlines` don't count alike
    edits = (edit for edit in sorted(_edits(tree, _Source(lines))) if edit.line >= first)
    seen: set[tuple[int, str]] = set()
    for edit in islice(edits, MAX_EDITS):
        line = lines[edit.line]
        changed = line[: edit.start] + edit.new + line[edit.end :]
        if changed == line or (edit.line, changed) in seen:
            continue
        seen.add((edit.line, changed))
        text = "".join([*lines[: edit.line], changed, *lines[edit.line + 1 :]])
        if _parsed(text) is not None:
            what = f"{line[edit.start : edit.end].strip()} to {edit.new}"
            yield Mutant(text, edit.line, what)


def mutated(problem: Problem, config: MutantsConfig) -> list[Solution]:
    """A problem's reference program and its mutants as solutions, a line a step. None where it has no tests
    or no reference, or the reference is no Python. A reference may complete the question (HumanEval)."""
    if problem.tests is None or problem.reference is None:
        return []
    blocks = fenced(problem.reference)
    program = "\n".join(block.code for block in blocks) or problem.reference
    before = "" if blocks or _parsed(program) else problem.question
    if _parsed(before + program) is None:
        return []
    chosen: list[str] = []
    by_line: dict[int, list[str]] = {}
    for mutant in mutants_of(before + program, before.count("\n")):
        if mutant.program.startswith(before):
            by_line.setdefault(mutant.line, []).append(mutant.program[len(before) :])
    for texts in by_line.values():  # chosen by content, so that a grown batch keeps them
        chosen += sorted(texts, key=content_hash)[: config.per_line]
    return [
        Solution(
            id=content_hash(problem.id, GENERATOR, text),
            problem_id=problem.id,
            question=problem.question,
            gold=problem.answer,
            steps=lines_of(text),
            generator=GENERATOR,
            index=index,
            reference=problem.reference,
            level=problem.level,
            tests=problem.tests,
            tables=problem.tables,
        )
        for index, text in enumerate([program, *chosen[: config.most]])
    ]


def lines_of(program: str) -> tuple[str, ...]:
    """Its lines; blank ones go with the line before them, or the first."""
    steps: list[str] = []
    for line in program.splitlines(keepends=True):
        if steps and (not line.strip() or not steps[-1].strip()):
            steps[-1] += line
        else:
            steps.append(line)
    return tuple(steps)


def _parsed(program: str) -> ast.Module | None:
    try:
        return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Source:
    """The lines, by the byte offsets that the syntax tree has."""

    def __init__(self, lines: list[str]) -> None:
        self._bytes = [line.encode("utf-8") for line in lines]
        self._lines = lines

    def at(self, line: int, offset: int) -> int:
        """The character at a byte of a line; lines count from 1, as in the tree."""
        return len(self._bytes[line - 1][:offset].decode("utf-8"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int, int]:
        """Line from 0, and characters from and to; of a node on a single line."""
        assert node.end_col_offset is not None
        start, end = (self.at(node.lineno, at) for at in (node.col_offset, node.end_col_offset))
        return node.lineno - 1, start, end

    def text(self, node: ast.expr) -> str:
        line, start, end = self.span(node)
        text = self._lines[line][start:end]
        return text if isinstance(node, _PLAIN) else f"({text})"

    def between(
        self, left: ast.expr, right: ast.expr, table: dict[str, str]
    ) -> Iterator[tuple[_Edit, str]]:
        """The operator between two operands, replaced by the table, and what it was."""
        line, _, start = self.span(left)
        _, end, _ = self.span(right)
        gap = self._lines[line][start:end]
        for old in sorted(table, key=len, reverse=True):
            if (at := gap.find(old)) >= 0:
                yield _Edit(line, start + at, start + at + len(old), table[old]), old
                return


def _edits(tree: ast.Module, source: _Source) -> Iterator[_Edit]:
    for node in _nodes(tree):
        if isinstance(node, (ast.expr, ast.stmt)) and node.lineno == node.end_lineno:
            yield from _changes(node, source)
        if isinstance(node, (ast.If, ast.While, ast.IfExp)) and _on_one_line(node.test):
            line, start, end = source.span(node.test)
            yield _Edit(line, start, end, f"not ({source.text(node.test)})")


def _changes(node: ast.expr | ast.stmt, source: _Source) -> Iterator[_Edit]:
    line, start, end = source.span(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = node.left, node.comparators[0]
        for edit, old in source.between(left, right, _COMPARED | _COMPARED_WORDS):
            yield edit
            if old in _TURNED:
                turned = f"{source.text(right)} {_TURNED[old]} {source.text(left)}"
                yield _Edit(line, start, end, turned)
    elif isinstance(node, ast.BinOp):
        yield from (edit for edit, _ in source.between(node.left, node.right, _RECKONED))
    elif isinstance(node, ast.BoolOp):
        yield from (edit for edit, _ in source.between(node.values[0], node.values[1], _JOINED))
    elif isinstance(node, ast.Constant):
        yield from (_Edit(line, start, end, new) for new in _constants(node.value))
    elif isinstance(node, ast.Return) and node.value is not None:
        line, start, end = source.span(node.value)
        yield _Edit(line, start, end, "None")
    elif isinstance(node, ast.AugAssign):
        reckoned = {f"{old}=": f"{new}=" for old, new in _RECKONED.items()}
        for edit, old in source.between(node.target, node.value, reckoned):
            yield edit
            target = source.text(node.target)
            yield _Edit(
                line, start, end, f"{target} = {target} {old[:-1]} {source.text(node.value)}"
            )
    if isinstance(node, (ast.Assign, ast.AugAssign)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield _Edit(line, start, end, "pass")


def _constants(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(not value),)
    if isinstance(value, int):
        return (str(value + 1), str(value - 1)) if value > 0 else (str(value + 1),)
    if isinstance(value, str):
        return ('""',) if value else ('" "',)
    return ("None",) if isinstance(value, float) else ()


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All but texts that explain or are filled in, annotations and decorators."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "decorator_list", "returns") or isinstance(
                node, ast.JoinedStr
            ):
                continue
            below = value if isinstance(value, list) else [value]
            todo += [one for one in below if isinstance(one, ast.AST) and not _explains(one)]


def _explains(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _on_one_line(node: ast.expr) -> bool:
    return node.lineno == node.end_lineno
