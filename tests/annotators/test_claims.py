"""Claims in every notation: exact where they hold, contradicted where they certainly don't."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.claims import MAX_CHARS, find_claims
from pipeline.records import Status


def statuses(text: str) -> list[str]:
    return [claim.status.value for claim in find_claims(text)]


EXACT = [
    # LaTeX
    r"$\frac{1}{2} + \frac{1}{3} = \frac{5}{6}$",
    r"\[ 3 \cdot \left( 4 + 5 \right) = 27 \]",
    r"$\frac12 + \frac12 = 1$",
    r"$\sqrt{144} + 2^3 = 20$",
    r"$\sqrt{50} = 5\sqrt{2}$",
    r"$\frac{1}{\sqrt{2}} = \frac{\sqrt{2}}{2}$",
    r"$(1 + \sqrt{2})^2 = 3 + 2\sqrt{2}$",
    r"$\sqrt[3]{27} + 1 = 4$",
    r"\boxed{12 + 30 = 42}",
    r"$2 + 3 = \boxed{5}$",
    "\\begin{align*} 2 \\cdot 3 + 4 &= 6 + 4 \\\\ &= 10 \\end{align*}",
    r"$\binom{6}{2} = 15$",
    r"$5! = 120$",
    r"$2^{-3} = \frac{1}{8}$",
    r"$\pi \cdot 3^2 = 9\pi$",
    "√16 + 1 = 5",
    "2**3 = 8",
    "It is **3 + 4 = 7** in all",
    # units and money
    "16 eggs - 3 eggs - 4 eggs = 9 eggs",
    "60 miles/hour * 2 hours = 120 miles",
    "$5 per day * 7 days = $35",
    "3 boxes * 4 apples = 12 apples",
    "5 cm * 4 cm = 20 cm^2",
    r"$5 \text{ cm} + 3 \text{ cm} = 8 \text{ cm}$",
    "€1,200 + €300 = €1,500",
    # mixed numbers, percentages, decimals
    "1 1/2 + 2 1/2 = 4",
    r"$2\frac{1}{2} \cdot 2 = 5$",
    "25% * 80 = 20",
    r"25\% \times 80 = 20",
    "1/3 = 0.333...",
    # rounding
    "22 / 7 ≈ 3.14",
    r"$\sqrt{2} \approx 1.414$",
    "100 / 3 ≈ 33",
    r"$10\pi \approx 31.4$",
    # ratios, inequalities, congruences
    "The ratio is 12:8 = 3:2",
    "3 + 4 > 6",
    r"$2^5 \le 32$",
    "1/2 ≠ 1/3",
    r"$2^{10} \equiv 1 \pmod{11}$",
    r"$17 \equiv 2 \pmod 5$",
    # algebra
    r"$(x + 2)(x + 3) = x^2 + 5x + 6$",
    "2x + 3x = 5x",
    r"$\frac{x^2 - 1}{x - 1} = x + 1$",
    r"$a^2 - b^2 = (a - b)(a + b)$",
    r"$\frac{1}{n} - \frac{1}{n+1} = \frac{1}{n(n+1)}$",
    "(a + b)^2 = a^2 + 2*a*b + b^2",
    # calculus
    r"$\frac{d}{dx}(x^3 + 2x) = 3x^2 + 2$",
    r"$\int 2x \, dx = x^2 + C$",
    r"$\int_0^1 3x^2 dx = 1$",
]


@pytest.mark.parametrize("text", EXACT)
def test_a_right_claim_is_exact(text: str) -> None:
    assert statuses(text)
    assert set(statuses(text)) == {"exact"}


WRONG = [
    (
        r"$\frac{1}{2} + \frac{1}{3} = \frac{2}{5}$",
        r"\frac{1}{2} + \frac{1}{3} = \frac{2}{5}",
        "5/6",
    ),
    (r"$\sqrt{48} = 4\sqrt{2}$", r"\sqrt{48} = 4\sqrt{2}", "4 √3"),
    (r"$(x + 2)(x + 3) = x^2 + 5x + 5$", "(x + 2)(x + 3) = x^2 + 5x + 5", "x^2 + 5 x + 6"),
    ("We expand: (x + 2)^2 = x^2 + 4", "(x + 2)^2 = x^2 + 4", "x^2 + 4 x + 4"),
    ("2x + 3x = 6x", "2x + 3x = 6x", "5 x"),
    ("16 eggs - 3 eggs - 4 eggs = 8 eggs", "16 eggs - 3 eggs - 4 eggs = 8", "9"),
    (r"$\frac{d}{dx}(x^3) = 2x^2$", r"\frac{d}{dx}(x^3) = 2x^2", "3 x^2"),
    (r"$\int 2x \, dx = 2x^2 + C$", r"\int 2x \, dx = 2x^2 + C", "x^2"),
    ("2x + 3 = 11, so x = 5", "x = 5", "4"),
    (r"$3x - 7 = 8$, therefore $x = 3$.", "x = 3", "5"),
    ("3 + 4 > 8", "3 + 4 > 8", "7"),
    ("22 / 7 ≈ 4.13", "22 / 7 ≈ 4.13", "22/7"),
    (r"$2^{10} \equiv 2 \pmod{11}$", r"2^{10} \equiv 2", "1 (mod 11)"),
    (r"$25 \equiv 4 \equiv 16 \pmod{12}$", r"25 \equiv 4", "1 (mod 12)"),
    (r"$25 &\equiv 4 \\ &\equiv 16 \pmod{12}$", r"25 &\equiv 4", "1 (mod 12)"),
    ("25 ≡ 4, mod 12.", "25 ≡ 4", "1 (mod 12)"),
    ("the ratio 12:8 = 4:3", "12:8 = 4:3", None),
    ("(5 + 3 = 9)", "5 + 3 = 9", "8"),
    ("Eve= 9 , 9 + 36 = 46 , Cal= 46 .", "9 + 36 = 46", "45"),
    ("so 16 - 3 - 4 = 8 eggs", "16 - 3 - 4 = 8", "9"),
    ("<<48/2=25>>", "48/2=25", "24"),
    ("It is $5 * 3 = $16 in all", "$5 * 3 = $16", "15"),
    ("1 + 1 = 2 + 0 = 3", "2 + 0 = 3", "2"),
    ("10 / 4 = 2.6", "10 / 4 = 2.6", "2.5"),
    ("2 * (3 + 4) = 13", "2 * (3 + 4) = 13", "14"),
    ("a total of 5 + 3 = 9 eggs", "5 + 3 = 9", "8"),
    ("The average is (4 + 8) / 2 = 7", "(4 + 8) / 2 = 7", "6"),
    ("I am sure: 5 + 3 = 9", "5 + 3 = 9", "8"),
    ("she had 16-3-4 = 8", "16-3-4 = 8", "9"),
    ("The truck can carry 2 * 40 = 90 boxes", "2 * 40 = 90", "80"),
    ("Step 2: 3 + 3 = 7", "3 + 3 = 7", "6"),
    ("**Step 12:** 3 + 3 = 7", "3 + 3 = 7", "6"),
    ("### Step 3. 4 * 5 = 21\n", "4 * 5 = 21", "20"),
]


@pytest.mark.parametrize(("text", "claim", "expected"), WRONG)
def test_a_wrong_claim_is_contradicted(text: str, claim: str, expected: str | None) -> None:
    wrong = [c for c in find_claims(text) if c.status is Status.CONTRADICTED]
    assert [(text[c.start : c.end], c.expected) for c in wrong] == [(claim, expected)]


@pytest.mark.parametrize(
    "text",
    [
        # conditions and definitions
        "x^2 - 5x + 6 = 0",
        "2x + 3 = 11",
        "Let x = 5 and y = 2x",
        r"$y = 3x + 2$",
        "x = x + 1 in the program, which is no equation",
        r"$f(x + 1) = f(x) + f(1)$",
        r"$f^{-1}(0) = 3$",
        r"$P(A) = 1/4$",
        r"$a_{n+1} = 2 a_n$",
        r"$\frac{dy}{dx} = 2x$",
        # roots of something else
        "2x + 3 = 11. If x = 5 then 2x + 3 = 13",
        "x + 5 = 12 or x - 5 = 12, so x = 17 or x = 7",
        "Case 1: x - 2 = 3. Case 2: x = 1",
        "x^2 = 16, so x = 4",
        "x = 24(1/4) or x = 24(1/6), so x = 6 or x = 4",
        "2x + 3 = 11; we try x = 5",
        "2x + 3 = 11, so x = 4. For the other one x = 7",
        "3x + 5 = 3x + 7, which has no solution",
        "We need 2 + 3 > 9",
        # units
        "5 hours = 300 minutes",
        "3 feet + 4 inches = 40 inches",
        "$5/day = $35",
        "$18/hour = 18*6",
        "1/2 banana = 1/2 * 3/2 cucumbers",
        "5 * 60 minutes = 5 hours",
        # times, bases, steps
        "3:30 + 0:45 = 4:15",
        "3:30 = 210 minutes",
        r"$101_2 + 1_2 = 110_2$",
        "The equation 3 + 14 = 50 can't be",
        "x + 3(x - 5) = 50. Substitute x = 3: 3 + 3(3 - 5) = 50",
        "5 < 3 is false",
        "x**2 + 3 = 7",
        "2 ** 3 + 1 = 9",
        "x ** 2 + 3 = 7",
        "8*3 = <<80*3=240>>240",
        r"$\sin 30 + 1 = 5$",
        r"$|3 - 5| = 2$",
        r"$x = 3 \pm 2 = 5$",
        r"$\log_2 8 + 1 = 4$",
        "about 22 / 7 ≈ 3",
        # another clause's modulus, and roots in other arithmetic
        "Modulo 12 we have 25 ≡ 1, and modulo 7 we have 9 ≡ 2.",
        "Modulo 12 we have 25 ≡ 1, modulo 7 we have 9 ≡ 2.",
        "Modulo 12 we have 25 ≡ 1; 9 ≡ 2 (mod 7)",
        "Modulo 12, 25 ≡ 1 ≡ 13 ⟹ 9 ≡ 2 (mod 7)",
        r"$25 \equiv 1 \equiv 13 \implies 9 \equiv 2 \pmod 7$",
        r"$25 &\equiv 1 \\ 9 &\equiv 2 \pmod 7$",
        "Working modulo 7 we get 3x = 1, so x = 5.",
        "In base 6 we need x + 5 = 13, so x = 4.",
        r"Taken \pmod{7}: 3x = 1, so x = 5.",
    ],
)
def test_it_contradicts_nothing_where_unsure(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9 = 5",
        "9^9^9^9 = 5",
        "(" * 10**6 + "1" + ")" * 10**6 + " = 2",
        "1" * 10**5 + " + 1 = 3",
        "2^99999999 = 4",
        "(x+y+z+w)^60 = 1",
        r"\frac{" * 10**4 + "1" + "}{2}" * 10**4 + " = 3",
        r"\sqrt{" * 10**5 + "4" + "}" * 10**5 + " = 2",
        "1+" * 5000 + "1 = 7",
        "(x+1)" * 2000 + " = 7",
        r"$\sqrt{123456789123456789123} + 1 = 2$",
        "99999999!" * 100 + " = 1",
        "$" * 10**5,
        r"\(" * 10**5,
        "1:1" * 10**4 + "=1:1",
        "a = " * 10**4 + "1",
        "1 = 2" * 10**5,
        "{" * 10**5 + "=" + "}" * 10**5,
    ],
)
def test_texts_built_to_hang_contradict_nothing_false(text: str) -> None:
    for claim in find_claims(text):
        assert claim.status is Status.UNCHECKED or "1 = 2" in text
        assert 0 <= claim.start < claim.end <= MAX_CHARS


@pytest.mark.parametrize("text", ["9**9**9 = 5", "2^99999999 = 4", "1+" * 5000 + "1 = 7"])
def test_what_is_too_large_is_told_as_unchecked(text: str) -> None:
    assert statuses(text) == ["unchecked"]


# Laws: chains made by exact arithmetic, written in any notation.

SIGNS = {"+": ["+"], "-": ["-", "−"], "*": ["*", "×", r"\cdot", r"\times", "·"]}


@st.composite
def sums(draw: st.DrawFn) -> tuple[str, Fraction]:
    """An expression of fractions and whole numbers, in mixed notation, and its value."""
    value, text = Fraction(0), ""
    for at in range(draw(st.integers(2, 5))):
        top, bottom = draw(st.integers(1, 400)), draw(st.sampled_from([1, 1, 1, 2, 3, 4, 10]))
        number = Fraction(top, bottom)
        shown = draw(
            st.sampled_from(
                [rf"\frac{{{top}}}{{{bottom}}}", f"({top}/{bottom})"]
                + ([str(top)] * 4 if bottom == 1 else [])
                + ([f"{float(number)}"] if bottom in (2, 4, 10) else [])
            )
        )
        sign = draw(st.sampled_from(sorted(SIGNS))) if at else "+"
        if at:
            text = f"({text})" if sign == "*" else text
            text += f" {draw(st.sampled_from(SIGNS[sign]))} {shown}"
        else:
            text = shown
        value = {"+": value + number, "-": value - number, "*": value * number}[sign]
    return text, value


def written(value: Fraction) -> str:
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return f"{value.numerator}"
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


FRAMES = ["{}", "${}$", r"\({}\)", "So we get {}.", r"\[ {} \]", "**{}**"]


@given(sums(), st.sampled_from(FRAMES))
def test_a_true_equation_is_exact_in_any_notation(made: tuple[str, Fraction], frame: str) -> None:
    text = frame.format(f"{made[0]} = {written(made[1])}")
    assert statuses(text) == ["exact"]


@given(sums(), st.integers(-500, 500).filter(bool), st.sampled_from(FRAMES))
def test_a_changed_result_is_never_exact(made: tuple[str, Fraction], off: int, frame: str) -> None:
    text = frame.format(f"{made[0]} = {written(made[1] + Fraction(off, 3))}")
    assert "exact" not in statuses(text)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.integers(-9, 9))
def test_an_expanded_product_of_linear_factors_is_exact(roots: list[int], shift: int) -> None:
    coefficients = [1]
    for root in roots:
        coefficients = [
            (coefficients[i] if i < len(coefficients) else 0)
            - root * (coefficients[i - 1] if i else 0)
            for i in range(len(coefficients) + 1)
        ]
    degree = len(roots)
    product = "".join(f"(x {'-' if r >= 0 else '+'} {abs(r)})" for r in roots)
    expanded = " ".join(
        f"{'-' if c < 0 else '+'} {abs(c)}x^{degree - i}" for i, c in enumerate(coefficients)
    ).removeprefix("+ ")
    assert statuses(f"${product} = {expanded}$") == ["exact"]
    if shift:
        assert statuses(f"${product} + {shift} = {expanded}$".replace("+ -", "- ")) == [
            "contradicted"
        ]


@given(st.integers(2, 9), st.integers(-20, 20), st.integers(-20, 20), st.integers(-20, 20))
def test_a_claimed_root_is_substituted(a: int, b: int, root: int, other: int) -> None:
    sign = "-" if b < 0 else "+"
    text = f"${a}x {sign} {abs(b)} = {a * root + b}$, so $x = {other}$."
    assert statuses(text) == (["exact"] if root == other else ["contradicted"])


@given(st.integers(1, 999), st.integers(1, 999), st.sampled_from("<>≤≥"))
def test_an_inequality_is_compared(a: int, b: int, sign: str) -> None:
    holds = {"<": a + 1 < b, ">": a + 1 > b, "≤": a + 1 <= b, "≥": a + 1 >= b}[sign]
    assert statuses(f"{a} + 1 {sign} {b}") == ["exact" if holds else "contradicted"]


@given(st.text(st.sampled_from("0123456789 xyab+-*/=<>≈().,:$%{}\\^!√_&\n")))
def test_any_text_is_taken(text: str) -> None:
    for claim in find_claims(text + r" \frac{1}{2} = \sqrt{4}"):
        assert 0 <= claim.start < claim.end


numerals = st.characters(categories=["Nd", "Nl", "No"])
pieces = st.sampled_from(["\\sqrt", "\\frac", "√", "≡", " mod ", *"12_^/.,+-:=[](){}x"])


@given(st.lists(st.one_of(st.characters(), numerals, pieces), max_size=20).map("".join))
def test_any_text_of_unicode_is_taken(text: str) -> None:
    find_claims(f"{text} = 4 and 2x + {text} = 4, 2 + {text} ≡ 4 mod 7")


def test_a_number_in_digits_of_two_scripts_is_not_read() -> None:
    assert "exact" not in statuses("1\N{ARABIC-INDIC DIGIT THREE} + 2 = 3")


@pytest.mark.parametrize("start", ["So ", "Then 3 + 4 = 7 and ", "¿ê "])
def test_a_span_is_the_claims_own_text(start: str) -> None:
    text = start + r"$\frac{1}{2} + 3 = 4$ apples"
    assert [text[c.start : c.end] for c in find_claims(text)][-1] == r"\frac{1}{2} + 3 = 4"
