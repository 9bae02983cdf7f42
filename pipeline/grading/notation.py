"""One notation for an answer: LaTeX and ASCII, without what surrounds it."""

from __future__ import annotations

import re

_WRAPPED = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_SPACING = re.compile(r"(\\\\)|\\[,;: ]|~|\s+")
_BARE_INTEGER = re.compile(r"-?\d{1,30}")
_AROUND = (
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("$$", "$$"),
    ("$", "$"),
    ("\\boxed{", "}"),
    ("\\fbox{", "}"),
)
_GROUPING = re.compile(r"(?<=\d) ?\{ ?, ?\} ?(?=\d{3})")
_DEGREE = re.compile(r"\^ ?(?:\\circ|\{ ?\\circ ?\})|\\degree(?![a-z])")
_NO_SPACE = re.compile(r"(\\\\)|\\!\s*")
_SYMBOLS = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "×": "\\times ",
        "·": "\\cdot ",
        "π": "\\pi ",
        "²": "^2",
        "³": "^3",
        "≤": "\\le ",
        "≥": "\\ge ",
        "∞": "\\infty ",
        "°": " degrees ",
    }
)
_ROOT = re.compile(r"√(\d+)")
_SYMBOLS |= {ord(digit): f"_{i}" for i, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")}
_SYMBOLS |= dict.fromkeys(map(ord, "\N{ZERO WIDTH SPACE}\u200c\u200d\u200e\u200f\u2060\ufeff"), "")
"""What can't be seen is dropped."""
_AROUND_ALL = re.compile(r"\A(?:[* ]|_(?!\{))+|[*_ ]+\Z")
"""Emphasis; an index before a letter, as in _{10}C_3, is none."""
_TIMES = re.compile(r"(?<=\d) ?[xX] ?(?=10 ?\^)")
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_SYMBOLS |= {
    ord(char): "\\frac{{{}}}{{{}}}".format(*ratio.split("/")) for char, ratio in _VULGAR.items()
}
_OVER_ESCAPED = re.compile(
    r"(?<!\\)\\\\(?=(?:boxed|[dtc]?frac|left|right|sqrt|text|mathrm|pi|cdot|times|infty|begin|end|circ|"
    r"cup|pm|leq?|geq?|neq?|in|sin|cos|tan|log|ln|alpha|beta|theta)(?![A-Za-z]))"
)
""""\\\\\\\\frac" where "\\\\frac" was meant, as from JSON that was escaped twice."""
_PERCENT = re.compile(r"(?<=\d) ?(?:percent(?:age)?|pct)\b")
_PI = re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])")
_FUNCTION = re.compile(r"(?<![\\A-Za-z])((?:arc)?(?:sin|cos|tan|cot|csc)|ln|log|sec)(?= ?\()")
_LOG_BASE = re.compile(r"(?<![\\A-Za-z])log_?(\d{1,3}) ?(?=\()")
_CHANCE = re.compile(r"(\d{1,12}) in (\d{1,12})")
_TIME_OF_DAY = re.compile(r"(?<=\d) ?([ap])\.m\b", re.I)
_SPACED_GROUPS = re.compile(r"(?<![\d.,/])\d{1,3}(?: \d{3})+(?![\d,/])")


def tidy(answer: str) -> str:
    r"""In LaTeX and ASCII where possible, without $, \( \), spacing, \text{} and the last full stop."""
    if _BARE_INTEGER.fullmatch(answer):
        return answer
    text = single_escaped(answer).strip().removesuffix(".").rstrip()
    for _ in range(3):
        text = _unwrapped(text)
    text = _WRAPPED.sub(r" \1 ", text)
    text = _GROUPING.sub(",", _NO_SPACE.sub(r"\1", text)).replace("\\%", "%")
    text = _DEGREE.sub(" degrees ", text.replace("\\$", "$")).translate(_SYMBOLS)
    text = _TIMES.sub(r"\\times ", text)
    text = _PERCENT.sub("%", _PI.sub(r"\\pi ", _ROOT.sub(r"\\sqrt{\1}", text)))
    text = _FUNCTION.sub(r"\\\1 ", _LOG_BASE.sub(r"\\log_{\1}", text))
    text = _SPACING.sub(r"\1 ", _AROUND_ALL.sub("", text)).strip()
    text = _TIME_OF_DAY.sub(r" \1m", text)
    if chance := _CHANCE.fullmatch(text):
        text = f"{chance[1]}/{chance[2]}"
    text = _SPACED_GROUPS.sub(lambda group: group[0].replace(" ", ""), text)
    return text[:-1].rstrip() if text.endswith(".") else text


def _unwrapped(text: str) -> str:
    r"""Without $ $, \( \), \[ \] or \boxed{} around all of it."""
    if not text or text[0] not in "\\$":
        return text
    for opening, closing in _AROUND:
        if (
            text.startswith(opening)
            and text.endswith(closing)
            and len(text) > len(opening + closing)
        ):
            inside = text[len(opening) : -len(closing)]
            if closing != "}" or _balanced(inside):
                return inside.strip()
    return text


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0


def single_escaped(text: str) -> str:
    """With one backslash before a command that was escaped twice."""
    return _OVER_ESCAPED.sub(r"\\", text)
