"""Answers with structure: lists, sets, tuples, intervals, matrices, ratios, relations, names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grading.equivalence import compare_here
from pipeline.grading.reading import read_text
from tests.benchmarks.tools.notations import notations


def said(pred: str, gold: str, decimals: int = 4) -> bool | None:
    found = compare_here(pred, gold, decimals)
    return found.same if found else None


@pytest.mark.parametrize(
    ("pred", "gold", "same"),
    [
        # lists and sets
        ("1, 2", "2,1", True),
        (r"\{1,2\}", "1 and 2", True),
        ("1 or 2", "{2, 1}", True),
        ("1,2", "1,3", False),
        ("1,2", "1", False),
        (r"1\pm\sqrt{5}", r"1+\sqrt5, 1-\sqrt5", True),
        (r"\{1\pm\sqrt{5},-2\}", r"-2, 1-\sqrt5, 1+\sqrt5", True),
        (r"x = 3 \pm 2\sqrt2", r"3\pm\sqrt8", True),
        (r"1\pm\sqrt5", "3.2", False),
        ("32, 349", "32349", False),
        ("3, 1, 2", "1, 2, 3", True),
        ("2, 2, 3", "2, 3, 3", None),
        ("1, 1, 2", "1, 2", None),
        (r"\{1,1,2\}", r"\{1,2\}", True),
        ("(1,2),(1,2),(3,4)", "(3,4),(1,2)", True),
        ("B, A, C", "A, B, C", None),
        (r"\{B,A\}", r"\{A,B\}", True),
        (r"\emptyset", r"\{\}", True),
        (r"\{1\}\cup\{2\}\cup\emptyset", r"\{1,2\}", True),
        (r"\emptyset", r"\{\emptyset\}", False),
        (r"\{1,\{2\}\}", r"\{1,2\}", None),
        # tuples and intervals
        ("(1,2)", "(2,1)", False),
        ("(1,2)", r"\left( 1, \frac{4}{2} \right)", True),
        ("1, 2", "(1,2)", True),
        ("2, 1", "(1,2)", None),
        (r"\{1,3\}", "(3,1)", False),
        ("[1,2)", "[1,2]", False),
        ("[2,1]", "(2,1)", None),
        ("[1,2,3]", "(1,2,3)", True),
        (r"(-\infty,1]\cup[10,\infty)", r"x \in [10,+\infty) \cup (-\infty, 1]", True),
        (r"(-\infty,1)\cup[10,\infty)", r"(-\infty,1]\cup[10,\infty)", False),
        ("x > 2", r"(2,\infty)", True),
        (r"x \ge 2", r"(2,\infty)", False),
        (r"2 < x \le 5", "(2,5]", True),
        ("5 > x > 2", "(2,5)", True),
        ("2 < x", "x > 2", True),
        ("-2x < 4", "x > -2", True),
        ("x > 2", "y > 2", None),
        (r"\mathbb{R}", r"(-\infty,\infty)", True),
        # matrices
        (
            r"\begin{pmatrix}1&0\\0&1\end{pmatrix}",
            r"\begin{bmatrix}1 & 0\\ 0 & 1\end{bmatrix}",
            True,
        ),
        (r"\begin{pmatrix}1&0\\0&1\end{pmatrix}", r"\begin{pmatrix}1&0\\1&1\end{pmatrix}", False),
        (r"\begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix}", r"(\frac15, -3.6)", True),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", None),
        ("[[1,2],[3,4]]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", True),
        ("[[1,2],[3,5]]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", False),
        (r"3\mathbf{i}+4\mathbf{j}", r"\langle 3,4\rangle", None),
        ("3-4i", r"\langle 3,4\rangle", False),
        # names and equations
        ("x=5", "5", True),
        ("x=5", "y=5", None),
        ("x=5", "x=6", False),
        ("f(x) = x^2", "x^2", True),
        ("(x,y)=(1,2)", "(1,2)", True),
        ("y=2x", "2x-y=0", True),
        ("y=2x", "4x=2y", True),
        ("y=2x", "y=3x", False),
        ("2x = 10", "x=5", True),
        ("a=1, b=2", "b=2, a=1", True),
        ("a=1, b=2", "a=2, b=1", False),
        ("a=1, b=2", "1, 2", True),
        ("a=1, b=2", "2, 1", None),
        ("(a,b)=(1,2)", "b=2, a=1", True),
        ("(a,b)=(1,2)", "a=2, b=1", False),
        ("x₁=1, x₂=2", "1, 2", True),
        ("x_1=1, x_2=2", "2, 1", True),
        ("n=1,2,3", "n = 3, 2, 1", True),
        ("x = 2+3 = 5", "5", True),
        ("5 = x", "5", True),
        ("5 = x", "x = 6", False),
        (r"x \approx 78.5", r"25\pi", None),
        (r"\sqrt2 \approx 1.4", r"\sqrt2", True),
        (r"\frac{\sqrt3}{3} \approx 0.577", r"\frac{1}{\sqrt3}", True),
        ("x+y=0", "0", False),
        # ratios, bases, percent, units
        ("3:4", "6:8", True),
        ("3:4", r"\frac34", True),
        ("3:4", "4:3", False),
        ("1010_2", "1010_{2}", True),
        ("1010_2", "1011_2", False),
        ("1010_2", "1010", None),
        ("1010_2", "10", None),
        ("1010_2", "11", False),
        (r"\frac12\%", "0.5%", True),
        (r"10\sqrt2 \text{ cm}", r"\sqrt{200}", True),
        (r"10\sqrt2 \text{ cm}", r"\sqrt{300}", False),
        (r"90^\circ", r"\frac{\pi}{2}", None),
        (r"90^\circ", r"90^{\circ}", True),
        ("10 m/s", "10", True),
        (r"9.8\text{ m/s}^2", "9.8", True),
        ("10 m/s", "10 km/h", None),
        ("10 m/s", "11", False),
        # rounding
        ("2.6667", r"\frac83", True),
        ("2.667", r"\frac83", None),
        ("2.66", r"\frac83", None),
        ("2.6", r"\frac83", False),
        ("2.7667", r"\frac83", False),
        ("1.4142", r"\sqrt2", True),
        ("1.41", r"\sqrt2", None),
        ("3.14", r"\pi", None),
        # choices and words
        ("C", "(C) seven", True),
        ("C", "(A) seven", False),
        ("(C)", r"\text{(C)}", True),
        ("seven", "(C) seven", True),
        (r"\text{even}", "odd", False),
        ("1,22", "1.22", True),
        ("1,22", "1.23", False),
        ("1,22", r"\frac{61}{50}", None),
        ("3,5", "3.5", None),
        ("3,5", "7/2", None),
        ("3,5", "3.6", False),
        ("x_1", "x_2", None),
        ("x^2+C", "x^2+c", None),
        ("x^2+C", "x^3+c", False),
        (r"\frac{\pi}{4}+k\pi", r"\frac{\pi}{4}+n\pi", None),
        ("7:30", "19:30", None),
        ("5:00", "3:00", None),
        ("2:30", "1:15", None),
        ("2:30", "1/12", None),
        ("2:30", "$2:30$", True),
        ("25:75", "1:3", True),
        ("a:b=11:21", "11:21", True),
        ("0:3", "0:4", None),
        ("0:3", "0 : 3", True),
        ("3:0", "4", None),
    ],
)
def test_structures(pred: str, gold: str, same: bool | None) -> None:
    assert said(pred, gold) is same
    assert said(gold, pred) is same


def test_how_many_decimals_stand_for_a_value_is_configured() -> None:
    assert said("0.33", r"\frac13", decimals=2) is True
    assert said("0.33", r"\frac13", decimals=3) is None
    assert said("0.34", r"\frac13", decimals=2) is not True


integers = st.integers(-(10**6), 10**6)
atoms = st.one_of(
    integers.map(str),
    st.tuples(integers, st.integers(1, 999)).map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}"),
    st.tuples(st.integers(1, 40), st.integers(2, 40)).map(lambda p: rf"{p[0]}\sqrt{{{p[1]}}}"),
    st.tuples(st.integers(2, 9), st.integers(1, 9)).map(lambda p: f"{p[0]}x^2-{p[1]}"),
    st.tuples(integers, st.integers(1, 9)).map(lambda p: f"{p[0]}+{p[1]}i"),
    st.integers(2, 9).map(lambda p: rf"{p}\pi"),
)
answers = st.one_of(
    atoms,
    st.lists(atoms, min_size=2, max_size=3).map(lambda items: "(" + ",".join(items) + ")"),
    st.lists(atoms, min_size=2, max_size=3).map(lambda items: r"\{" + ",".join(items) + r"\}"),
    st.lists(atoms, min_size=2, max_size=2).map(
        lambda items: r"\begin{pmatrix}" + r"\\".join(items) + r"\end{pmatrix}"
    ),
    atoms.map(lambda item: f"y={item}"),
    atoms.map(lambda item: f"[{item},\\infty)"),
)


@settings(deadline=None)
@given(answers)
def test_an_answer_is_the_same_as_itself_in_every_notation(answer: str) -> None:
    for text in notations(answer):
        assert said(text, answer) is True
        assert said(answer, text) is True


@settings(deadline=None)
@given(answers, answers)
def test_comparison_is_symmetric(one: str, other: str) -> None:
    assert said(one, other) is said(other, one)


@settings(deadline=None)
@given(answers, answers)
def test_notation_changes_no_decision(one: str, other: str) -> None:
    """A notation may lose a decision, never turn it."""
    plain = said(one, other)
    for text in notations(one):
        again = said(text, other)
        assert plain is None or again is None or again is plain


@settings(deadline=None)
@given(integers, integers)
def test_no_notation_makes_two_integers_equal(one: int, other: int) -> None:
    for text in notations(str(one)):
        for gold in notations(str(other)):
            assert said(text, gold) is (one == other)


@settings(deadline=None)
@given(st.fractions(max_denominator=10**4), st.fractions(max_denominator=10**4))
def test_no_notation_makes_two_fractions_equal(one: object, other: object) -> None:
    def latex(value: object) -> str:
        top, _, bottom = str(value).partition("/")
        return rf"\frac{{{top}}}{{{bottom or 1}}}"

    for text in notations(latex(one)):
        found = said(text, latex(other))
        assert found is True if one == other else found is not True or "." in text


@settings(deadline=None)
@given(st.text(st.sampled_from("12,.;:=<>()[]{}\\|xyin+-/^_%$& pmcup"), max_size=50))
def test_any_text_is_taken_and_equal_to_itself(text: str) -> None:
    assert said(text, text) is True
    said(text, "1")


numerals = st.characters(categories=["Nd", "Nl", "No"])
pieces = st.sampled_from(["\\sqrt", "\\frac", "\\overline", "√", *"12_^/.,+-:=[](){}"])


@settings(deadline=None)
@given(st.lists(st.one_of(st.characters(), numerals, pieces), max_size=20).map("".join))
def test_any_text_of_unicode_is_taken(text: str) -> None:
    said(text, "1")
    said(f"{text}1", r"\sqrt2")


@pytest.mark.parametrize(
    "text", ["⁴√2", "⁵√32", "①+1", r"\sqrt①", "①_{12}", "101_①", r"\sqrt[①]{2}", r"0.\overline{①}"]
)
def test_digits_that_are_no_decimals_are_not_read(text: str) -> None:
    assert not read_text(text).understood
    assert said(text, "2") is None
