"""Do premises entail a formula? Asked of Z3, with terms that are built here, never parsed by it.

Z3 stops by a count of its own steps (`effort`), so that a verdict doesn't depend on the machine; the
clock stands behind it. What it leaves open is UNDECIDED, and no evidence.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from annotators.first_order import Node
from annotators.sorts import BOOL, NUMBER, Sorts, variable_key
from pipeline.errors import PrerequisiteError

MAX_MODEL = 300
MEMORY_MB = 2048


class Entailment(StrEnum):
    ENTAILED = "entailed"
    REFUTED = "refuted"
    """Its negation is entailed."""
    OPEN = "open"
    """Neither: both it and its negation go with the premises."""
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Finding:
    """`model`: where OPEN or REFUTED, how the premises hold and the formula doesn't."""

    entailment: Entailment
    model: str = ""


def require_z3() -> None:
    """Raises PrerequisiteError where Z3 is not installed."""
    if importlib.util.find_spec("z3") is None:
        raise PrerequisiteError(
            "logic is checked by Z3, which is not here: pip install 'steplabel[logic]'"
        )


class Z3Fault(RuntimeError):
    """Z3 took a premise for none."""


class Theory:
    """Formulas taken for true, for one thread. Raises Z3Fault for what Z3 doesn't take."""

    def __init__(
        self,
        premises: Sequence[Node],
        sorts: Sorts,
        integers: frozenset[str],
        effort: int,
        timeout_s: float,
    ) -> None:
        import z3

        self._z3 = z3
        z3.set_param("memory_max_size", MEMORY_MB)
        self._context = z3.Context()
        self._effort, self._timeout_ms = effort, max(1, int(timeout_s * 1000))
        self._thing = z3.DeclareSort("Thing", self._context)
        self._sorts, self._integers = sorts, integers
        self._functions: dict[str, Any] = {}
        try:
            self._held = [self._term(premise, {}) for premise in premises]
        except z3.Z3Exception as error:
            raise Z3Fault(str(error)[:200]) from error

    def consistent(self) -> bool | None:
        """Can all that is held be true at once? None where that is not decided."""
        found, _ = self._check([])
        return found

    def ask(self, formula: Node) -> Finding:
        try:
            term = self._term(formula, {})
            otherwise, model = self._check([self._z3.Not(term)])
            if otherwise is False:
                return Finding(Entailment.ENTAILED)
            if otherwise is None:
                # the formula may be refuted all the same, and that is quick to see in some cases
                possible, _ = self._check([term])
                return Finding(Entailment.REFUTED if possible is False else Entailment.UNDECIDED)
            possible, _ = self._check([term])
        except self._z3.Z3Exception:
            return Finding(Entailment.UNDECIDED)
        if possible is None:
            return Finding(Entailment.OPEN, model)
        return Finding(Entailment.OPEN if possible else Entailment.REFUTED, model)

    def _check(self, more: list[Any]) -> tuple[bool | None, str]:
        solver = self._z3.Solver(ctx=self._context)
        solver.set("rlimit", self._effort)
        solver.set("timeout", self._timeout_ms)
        try:
            solver.add(*self._held, *more)
            found = solver.check()
        except self._z3.Z3Exception:  # out of memory, too
            return None, ""
        if found == self._z3.sat:
            return True, self._shown(solver.model())
        return (False, "") if found == self._z3.unsat else (None, "")

    def _shown(self, model: Any) -> str:
        """Names and their values, numbers and propositions first."""
        plain = [d for d in model.decls() if d.arity() == 0]
        rest = [d for d in model.decls() if d.arity() > 0]
        parts = [
            f"{declaration.name()} = {' '.join(str(model[declaration]).split())}"
            for part in (plain, rest)
            for declaration in sorted(part, key=lambda d: str(d.name()))
        ]
        text = ", ".join(parts)
        return text if len(text) <= MAX_MODEL else text[: MAX_MODEL - 1] + "…"

    def _sort(self, key: str) -> Any:
        kind = self._sorts.of(key)
        if kind == BOOL:
            return self._z3.BoolSort(self._context)
        if kind != NUMBER:
            return self._thing
        return (
            self._z3.IntSort(self._context)
            if key in self._integers
            else self._z3.RealSort(self._context)
        )

    def _term(self, node: Node, bound: dict[str, Any]) -> Any:
        z3 = self._z3
        if node.operator == "number":
            return z3.RealVal(str(node.value), self._context)
        if node.operator in ("true", "false"):
            return z3.BoolVal(node.operator == "true", self._context)
        if node.operator == "call":
            return self._call(node, bound)
        if node.variables:
            fresh = {
                name: z3.FreshConst(self._sort(variable_key(node, name)), name)
                for name in node.variables
            }
            body = self._term(node.arguments[0], bound | fresh)
            quantify = z3.ForAll if node.operator == "forall" else z3.Exists
            return quantify(list(fresh.values()), body)
        terms = [self._term(argument, bound) for argument in node.arguments]
        return self._applied(node.operator, terms)

    def _applied(self, operator: str, terms: list[Any]) -> Any:
        z3 = self._z3
        match operator:
            case "&":
                return z3.And(*terms)
            case "|":
                return z3.Or(*terms)
            case "~":
                return z3.Not(terms[0])
            case "->":
                return z3.Implies(terms[0], terms[1])
            case "<->" | "=":
                return terms[0] == terms[1]
            case "!=":
                return terms[0] != terms[1]
            case "neg":
                return -terms[0]
        one, other = terms
        match operator:
            case "+":
                return one + other
            case "-":
                return one - other
            case "*":
                return one * other
            case "/":
                return one / other
            case "<":
                return one < other
            case "<=":
                return one <= other
            case ">":
                return one > other
            case ">=":
                return one >= other
        raise AssertionError(operator)

    def _call(self, node: Node, bound: dict[str, Any]) -> Any:
        if not node.arguments and node.name in bound:
            term = bound[node.name]
        else:
            function = self._functions.get(node.name)
            if function is None:
                domain = [self._sort(f"{node.name}/{i}") for i in range(len(node.arguments))]
                function = self._z3.Function(node.name, *domain, self._sort(node.name))
                self._functions[node.name] = function
            terms = [self._term(argument, bound) for argument in node.arguments]
            term = function(*terms)
        return self._z3.ToReal(term) if self._z3.is_int(term) else term
