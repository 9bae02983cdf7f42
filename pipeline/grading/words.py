"""Answers in words: names, terms, yes and no, and the choices of a question."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+){0,7}")
_TRUE = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_CLOSED_SETS = (frozenset({"yes", "no"}), frozenset("abcdefghij"))
"""Words of which each excludes the others: truth values, and the letters of choices."""
_NAME = re.compile(
    r"(?!(?:None|Zero|Nothing|Nobody|Neither|Never|Impossible|Undefined|Unknown|Infinit[ye]|"
    r"Unbounded|Both|All|Every|Same|Equal|Yes|No|True|False|Autumn|Fall)\Z)[A-Z][a-z]{2,}"
)
"""One word written like a proper name, less those for which another word may stand."""
_CHOICE = re.compile(
    r"(?:\(([A-H])\)[.:]?|([A-H])(?:[.:)]|(?= [A-Z][a-z])))\s{0,3}([^\W\d_][\w ,.'\n-]{1,150})\Z"
)
_TERMS = "odd even prime composite rational irrational parabola hyperbola ellipse circle"
_EXACT_WORDS = frozenset(_TERMS.split())
"""Terms for which no other word stands."""
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred "
    "thousand million half third quarter dozen pair couple single once twice thrice double triple first "
    "second midnight noon"
)
_NUMBER_WORDS = frozenset(_NUMBERS.split())


@dataclass(frozen=True, slots=True)
class Words:
    """Words without case; `name` says that they were one word written like a proper name."""

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
    if not _WORDS.fullmatch(text):
        return None
    folded = " ".join(text.casefold().split())
    return Words(_TRUE.get(folded, folded), name=_NAME.fullmatch(text) is not None)


def read_choice(text: str) -> Choice | None:
    match = _CHOICE.match(text)
    return Choice(match[1] or match[2], " ".join(match[3].casefold().split())) if match else None


def is_no_number(words: Words) -> bool:
    """Is it a name or a term? Other words may be a number."""
    return words.text in _EXACT_WORDS or (words.name and words.text not in _NUMBER_WORDS)


def compare_words(pred: Words, gold: Words) -> bool | None:
    """Other words may say the same; names that begin alike may be one name's long and short form."""
    if pred.text == gold.text:
        return True
    if any(pred.text in words and gold.text in words for words in _CLOSED_SETS):
        return False
    one, other = pred.text.removesuffix("s"), gold.text.removesuffix("s")
    if _EXACT_WORDS & {one, other} and " " not in one + other and len(one) > 2 < len(other):
        return None if one == other else False
    return False if pred.name and gold.name and pred.text[0] != gold.text[0] else None


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
