"""Do two structures say the same? Lists in any order, an interval beside its bounds, names beside values."""

from __future__ import annotations

from pipeline.grading.exact import infinite, same, symbol
from pipeline.grading.nodes import (
    Based,
    Condition,
    Group,
    Interval,
    Listing,
    Matrix,
    Named,
    Node,
    Ratio,
    Scalar,
)
from pipeline.grading.same_value import compare_exact, compare_scalars, number_of
from pipeline.grading.sameness import DIFFERENT, SAME, UNCLEAR, UNKNOWN, Sameness, all_of, any_of


def compare(a: Node, b: Node, decimals: int) -> Sameness:
    """Symmetric in `a` and `b`. `decimals`: see `GradingConfig.decimals`."""
    return _Comparer(decimals).compare(a, b)


_ORDER = (Named, Listing, Interval, Group, Matrix, Ratio, Condition, Based, Scalar)


class _Comparer:
    def __init__(self, decimals: int) -> None:
        self._decimals = decimals

    def compare(self, a: Node, b: Node) -> Sameness:
        if _ORDER.index(type(a)) > _ORDER.index(type(b)):
            a, b = b, a
        match a:
            case Named():
                return self._named(a, b)
            case Listing():
                return self._listing(a, b)
            case Interval():
                return self._interval(a, b)
            case Group():
                return self._group(a, b)
            case Matrix():
                return self._matrix(a, b)
            case Ratio():
                return self._ratio(a, b)
            case Condition():
                return self._condition(a, b)
            case Based():
                return _based(a, b)
            case Scalar():
                assert isinstance(b, Scalar)
                return compare_scalars(a, b, self._decimals)

    def _each(self, one: tuple[Node, ...], other: tuple[Node, ...]) -> Sameness:
        if len(one) != len(other):
            return DIFFERENT
        return all_of(self.compare(x, y) for x, y in zip(one, other, strict=True))

    def _unordered(self, one: tuple[Node, ...], other: tuple[Node, ...]) -> Sameness:
        """As sets: each value of either is among the other's."""
        table = [[self._member(x, y) for y in other] for x in one]
        return all_of(
            [any_of(row) for row in table]
            + [any_of(row[k] for row in table) for k in range(len(other))]
        )

    def _member(self, a: Node, b: Node) -> Sameness:
        """As `compare`, but {2} among values is not clearly 2."""
        found = self.compare(a, b)
        nested = isinstance(a, Listing) != isinstance(b, Listing)
        return UNCLEAR if nested and found is SAME else found

    def _as_often(self, one: tuple[Node, ...], other: tuple[Node, ...]) -> bool:
        """Of lists that are the same as sets: does each value stand in both as often?"""
        left = list(other)
        for x in one:
            at = next((i for i, y in enumerate(left) if self.compare(x, y) is SAME), None)
            if at is None:
                return False
            del left[at]
        return not left

    def _named(self, a: Named, b: Node) -> Sameness:
        if isinstance(b, Condition):
            if a.zero is None or b.operator != "=":
                return UNKNOWN
            return compare_exact(a.zero, b.zero)
        if not isinstance(b, Named):
            if isinstance(b, Listing) and not isinstance(a.node, Listing):
                return UNCLEAR if len(b.items) == 1 else self._listing(Listing(_parted(a)), b)
            return self.compare(a.node, b)
        if a.zero is not None and b.zero is not None and same(a.zero, b.zero):
            return SAME
        found = self.compare(a.node, b.node)
        if _plain(a.name) == _plain(b.name):
            return found
        return UNCLEAR if found is SAME else found

    def _listing(self, a: Listing, b: Node) -> Sameness:
        if isinstance(b, Listing):
            return self._two_listings(a, b)
        if isinstance(b, Group):
            if a.kind == "u":
                return UNCLEAR
            ordered = self._each(a.items, b.items)
            if a.kind == "{":
                return UNCLEAR if ordered is SAME else ordered
            if ordered is DIFFERENT and self._unordered(a.items, b.items) is not DIFFERENT:
                return UNCLEAR
            return ordered
        if isinstance(b, Scalar | Based):
            if a.kind == "u":
                return DIFFERENT if any(isinstance(item, Group) for item in a.items) else UNKNOWN
            if not a.items:
                return UNCLEAR
            if len(a.items) == 1:
                return self.compare(a.items[0], b)
            # several values are one only where they are all the same
            return DIFFERENT if self._distinct(a.items) else UNCLEAR
        return UNKNOWN

    def _distinct(self, items: tuple[Node, ...]) -> bool:
        return any(self.compare(items[0], item) is DIFFERENT for item in items[1:])

    def _two_listings(self, a: Listing, b: Listing) -> Sameness:
        one, other = _named_throughout(a.items), _named_throughout(b.items)
        names = [
            [_plain(i.name) if isinstance(i, Named) else "" for i in side] for side in (one, other)
        ]
        if all(names[0]) and set(names[0]) == set(names[1]) and len(set(names[0])) > 1:
            table = [
                [
                    self.compare(x, y) if m == n else DIFFERENT
                    for y, n in zip(other, names[1], strict=True)
                ]
                for x, m in zip(one, names[0], strict=True)
            ]
            return all_of(any_of(row) for row in table)
        one, other = _bare(one), _bare(other)
        found = self._unordered(one, other)
        if found is not SAME or self._each(one, other) is SAME:
            return found
        named = any(names[0] + names[1]) and not _roots(names[0]) and not _roots(names[1])
        plain = a.kind == b.kind == "," and all(isinstance(item, Scalar) for item in one)
        if named or (plain and (all(map(_letter, one)) or not self._as_often(one, other))):
            return UNCLEAR
        return SAME

    def _interval(self, a: Interval, b: Node) -> Sameness:
        if isinstance(b, Group):
            if len(b.items) != 2:
                return DIFFERENT
            ends = self._each((a.low, a.high), b.items)
        elif isinstance(b, Interval):
            ends = self._each((a.low, a.high), (b.low, b.high))
            if ends is SAME and a.variable != b.variable:
                return UNCLEAR
        else:
            return UNCLEAR if isinstance(b, Scalar) else UNKNOWN
        if ends is SAME and (a.opening, a.closing) != (b.opening, b.closing):
            return DIFFERENT
        return ends

    def _group(self, a: Group, b: Node) -> Sameness:
        if isinstance(b, Matrix):
            rows = tuple(item.items for item in a.items if isinstance(item, Group))
            if len(rows) == len(a.items):  # [[1,2],[3,4]]
                return self._matrix(Matrix(rows), b)
            if len(b.rows) > 1 and len(b.rows[0]) > 1:
                return DIFFERENT
            return self._each(a.items, tuple(item for row in b.rows for item in row))
        if not isinstance(b, Group):
            return _beside_value(b)
        found = self._each(a.items, b.items)
        if found is not SAME or (a.opening, a.closing) == (b.opening, b.closing):
            return found
        if len(a.items) != 2:
            return SAME if (a.opening + a.closing, b.opening + b.closing) in _VECTORS else UNCLEAR
        return DIFFERENT if _rises(a.items) else UNCLEAR

    def _matrix(self, a: Matrix, b: Node) -> Sameness:
        if not isinstance(b, Matrix):
            return _beside_value(b)
        shapes = [(len(m.rows), len(m.rows[0])) for m in (a, b)]
        if shapes[0] != shapes[1]:
            return UNCLEAR if shapes[0] == shapes[1][::-1] and 1 in shapes[0] else DIFFERENT
        return all_of(self._each(x, y) for x, y in zip(a.rows, b.rows, strict=True))

    def _ratio(self, a: Ratio, b: Node) -> Sameness:
        if isinstance(b, Ratio):
            if len(a.items) != len(b.items):
                return DIFFERENT
            if any(item.value.rational() == 0 for item in a.items + b.items):
                return SAME if self._each(a.items, b.items) is SAME else UNCLEAR
            first, other = a.items[0].value, b.items[0].value
            return all_of(
                compare_exact(x.value * other, y.value * first)
                for x, y in zip(a.items[1:], b.items[1:], strict=True)
            )
        if any(item.value.rational() == 0 for item in a.items):
            return UNCLEAR
        if isinstance(b, Scalar) and len(a.items) == 2:
            found = compare_exact(a.items[0].value / a.items[1].value, b.value)
            return SAME if found is SAME else UNCLEAR
        return UNKNOWN

    def _condition(self, a: Condition, b: Node) -> Sameness:
        if isinstance(b, Condition):
            if a.operator != b.operator:
                return DIFFERENT if {a.operator, b.operator} <= {"<", ">", "<=", ">="} else UNKNOWN
            found = compare_exact(a.zero, b.zero)
            if found is DIFFERENT and len(a.zero.symbols | b.zero.symbols) < 2:
                return UNKNOWN  # x^2 = 4 and 2x^3 = 8x: what they say may be the same
            return found
        # an equation in several unknowns is no number
        several = a.operator == "=" and len(a.zero.symbols) > 1
        return DIFFERENT if several and isinstance(b, Scalar) and not b.value.symbols else UNKNOWN


