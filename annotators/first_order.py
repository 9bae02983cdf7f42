r"""Formulas of first-order logic with arithmetic, from text; recursive descent, linear time.

    formula    = implication { ("<->" | "iff") implication }
    implication = disjunction [ ("->" | "=>" | "implies") implication ]
    disjunction = conjunction { ("|" | "or") conjunction }
    conjunction = negation { ("&" | "and") negation }
    negation   = ("~" | "not") negation | quantified | relation
    quantified = ("forall" | "exists") name {"," name} ["." | ":"] negation
    relation   = sum { ("=" | "!=" | "<" | "<=" | ">" | ">=") sum }      a < b < c is a < b and b < c
    sum        = product { ("+" | "-") product }
    product    = power { ("*" | "/") power }           / by a number alone
    power      = ["-"] primary ["^" digit]
    primary    = number | name [ "(" sum {"," sum} ")" ] | "true" | "false" | "(" formula ")"

The signs of LaTeX (\land, \forall, \to, …) and of Unicode (∧, ∀, →, …) mean the same. A quantifier
reaches as far as one negation does: write (…) for more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_LENGTH = 1000
MAX_TOKENS = 300
MAX_DEPTH = 40
MAX_DIGITS = 30
MAX_POWER = 8
MAX_VARIABLES = 6


class NotAFormula(ValueError):
    """A text that isn't wholly a formula, or one over a cap."""


@dataclass(frozen=True, slots=True)
class Node:
    """`operator`: a connective, a relation, an arithmetic sign, "number", "forall", "exists", or
    "call" of `name` (no arguments: a constant, a variable or a proposition)."""

    operator: str
    arguments: tuple[Node, ...] = ()
    name: str = ""
    value: Fraction = Fraction(0)
    variables: tuple[str, ...] = ()


_SIGNS = {
    "<->": r"<-+>|<=>|\\leftrightarrow|\\Leftrightarrow|\\iff|\\equiv|[↔⇔≡]|iff\b",
    "->": r"-+>|=>|\\rightarrow|\\Rightarrow|\\implies|\\to\b|[→⇒⊃]|implies\b",
    "|": r"\|\|?|\\lor\b|\\vee\b|∨|or\b",
    "&": r"&&?|\\land\b|\\wedge\b|∧|and\b",
    "!=": r"!=|\\neq?\b|≠",
    "~": r"~|!|\\neg\b|\\lnot\b|¬|not\b",
    "forall": r"\\forall\b|∀|forall\b",
    "exists": r"\\exists\b|∃|exists\b",
    "<=": r"<=|\\leq?\b|≤",
    ">=": r">=|\\geq?\b|≥",
    "<": r"<|\\lt\b",
    ">": r">|\\gt\b",
    "=": r"==?",
    "*": r"\*|\\cdot\b|\\times\b|[·×]",
    "true": r"true\b|\\top\b|⊤",
    "false": r"false\b|\\bot\b|⊥",
}
_TOKEN = re.compile(
    r"\s*(?:"
    + "|".join(f"(?P<sign{i}>{pattern})" for i, pattern in enumerate(_SIGNS.values()))
    + r"|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_']{0,39})|(?P<other>[-+/^().,:]))"
)
_NAMES = list(_SIGNS)
_RELATIONS = frozenset(["=", "!=", "<", "<=", ">", ">="])


def parse_formula(text: str) -> Node:
    """Raises NotAFormula."""
    parser = _Parser(_tokens(text))
    node = parser.formula()
    if parser.next is not None:
        raise NotAFormula(f"unexpected {parser.next}")
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text); the kind of a sign is the sign itself."""
    text = text.strip()
    if not text or len(text) > MAX_LENGTH:
        raise NotAFormula("empty, or too long")
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None or len(found) == MAX_TOKENS:
            raise NotAFormula("not a formula, or too long")
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind.startswith("sign"):
            kind = _NAMES[int(kind[4:])]
        elif kind == "other":
            kind = word
        found.append((kind, word))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def _take(self, wanted: str | None = None) -> str:
        if self.next is None or (wanted is not None and self.next != wanted):
            raise NotAFormula(f"{wanted or 'more'} is missing")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _takes(self, kind: str) -> bool:
        if self.next != kind:
            return False
        self._at += 1
        return True

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotAFormula("nested too deep")

    def formula(self) -> Node:
        self._deeper()
        node = self._implication()
        while self._takes("<->"):
            node = Node("<->", (node, self._implication()))
        self._depth -= 1
        return node

    def _implication(self) -> Node:
        parts = [self._disjunction()]
        while self._takes("->"):
            parts.append(self._disjunction())
        node = parts.pop()
        while parts:
            node = Node("->", (parts.pop(), node))
        return node

    def _disjunction(self) -> Node:
        parts = [self._conjunction()]
        while self._takes("|"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Node("|", tuple(parts))

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self._takes("&"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Node("&", tuple(parts))

    def _negation(self) -> Node:
        self._deeper()
        if self._takes("~"):
            node = Node("~", (self._negation(),))
        elif self.next in ("forall", "exists"):
            quantifier = self.next
            self._take()
            variables = [self._take("name")]
            while self._takes(","):
                variables.append(self._take("name"))
            if len(variables) > MAX_VARIABLES or len(set(variables)) != len(variables):
                raise NotAFormula("too many variables, or one twice")
            if not self._takes("."):
                self._takes(":")
            node = Node(quantifier, (self._negation(),), variables=tuple(variables))
        else:
            node = self._relation()
        self._depth -= 1
        return node

    def _relation(self) -> Node:
        left = self._sum()
        pairs = []
        while self.next in _RELATIONS:
            sign = self.next
            self._take()
            right = self._sum()
            pairs.append(Node(sign, (left, right)))
            left = right
        if not pairs:
            return left
        return pairs[0] if len(pairs) == 1 else Node("&", tuple(pairs))

    def _sum(self) -> Node:
        node = self._product()
        while self.next in ("+", "-"):
            sign = self.next
            self._take()
            node = Node(sign, (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._power()
        while self.next in ("*", "/"):
            sign = self.next
            self._take()
            factor = self._power()
            if sign == "/" and (factor.operator != "number" or not factor.value):
                raise NotAFormula("division by more than a number")
            node = Node(sign, (node, factor))
        return node

    def _power(self) -> Node:
        minus = self._takes("-")
        node = self._primary()
        if self._takes("^"):
            digits = self._take("number")
            if not digits.isdigit() or not 1 <= int(digits[:3]) <= MAX_POWER:
                raise NotAFormula("too large a power")
            base = node
            for _ in range(int(digits) - 1):
                node = Node("*", (node, base))
        return Node("neg", (node,)) if minus else node

    def _primary(self) -> Node:
        if self.next == "number":
            digits = self._take()
            if len(digits) > MAX_DIGITS:
                raise NotAFormula("too many digits")
            return Node("number", value=Fraction(digits))
        if self.next in ("true", "false"):
            kind = self.next
            self._take()
            return Node(kind)
        if self._takes("("):
            node = self.formula()
            self._take(")")
            return node
        name = self._take("name")
        arguments: list[Node] = []
        if self._takes("("):
            self._deeper()
            arguments.append(self._sum())
            while self._takes(","):
                arguments.append(self._sum())
            self._take(")")
            self._depth -= 1
        return Node("call", tuple(arguments), name)
