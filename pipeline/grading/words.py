"""Answers in words: names, terms, yes and no, and the choices of a question."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+){0,7}")
_TRUE = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_CLOSED_SETS = (frozenset({"yes", "no"}), frozenset("abcdefghij"))
"""Words of which each excludes the others: truth values, and the letters of choices."""
_NAME = re.compile(r"[A-Z][a-z]{2,}")
_COMMON_ENDING = re.compile(
    r"\w{4}(?:er|est|ing|ed|al|ive|ous|less|ful|able|ible|ness|ment|ity|tion)\Z"
)
"""Of words that are seldom names: Larger and Greater say the same. Hal, Ted and Peter are names."""
_COMMON = (
    "none nothing nobody neither never impossible undefined unknown infinity infinite unbounded both all "
    "every same equal yes no true false autumn fall empty null nil nought void any each many few some "
    "most more least always sometimes often big large great huge small little tiny tall short long high low "
    "fast quick slow up down left right top bottom increase increases decrease decreases growth decline "
    "grows rises shrinks correct wrong incorrect valid invalid constant stable convex concave linear "
    "square rhombus diamond triangle mean average slope gradient zero origin "
    "mother father mom mum dad boy girl man woman child kid"
)
_COMMON_WORDS = frozenset(_COMMON.split())
"""Words for which another word may stand."""
_CHOICE = re.compile(
    r"(?:\(([A-H])\)[.:]?|([A-H])(?:[.:)]|(?= [A-Z][a-z])))\s{0,3}"
    r"([^\W\d_][\w ,.'\n-]{1,150}|(?<=\s)-?[$\d][\w ,.%/-]{0,50})\Z"
)
_TERMS = "odd even prime composite rational irrational parabola hyperbola ellipse circle"
_EXACT_WORDS = frozenset(_TERMS.split())
"""Terms of which none stands for another, nor for a number."""
_PARITY_TOO = re.compile(
    r"\A(?:non|un|im?pa|not|anti)|symmetric|\A(?:odd|even)(?:ly|ness|s)|parity"
)
"""Of words that may say odd or even as well."""
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred "
    "thousand million half third quarter dozen pair couple single once twice thrice double triple first "
    "second midnight noon fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
_NUMBER_WORDS = frozenset(_NUMBERS.split())


@dataclass(frozen=True, slots=True)
class Words:
    """Words without case; `name` says that they were one word written like a proper name, and none
    that is common or a number."""

    text: str
    name: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice with what it says: (A) Cecile."""

    letter: str
    text: str


def read_words(text: str) -> Words | None:
    if len(text) == 3 and text[0] == "(" and text[2] == ")":
        text = text[1]  # a choice such as (B)
    if not _WORDS.fullmatch(text) or text in ("e", "i"):  # which are numbers
        return None
    folded = " ".join(text.casefold().split())
    if len(text) == 1 and folded not in _CLOSED_SETS[1]:
        folded = text  # n may be another thing than N
    return Words(_TRUE.get(folded, folded), name=_is_name(text))


def _is_name(text: str) -> bool:
    number = text.casefold() in _NUMBER_WORDS
    return _NAME.fullmatch(text) is not None and not number and not _is_common(text)


def _is_common(text: str) -> bool:
    return text.casefold() in _COMMON_WORDS or _COMMON_ENDING.search(text) is not None


def read_choice(text: str) -> Choice | None:
    match = _CHOICE.match(text)
    return Choice(match[1] or match[2], " ".join(match[3].casefold().split())) if match else None


def is_no_number(words: Words) -> bool:
    """Is it a name or a term? Other words may be a number."""
    return words.text in _EXACT_WORDS or words.name


def compare_words(pred: Words, gold: Words) -> bool | None:
    """Other words may say the same; names that begin alike may be one name's long and short form."""
    if pred.text == gold.text:
        return True
    if any(pred.text in words and gold.text in words for words in _CLOSED_SETS):
        return False
    exact = [words.text.removesuffix("s") for words in (pred, gold)]
    if _EXACT_WORDS.issuperset(exact):
        return None if exact[0] == exact[1] else False
    if not _EXACT_WORDS.isdisjoint(exact):
        return False if _breaks_parity(*exact) or _breaks_parity(*exact[::-1]) else None
    return False if pred.name and gold.name and pred.text[0] != gold.text[0] else None


def _breaks_parity(term: str, other: str) -> bool:
    """Is one "odd" or "even" and the other a word that can't say the same?"""
    if term not in ("odd", "even") or " " in other or len(other) < 3:
        return False
    return other not in _NUMBER_WORDS and not _PARITY_TOO.search(other) and not _is_common(other)


def compare_choices(pred: Words | Choice, gold: Words | Choice) -> bool | None:
    """By letter where both have one, else by what the choice says."""
    letters, texts = [], []
    for form in (pred, gold):
        bare = isinstance(form, Words) and form.text in _CLOSED_SETS[1]
        letter = form.letter if isinstance(form, Choice) else form.text.upper() if bare else ""
        letters.append(letter)
        texts.append("" if bare else form.text)
    if all(letters):
        if letters[0] != letters[1]:
            return None if texts[0] and texts[0] == texts[1] else False
        return None if all(texts) and texts[0] != texts[1] else True
    return True if texts[0] == texts[1] else None
