"""Cuts the mathematics in model-written text, plain or LaTeX, into tokens, in linear time.

A letter is a variable inside $…$, \\(…\\), \\[…\\], and elsewhere where it stands beside a sign or a
number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from annotators.formulas import formula_spans, opens_formula
from annotators.names import settle_letters, settle_units
from annotators.tokens import Kind, Token

MAX_DIGITS = 30

_TOKEN = re.compile(
    r"""
      (?P<note_open> << ) | (?P<note_close> >> )
    | (?P<space> [^\S\n]+ | \\[,!;:\ ] | \\(?:left|right|[bB]igg?[lr]?|displaystyle|boxed|fbox)(?![a-z])
        | \\?\$(?=<<) | \^\{?\\circ\}?(?![a-z]) | °
        | (?:\\\\)?\s{0,9}&\s{0,9}(?=[=<>≤≥≈]|\\(?:leq?|geq?|approx|equiv)(?![a-z]))
        | \n\s{0,9}(?==(?!=)) )
    | (?P<clock> \d+\s?:\s?\d[\d:]* )
    | (?P<other_base> 0[xXbBoO][0-9A-Fa-f]+(?![\w.]) )
    | (?P<number> (?: \\? [$€£] \s? )?
        (?: (?:\d{1,3}(?:(?:,|\{,\})\d{3}){1,6}(?!\d) | \d+) (?:\.\d+(?:\.{3}|…)?)? | \.\d+ )
        (?: \s? \\? % )? )
    | (?P<arrow> \\(?:implies|iff|to|therefore|q?quad|[rR]ightarrow|Longrightarrow)(?![a-zA-Z])
        | [-=]{1,2}> | [→⇒⟹∴] )
    | (?P<relation> <=(?!=|>) | >=(?!=) | != | [≈≠≤≥≡] | [<>](?![<>=])
        | \\(?:approx|neq?|leq?|geq?|equiv|lt|gt)(?![a-zA-Z]) )
    | (?P<junk_relation> [!<>=≈≠≤≥~]{2,3} | [~] | \\sim(?![a-z]) )
    | (?P<equals> = )
    | (?P<bold> (?<!\s)\*\*+(?![\d(]) | (?<![\w)\s])\*\*+ | (?<=\s)(?<![\d)]\s)(?<!\b\w\s)\*\*+(?!\s) )
    | (?P<times> \*\* | \\(?:times|cdot|div)(?![a-z]) | [*/+×÷·^\-−²³] )
    | (?P<factorial> !(?=\s*[*/+×÷·^\-−=)}]|\s*\\(?:times|cdot)|\$) )
    | (?P<open> \( | \[ ) | (?P<close> \) | \] )
    | (?P<short_frac> \\[dtc]?frac\s?\d\s?\d )
    | (?P<frac> \\[dtc]?frac(?=\{) ) | (?P<binomial> \\[dt]?binom(?=\{) )
    | (?P<short_root> \\sqrt\s?\d(?!\d) )
    | (?P<root> \\sqrt (?:\[\s?\d\s?\])? (?=\{) | √ )
    | (?P<integral> \\int(?![a-z]) (?: _(?:\{-?\d{1,6}\}|\d) \s?\^(?:\{-?\d{1,6}\}|\d) )? )
    | (?P<pi> \\pi(?![a-z]) | π )
    | (?P<open_brace> \{ ) | (?P<close_brace> \} )
    | (?P<named> \\(?:text|mathrm|mbox|textbf)\{[^{}]{0,80}\} )
    | (?P<letter> (?<![^\W\d_])[A-Za-z](?:_(?:\w|\{[\w,+\- ]{1,12}\}))?
        (?:['′](?![^\W\d_]))*(?![^\W\d_]|['’][^\W\d_]) )
    | (?P<word> [^\W\d_]+(?:['’][^\W\d_]+)* )
    | (?P<break> \n | \\\\ | \\[()\[\]] | \\(?:begin|end)\{[a-z*]{1,12}\}
        | \$\$? | [.,;:!?"“”'‘’#|&] )
    | (?P<junk> \\[a-zA-Z]+ | . )
    """,
    re.X | re.S,
)
_SIGNS = {
    "×": "*",
    "·": "*",
    "\\times": "*",
    "\\cdot": "*",
    "÷": "/",
    "\\div": "/",
    "−": "-",
    "**": "^",
    "²": "^2",
    "³": "^3",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "\\approx": "≈",
    "\\ne": "≠",
    "\\neq": "≠",
    "\\le": "≤",
    "\\leq": "≤",
    "\\ge": "≥",
    "\\geq": "≥",
    "\\lt": "<",
    "\\gt": ">",
    "\\equiv": "≡",
    "[": "(",
    "]": ")",
}
_KINDS = {
    "times": Kind.OPERATOR,
    "factorial": Kind.OPERATOR,
    "arrow": Kind.BREAK,
    "relation": Kind.RELATION,
    "junk_relation": Kind.JUNK,
    "clock": Kind.RATIO,
    "equals": Kind.EQUALS,
    "open": Kind.OPEN,
    "close": Kind.CLOSE,
    "open_brace": Kind.OPEN,
    "close_brace": Kind.CLOSE,
    "frac": Kind.FRAC,
    "binomial": Kind.BINOMIAL,
    "root": Kind.ROOT,
    "pi": Kind.VARIABLE,
    "word": Kind.WORD,
    "named": Kind.WORD,
    "letter": Kind.WORD,
    "break": Kind.BREAK,
    "bold": Kind.BREAK,
    "junk": Kind.JUNK,
    "other_base": Kind.JUNK,
    "note_open": Kind.NOTE_OPEN,
    "note_close": Kind.NOTE_CLOSE,
}
_NAMED = re.compile(r"\\[a-z]+\{(.*)\}", re.S)
_LIMIT = re.compile(r"-?\d+")


def tokenize(text: str) -> list[Token]:
    """All tokens of a text, in order, without whitespace."""
    tokens: list[Token] = []
    spans, inside, spaced = formula_spans(text), -1, True
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or "junk"
        while inside + 1 < len(spans) and spans[inside + 1][0] <= match.start():
            inside += 1
        maths = inside >= 0 and match.start() < spans[inside][1]
        if group == "space" or (maths and match[0] == "\n"):
            spaced = True
            continue
        tokens += _tokens(group, match, text, spaced, maths, tokens)
        spaced = False
    settle_letters(tokens)
    settle_units(tokens)
    return tokens


def _tokens(
    group: str, match: re.Match[str], text: str, spaced: bool, maths: bool, before: Sequence[Token]
) -> Iterator[Token]:
    start, end, raw = match.start(), match.end(), match[0]
    if group == "number":
        if raw[0] == "$" and not (maths or opens_formula(text, start)):
            yield _number(raw, start, end, text, spaced, maths, before)
        elif raw[0] == "$":
            yield Token(Kind.BREAK, "$", start, start + 1, spaced)
            digits = raw[1:].lstrip()
            yield _number(digits, end - len(digits), end, text, False, True, [])
        else:
            yield _number(raw, start, end, text, spaced, maths, before)
    elif group in ("short_frac", "short_root"):
        kind = Kind.FRAC if group == "short_frac" else Kind.ROOT
        yield Token(kind, "2", start, end, spaced, maths=maths)
        for digit in filter(str.isdigit, raw):
            for sort, sign in ((Kind.OPEN, "{"), (Kind.NUMBER, digit), (Kind.CLOSE, "}")):
                yield Token(sort, sign, start, end, False, maths=maths)
    elif group == "root":
        yield Token(
            Kind.ROOT, next((c for c in raw if c.isdigit()), "2"), start, end, spaced, maths=maths
        )
    elif group == "integral":
        limits = " ".join(_LIMIT.findall(raw))
        yield Token(Kind.INTEGRAL, limits, start, end, spaced, maths=maths)
    elif group == "named":
        found = _NAMED.fullmatch(raw)
        name = " ".join(found[1].split()).lower().strip(".,") if found else ""
        kind = Kind.WORD if name not in ("", "and", "or") else Kind.BREAK
        yield Token(kind, name or raw, start, end, True, maths=maths)
    elif group == "word" and maths and len(raw) <= 3 and raw.isascii() and raw.islower():
        for at, letter in enumerate(raw):
            yield Token(
                Kind.VARIABLE, letter, start + at, start + at + 1, spaced and not at, maths=True
            )
    elif group == "word" and maths and len(raw) <= 3 and raw.isascii() and raw.isupper():
        yield Token(Kind.VARIABLE, raw, start, end, spaced, maths=True)
    elif group == "letter" and (maths or len(raw) > 1):
        yield Token(Kind.VARIABLE, _symbol(raw), start, end, spaced, maths=maths)
    else:
        sign = "π" if group == "pi" else _SIGNS.get(raw, raw)
        yield Token(_KINDS[group], sign, start, end, spaced, maths=maths)


def _symbol(raw: str) -> str:
    return raw.replace("{", "").replace("}", "").replace(" ", "").replace("′", "'")


def _number(
    raw: str, start: int, end: int, text: str, spaced: bool, maths: bool, before: Sequence[Token]
) -> Token:
    digits = "".join(c for c in raw.replace("{,}", "") if c in "0123456789.").rstrip(".")
    after = text[end : end + 2]
    # 1,22 and 1.2.3 are no numbers that can be relied on; 0900 is a time of day; 101_2 has a base.
    odd = len(after) == 2 and after[0] in ",." and after[1].isdigit()
    odd = odd or after[:1] == "_" or (not spaced and _goes_on(before))
    odd = odd or (digits[:1] == "0" and len(digits) > 1 and digits[1] != ".")
    odd = odd or any(c.isdigit() and not c.isascii() for c in raw)
    kind = Kind.JUNK if odd or len(digits) > MAX_DIGITS else Kind.NUMBER
    money = raw[0] != "." and not raw[0].isdigit()
    return Token(kind, digits or raw, start, end, spaced, "%" in raw, money, maths)


def _goes_on(tokens: Sequence[Token]) -> bool:
    """Is what follows the tokens the rest of an odd number, as in 16,0000 and 1.2.3?"""
    return (
        len(tokens) > 1
        and tokens[-1].text in (",", ".")
        and not tokens[-1].spaced
        and tokens[-2].kind is Kind.JUNK
        and tokens[-2].text[-1:].isdigit()
    )
