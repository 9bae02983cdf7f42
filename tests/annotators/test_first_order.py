"""Formulas are read by the stated grammar, in linear time; a sentence is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.first_order import Node, NotAFormula, parse_formula


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A & B -> C", "(A and B) implies C"),
        ("A -> B -> C", "A -> (B -> C)"),
        ("A | B & C", "A or (B and C)"),
        ("~A & B", r"(\lnot A) \land B"),
        ("A <-> B | C", "A iff (B or C)"),
        ("forall x. P(x)", "∀x P(x)"),
        (r"\forall x, y: (R(x,y) \to R(y,x))", "forall x, y (R(x,y) -> R(y,x))"),
        ("a < b <= c", "(a < b) & (b <= c)"),
        ("x + 2*y - 1 >= 3", "((x + (2*y)) - 1) >= 3"),
        ("x^2 = 4", "x*x = 4"),
        ("-x < 1", "(-x) < 1"),
    ],
)
def test_precedence_and_spelling(text: str, same: str) -> None:
    assert parse_formula(text) == parse_formula(same)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A &",
        "(A",
        "A)",
        "x / y > 1",
        "1 / 0 = 1",
        "x^99 = 1",
        "if it rains then it is wet",
        "A -> the B",
        "P(",
        "forall x",
        "forall x, x. P(x)",
        "__import__('os')",
        "~" * 200 + "A",
        "(" * 100 + "A" + ")" * 100,
        "A & " * 400 + "A",
        "1" * 50 + " < x",
    ],
)
def test_what_is_no_formula_or_too_much_is_refused(text: str) -> None:
    with pytest.raises(NotAFormula):
        parse_formula(text)


names = st.sampled_from(["A", "B", "C"]).map(lambda name: Node("call", name=name))
formulas = st.recursive(
    names,
    lambda inner: st.one_of(
        inner.map(lambda a: Node("~", (a,))),
        st.tuples(st.sampled_from(["->", "<->"]), inner, inner).map(lambda p: Node(p[0], p[1:])),
        st.tuples(st.sampled_from(["&", "|"]), inner, inner).map(lambda p: Node(p[0], p[1:])),
    ),
    max_leaves=8,
)


def written(node: Node) -> str:
    if node.operator == "call":
        return node.name
    if node.operator == "~":
        return f"~({written(node.arguments[0])})"
    return "(" + f" {node.operator} ".join(f"({written(a)})" for a in node.arguments) + ")"


@settings(deadline=None)
@given(formulas)
def test_a_formula_written_out_is_read_back(formula: Node) -> None:
    assert parse_formula(written(formula)) == formula


@settings(deadline=None)
@given(st.text(st.sampled_from("AxP(),.&|~-<>=+*/^ 12forall"), max_size=60))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        parse_formula(text)
    except NotAFormula:
        pass


def test_reading_takes_no_longer_than_its_caps_allow() -> None:
    start = time.process_time()
    for piece in ("(", "~", "A & ", "forall x ", " ", "P(", "1+"):
        with pytest.raises(NotAFormula):
            parse_formula(piece * 100_000)
    assert time.process_time() - start < 10
