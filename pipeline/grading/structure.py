r"""From the text of an answer to what it is made of.

`read` takes what `normal.tidy` gives. Two notations of one thing read alike: x>2 and (2,\infty) are
intervals, "1 or 2" and \{1,2\} lists, y=2x and 2x-y=0 equations.
"""

from __future__ import annotations

import re
from itertools import pairwise

from pipeline.grading.errors import NotUnderstood
from pipeline.grading.exact import infinity, number
from pipeline.grading.inequality import between, inequality
from pipeline.grading.nodes import (
    Condition,
    Group,
    Listing,
    Matrix,
    Named,
    Node,
    Ratio,
    Scalar,
)
from pipeline.grading.scalar import read_based, read_scalar, read_value
from pipeline.grading.tokens import tokens_of

MAX_NESTED = 6
MAX_ITEMS = 60


_RELATIONS = frozenset(["=", "<", ">", "<=", ">=", "!=", "\\in", "\\approx"])
_OPEN = frozenset(["(", "[", "{", "\\{", "\\langle"])
_CLOSE = frozenset([")", "]", "}", "\\}", "\\rangle"])
_MATRICES = frozenset(["pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix"])
_WORD = re.compile(r"[A-Za-z]{2,}")
_NAME = re.compile(r"(?:\\?[A-Za-z]{1,12}'?)(?:_(?:\w|\{\w{1,10}\}))?")


def read(text: str) -> Node:
    """The structure of a tidied answer. Raises NotUnderstood."""
    return _read(tokens_of(text), 0)


def _split(tokens: list[str], at: frozenset[str]) -> tuple[list[list[str]], list[str]]:
    """The parts between the tokens of `at` that stand in no bracket, and those tokens."""
    parts: list[list[str]] = [[]]
    found: list[str] = []
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token in _OPEN) + (token == "\\begin") - (token in _CLOSE) - (token == "\\end")
        if depth < 0:
            raise NotUnderstood("a bracket is closed that isn't open")
        inside_end = index and tokens[index - 1] in ("\\begin", "\\end")
        if depth == 0 and token in at and not inside_end:
            parts.append([])
            found.append(token)
        else:
            parts[-1].append(token)
    if depth:
        raise NotUnderstood("a bracket is open")
    return parts, found


_LISTED = frozenset([",", ";"])
_UNION = frozenset(["\\cup"])
_RATIO = frozenset([":"])


def _read(tokens: list[str], depth: int) -> Node:
    if depth > MAX_NESTED:
        raise NotUnderstood("nested too deep")
    tokens = _unwrapped(tokens)
    if not tokens:
        raise NotUnderstood("nothing is there")
    parts, found = _split(tokens, _LISTED)
    if found:
        return Listing(_flat(_items(parts, depth)))
    parts, found = _split(tokens, _RELATIONS)
    if found:
        return _relation(parts, found, depth)
    parts, found = _split(tokens, _UNION)
    if found:
        items = _items(parts, depth)
        sets = [one.items for one in items if isinstance(one, Listing) and one.kind == "{"]
        if len(sets) == len(items):
            return Listing(tuple(item for one in sets for item in one), "{")
        return Listing(items, "u")
    if tokens[0] in _OPEN and (closed := _closing(tokens)) == len(tokens) - 1:
        inner, found = _split(tokens[1:closed], _LISTED)
        kind = tokens[0]
        if kind == "\\{" or (kind == "{" and found):
            return Listing(_flat(_items(inner, depth)) if tokens[1:closed] else (), "{")
        if found:
            if kind == "\\langle":
                return Group("(", ")", _items(inner, depth))
            return Group(kind, tokens[closed], _items(inner, depth))
        if (kind, tokens[closed]) in (("(", ")"), ("{", "}"), ("[", "]")):
            return _read(tokens[1:closed], depth + 1)
        raise NotUnderstood("half a bracket")
    if tokens[0] == "\\begin":
        return _matrices(tokens, depth)
    parts, found = _split(tokens, _RATIO)
    if found:
        values = [read_scalar(part) for part in parts]
        if any(isinstance(value, Listing) for value in values):
            raise NotUnderstood("a ratio of several values")
        return Ratio(tuple(value for value in values if isinstance(value, Scalar)))
    if tokens in (["\\mathbb", "{", "R", "}"], ["\\mathbb", "R"], ["\\R"]):
        ends = (Scalar(-infinity()), Scalar(infinity()))
        return Group("(", ")", ends)
    if tokens == ["\\emptyset"]:
        return Listing((), "{")
    return read_based(tokens) or read_scalar(tokens)


def _unwrapped(tokens: list[str]) -> list[str]:
    r"""Without \boxed{} around it."""
    while (
        len(tokens) > 2
        and tokens[0] in ("\\boxed", "\\fbox")
        and tokens[1] == "{"
        and _closing(tokens[1:]) == len(tokens) - 2
    ):
        tokens = tokens[2:-1]
    return tokens