_VECTORS = (("()", "[]"), ("[]", "()"))


def _based(a: Based, b: Node) -> Sameness:
    if isinstance(b, Based):
        if a.base == b.base:
            return SAME if a.digits == b.digits else DIFFERENT
        return UNCLEAR
    value = b.value.rational() if isinstance(b, Scalar) else None
    meant = (int(a.digits or "0", a.base), int(a.digits or "0"))
    return UNCLEAR if value is None or value in meant else DIFFERENT


def _rises(items: tuple[Node, ...]) -> bool:
    """Are these the ends of an interval?"""
    ends = [item.value for item in items if isinstance(item, Scalar)]
    if len(ends) == 2 and (infinite(ends[0]) < 0 or infinite(ends[1]) > 0):
        return True
    low, high = (number_of(item.value) if isinstance(item, Scalar) else None for item in items)
    return low is not None and high is not None and low < high


def _beside_value(b: Node) -> Sameness:
    """What a vector or a matrix is beside one value: a number is another answer, 3i + 4j may be a vector."""
    if not isinstance(b, Scalar):
        return UNKNOWN
    other = number_of(b.value) is not None or b.value.constant() or b.value.symbols - {"j", "k"}
    return DIFFERENT if other else UNCLEAR


def _letter(node: Node) -> bool:
    """Is it a name, as of points and choices? A of "B, A, C" may be there for its place."""
    if not isinstance(node, Scalar) or len(node.value.symbols) != 1:
        return False
    return same(node.value, symbol(*node.value.symbols)) is True


def _parted(named: Named) -> tuple[Named, ...]:
    """(a, b) = (1, 2) as a = 1 and b = 2."""
    names = named.name.strip("()").split(",")
    if not isinstance(named.node, Group) or not len(names) == len(named.node.items) > 1:
        return (named,)
    return tuple(Named(*pair) for pair in zip(names, named.node.items, strict=True))


def _plain(name: str) -> str:
    return name.replace("{", "").replace("}", "").replace(" ", "")


def _named_throughout(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """n=1, 2, 3 names every value."""
    first = items[0] if items else None
    if isinstance(first, Named) and not any(isinstance(item, Named) for item in items[1:]):
        return (first, *(Named(first.name, item) for item in items[1:]))
    return items


def _bare(items: tuple[Node, ...]) -> tuple[Node, ...]:
    return tuple(item.node if isinstance(item, Named) else item for item in items)


def _roots(names: list[str]) -> bool:
    """One letter with several indices, or one name: values whose order says nothing."""
    return all(names) and len({name.partition("_")[0] for name in names}) == 1
