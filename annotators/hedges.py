"""What the text around a wrong claim says of it: supposed, taken back, rounded, or no plain sum at all."""

from __future__ import annotations

import re

from annotators import wording
from annotators.equality import Judgement, close, same_in_cycle


def lets_be(text: str, start: int, end: int, judgement: Judgement, divides: bool) -> bool:
    """Does something in the text explain why characters start..end, though not equal, stand there?"""
    around = text[max(0, start - wording.WINDOW) : end + wording.WINDOW]
    clause = _clause(text, start, wording.CLAUSE_ENDS if divides else wording.SENTENCE_ENDS)
    pairs = judgement.pairs
    return bool(
        _hedged(text, start, end)
        or wording.OTHER_ARITHMETIC.search(around)
        or wording.FUNCTION.search(clause)
        or wording.APPLIED.search(clause)
        or (divides and "remainder" in around.lower())
        or (wording.ROUGHLY.search(around) and any(close(a, b, 20) for a, b in pairs))
        or (wording.MILITARY_TIME.search(around) and any((a - b) % 40 == 0 for a, b in pairs))
        or (wording.STARTS_AGAIN.search(around) and any(same_in_cycle(a, b) for a, b in pairs))
    )


def _hedged(text: str, start: int, end: int) -> bool:
    """Does the text suppose the claim, or take it back?"""
    line = max(text.rfind("\n", 0, start), start - wording.WINDOW, 0)
    before = text[line:start]
    after = text[end : end + wording.WINDOW]
    return bool(wording.SUPPOSED.search(before) or wording.TAKEN_BACK.search(before + after))


def _clause(text: str, start: int, ends: re.Pattern[str]) -> str:
    """What the claim's clause says before it."""
    before = text[max(0, start - wording.WINDOW) : start]
    return before[max((end.end() for end in ends.finditer(before)), default=0) :]
