"""The tokens of a tidied answer: numbers, words, LaTeX commands and signs, synonyms made one."""

from __future__ import annotations

import re

from pipeline.grading.errors import NotUnderstood

MAX_TOKENS = 300

_TOKEN = re.compile(
    r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?(?:[eE][-+]?\d{1,2}(?![\d.]))?|\.\d+|[A-Za-z]+'*|<=|>=|!=|\*\*|\S",
    re.S,
)
_SPACING = (
    r"\left \right \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \displaystyle \textstyle "
    r"\limits \, \; \: \! \quad \qquad ~ $"
)
_DROPPED = frozenset(_SPACING.split()) | {"\\ "}
_SAME = {
    "\\dfrac": "\\frac",
    "\\tfrac": "\\frac",
    "\\cfrac": "\\frac",
    "\\dbinom": "\\binom",
    "\\tbinom": "\\binom",
    "\\cdot": "*",
    "\\times": "*",
    "\\ast": "*",
    "\\div": "/",
    "**": "^",
    "\\lbrace": "\\{",
    "\\rbrace": "\\}",
    "\\lbrack": "[",
    "\\rbrack": "]",
    "\\lvert": "|",
    "\\rvert": "|",
    "\\vert": "|",
    "\\leq": "<=",
    "\\le": "<=",
    "\\leqslant": "<=",
    "≤": "<=",
    "\\geq": ">=",
    "\\ge": ">=",
    "\\geqslant": ">=",
    "≥": ">=",
    "\\lt": "<",
    "\\gt": ">",
    "\\neq": "!=",
    "\\ne": "!=",
    "≠": "!=",
    "\\colon": ":",
    "∪": "\\cup",
    "∈": "\\in",
    "±": "\\pm",
    "≈": "\\approx",
    "\\approxeq": "\\approx",
    "∅": "\\emptyset",
    "\\varnothing": "\\emptyset",
    "\\operatorname": "\\mathrm",
    "\\varphi": "\\phi",
    "\\vec": "\\mathrm",
    "\\mathbf": "\\mathrm",
    "\\boldsymbol": "\\mathrm",
    "\\infin": "\\infty",
}


def tokens_of(text: str) -> list[str]:
    r"""Tokens, spacing and \left dropped, synonyms made one. Raises NotUnderstood over MAX_TOKENS."""
    found = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _DROPPED:
            continue
        found.append(_SAME.get(token, token))
        if len(found) > MAX_TOKENS:
            raise NotUnderstood("too long")
    return found
