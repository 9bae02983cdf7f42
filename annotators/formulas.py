"""Where LaTeX's formulas lie in a text."""

from __future__ import annotations

import re

MAX_MATHS = 2000
"""Characters of a formula."""
_DELIMITER = re.compile(r"\\[()\[\]]|\\(?:begin|end)\{(?:align|equation|gather|aligned)\*?\}|\$\$?")
_PROSE = re.compile(r"(?<![\\{a-z])[a-z]{2,} [a-z]{3,}(?: |$)")


def formula_spans(text: str) -> list[tuple[int, int]]:
    """Where LaTeX's formulas lie. A $ that may be money opens none."""
    spans: list[tuple[int, int]] = []
    start, sign = -1, ""
    for match in _DELIMITER.finditer(text):
        found = match[0]
        if start >= 0 and match.start() - start > MAX_MATHS:
            start = -1
        if found == "$" and match.start() and text[match.start() - 1] == "\\":
            continue
        if found == "$":
            closes = start >= 0 and sign == "$" and not text[match.start() - 1].isspace()
            if closes and not text[match.end() : match.end() + 1].isdigit():
                content = text[start : match.start()]
                if "\n\n" not in content and not _PROSE.search(content):
                    spans.append((start, match.start()))
                    start = -1
                    continue
            if (start < 0 or sign == "$") and not text[match.end() : match.end() + 1].isspace():
                start, sign = match.end(), "$"
            continue
        opens = found.startswith((r"\(", r"\[", r"\begin")) or (found == "$$" and sign != "$$")
        if opens and (start < 0 or sign == "$"):
            start, sign = match.end(), found
        elif not opens and start >= 0 and sign != "$":
            spans.append((start, match.start()))
            start, sign = -1, ""
    return spans


def opens_formula(text: str, at: int) -> bool:
    """Does the $ before a number open a formula that ends soon: $5x + 3 = 8$?"""
    end = text.find("$", at + 1, at + MAX_MATHS)
    if end < 0 or text[end - 1].isspace() or text[end + 1 : end + 2].isdigit():
        return False
    content = text[at + 1 : end]
    return "\n\n" not in content and not _PROSE.search(content) and content[-1] not in "-*/+×("
