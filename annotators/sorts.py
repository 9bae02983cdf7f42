"""Which names are propositions, numbers or things: told from how a problem's formulas use them."""

from __future__ import annotations

from dataclasses import dataclass, field

from annotators.first_order import Node

BOOL, NUMBER, THING = "bool", "number", "thing"
_CONNECTIVES = frozenset(["<->", "->", "|", "&", "~", "forall", "exists", "true", "false"])
_ARITHMETIC = frozenset(["+", "-", "*", "/", "neg", "number"])


class SortsConflict(ValueError):
    """A name is used as two kinds of things."""


@dataclass
class Sorts:
    """Grows by `add`; what no use tells is a thing. A variable is known by the quantifier that binds it."""

    _parent: dict[str, str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)
    arity: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Sorts:
        return Sorts(dict(self._parent), dict(self._known), dict(self.arity))

    def add(self, formula: Node) -> None:
        """Take in a formula's uses of names. Raises SortsConflict; then use a copy made before."""
        self._unify_known(self._visit(formula, {}), BOOL)

    def of(self, key: str) -> str:
        """BOOL, NUMBER or THING of a name's result ("P"), an argument ("P/0") or a bound variable."""
        return self._known.get(self._root(key), THING)

    def _root(self, key: str) -> str:
        while (parent := self._parent.get(key, key)) != key:
            key = parent
        return key

    def _unify(self, a: str, b: str) -> None:
        a, b = self._root(a), self._root(b)
        if a == b:
            return
        kinds = {self._known.get(a), self._known.get(b)} - {None}
        if len(kinds) > 1:
            raise SortsConflict("one name for two kinds of things")
        self._parent[a] = b
        for kind in kinds:
            if kind is not None:
                self._known[b] = kind

    def _unify_known(self, key: str, kind: str) -> None:
        root = self._root(key)
        if self._known.setdefault(root, kind) != kind:
            raise SortsConflict("one name for two kinds of things")

    def _visit(self, node: Node, bound: dict[str, str]) -> str:
        """The key of a node's sort."""
        key = f"@{id(node)}"
        if node.operator == "call":
            if not node.arguments and node.name in bound:
                return bound[node.name]
            if self.arity.setdefault(node.name, len(node.arguments)) != len(node.arguments):
                raise SortsConflict(f"{node.name} has another number of arguments elsewhere")
            for index, argument in enumerate(node.arguments):
                self._unify(self._visit(argument, bound), f"{node.name}/{index}")
            return node.name
        inner = bound
        if node.variables:
            inner = bound | {name: variable_key(node, name) for name in node.variables}
        keys = [self._visit(argument, inner) for argument in node.arguments]
        if node.operator in _CONNECTIVES:
            for one in keys:
                self._unify_known(one, BOOL)
            self._unify_known(key, BOOL)
        elif node.operator in _ARITHMETIC or node.operator in ("<", "<=", ">", ">="):
            for one in keys:
                self._unify_known(one, NUMBER)
            self._unify_known(key, NUMBER if node.operator in _ARITHMETIC else BOOL)
        else:  # = and !=
            self._unify(keys[0], keys[1])
            self._unify_known(key, BOOL)
        return key


def variable_key(quantifier: Node, name: str) -> str:
    return f"{name}@{id(quantifier)}"
