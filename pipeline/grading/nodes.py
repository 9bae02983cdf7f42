"""What an answer is made of: values, lists, sets, tuples, intervals, matrices, ratios, relations."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.grading.exact import Exact


@dataclass(frozen=True, slots=True)
class Scalar:
    """`places`: how many decimals it shows, where it is one decimal numeral; `unit` says that words
    followed."""

    value: Exact
    places: int | None = None
    percent: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Based:
    """A numeral with its base as an index, 1010_2."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Several values without an order. `kind`: "," as written plainly, "{" a set, "u" a union."""

    items: tuple[Node, ...]
    kind: str = ","


@dataclass(frozen=True, slots=True)
class Group:
    """Values in an order, in ( ) or [ ], or half of each: a tuple, a vector or an interval."""

    opening: str
    closing: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """The reals between two values, from inequalities in `variable`."""

    low: Scalar
    high: Scalar
    opening: str
    closing: str
    variable: str


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    items: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """`x = 5`, `(x, y) = (1, 2)`, `x \\in (0, 1)`: a value and what it is a value of. `zero` is the
    equation with everything on the left, where both sides are values."""

    name: str
    node: Node
    zero: Exact | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """`zero` OP 0 for an equation or inequality that isn't solved for a variable."""

    operator: str
    zero: Exact


Node = Scalar | Based | Listing | Group | Interval | Matrix | Ratio | Named | Condition