def _closing(tokens: list[str]) -> int:
    """Where the bracket that comes first is closed, or -1."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0:
            return index
    return -1


def _items(parts: list[list[str]], depth: int) -> tuple[Node, ...]:
    if len(parts) > MAX_ITEMS:
        raise NotUnderstood("too many values")
    return tuple(_read(part, depth + 1) for part in parts)


def _flat(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """1±√2 and 3 are three values."""
    found: list[Node] = []
    for item in items:
        found += item.items if isinstance(item, Listing) and item.kind == "," else [item]
    return tuple(found)


def _relation(parts: list[list[str]], operators: list[str], depth: int) -> Node:
    if "\\approx" in operators:
        cut = operators.index("\\approx")
        if cut == 0:
            if _name(parts[0]):
                raise NotUnderstood("a value that is not said exactly")
            return _read(parts[0], depth + 1)
        parts, operators = parts[: cut + 1], operators[:cut]
    name = _name(parts[0])
    if operators == ["\\in"] and name:
        return Named(name, _read(parts[1], depth + 1))
    if set(operators) == {"="}:
        return _equations(parts, name, depth)
    if "\\in" in operators or "=" in operators or "!=" in operators[1:]:
        raise NotUnderstood("relations of several kinds")
    values = [read_value(part) for part in parts]
    if len(values) == 2:
        return inequality(values[0], operators[0], values[1])
    if len(values) == 3:
        return between(values, operators)
    raise NotUnderstood("too many relations")


def _equations(parts: list[list[str]], name: str, depth: int) -> Node:
    if not name and (turned := _name(parts[-1])):  # 5 = x
        parts, name = [parts[-1], *parts[:-1]], turned
    last = _read(parts[-1], depth + 1)
    if len(parts) > 2:  # x = 2 + 3 = 5
        if not name:
            read_value(parts[0])  # "so the cost = 2 + 3 = 5" is a sentence
        return Named(name, last) if name else last
    if name:
        zero = None
        if isinstance(last, Scalar):
            try:
                zero = (read_value(parts[0]) - last.value).normed()
            except NotUnderstood:
                pass  # of (x, y), or in words
        return Named(name, last, zero)
    left = read_value(parts[0])
    if not isinstance(last, Scalar):
        raise NotUnderstood("an equation of more than values")
    if not left.symbols:  # 2 + 3 = 5
        return last
    zero = left - last.value
    for variable in zero.symbols:
        solved = zero.linear(variable) if len(zero.symbols) == 1 else None
        if solved:
            return Named(variable, Scalar(-solved[1] / solved[0]), zero.normed())
    return Condition("=", zero.normed())


def _name(tokens: list[str]) -> str:
    """What stands before an equals sign, if it is a name: x, a_n, f(x), (x, y), V_1:V_2, AB."""
    text = "".join(tokens)
    if len(text) > 60 or any(_WORD.fullmatch(a) and b[0].isalpha() for a, b in pairwise(tokens)):
        return ""  # several words are a sentence
    if _NAME.fullmatch(text):
        return text
    if text.startswith("(") and text.endswith(")"):
        return text if all(_NAME.fullmatch(part) for part in text[1:-1].split(",")) else ""
    if ":" in text:
        return text if all(_NAME.fullmatch(part) for part in text.split(":")) else ""
    function, bracket, arguments = text.partition("(")
    if bracket and arguments.endswith(")") and _NAME.fullmatch(function):
        return text if all(_NAME.fullmatch(part) for part in arguments[:-1].split(",")) else ""
    head, index, _ = text.partition("_{")  # I_{\max}, n_{\odot}
    return (
        text
        if index and text.endswith("}") and text.count("{") == 1 and _NAME.fullmatch(head)
        else ""
    )


def _matrices(tokens: list[str], depth: int) -> Matrix:
    """One matrix, or the product of several."""
    product: Matrix | None = None
    while tokens:
        if tokens[:2] != ["\\begin", "{"] or len(tokens) < 4 or tokens[2] not in _MATRICES:
            raise NotUnderstood("not a matrix")
        try:
            end = tokens.index("\\end")
        except ValueError:
            raise NotUnderstood("a matrix without an end") from None
        if tokens[end + 1 : end + 4] != ["{", tokens[2], "}"]:
            raise NotUnderstood("a matrix without an end")
        one = _matrix(tokens[4:end], depth)
        product = one if product is None else _multiplied(product, one)
        tokens = tokens[end + 4 :]
    if product is None:
        raise NotUnderstood("nothing is there")
    return product


def _matrix(tokens: list[str], depth: int) -> Matrix:
    lines, _ = _split(tokens, frozenset(["\\\\"]))
    rows = tuple(_items(_split(line, frozenset(["&"]))[0], depth) for line in lines if line)
    if len({len(row) for row in rows}) != 1:
        raise NotUnderstood("rows of several lengths")
    return Matrix(rows)


def _multiplied(a: Matrix, b: Matrix) -> Matrix:
    if len(a.rows[0]) != len(b.rows) or len(b.rows) * len(b.rows[0]) > 36 or len(a.rows) > 6:
        raise NotUnderstood("no product of matrices")

    def cell(row: tuple[Node, ...], column: int) -> Scalar:
        total = number(0)
        for one, other in zip(row, (line[column] for line in b.rows), strict=True):
            if not isinstance(one, Scalar) or not isinstance(other, Scalar):
                raise NotUnderstood("a matrix of more than values")
            total = total + one.value * other.value
        return Scalar(total)

    return Matrix(tuple(tuple(cell(row, k) for k in range(len(b.rows[0]))) for row in a.rows))
