"""One answer, read once: its tidied text, and its normal form or structure where it has one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.grading.errors import Ambiguous, NotUnderstood
from pipeline.grading.exact import number
from pipeline.grading.nodes import Node, Scalar
from pipeline.grading.normal import Form, Number, read_tidied
from pipeline.grading.notation import tidy
from pipeline.grading.structure import read
from pipeline.grading.words import Words

MAX_LENGTH = 400

_AND = re.compile(r" ?,?\$? (?:and|or) \$?", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is tidied. `form` or `node` is there where all of it was understood; `ambiguous` says that it
    can be read in two ways."""

    text: str
    form: Form | None = None
    node: Node | None = None
    ambiguous: bool = False

    @property
    def understood(self) -> bool:
        return self.form is not None or self.node is not None

    @property
    def mathematical(self) -> bool:
        """Understood, and more than words, which may be prose."""
        return self.understood and not isinstance(self.form, Words)

    @property
    def structured(self) -> bool:
        """Understood as values, not words."""
        return self.node is not None or isinstance(self.form, Number)

    def structure(self) -> Node:
        """Raises NotUnderstood for words."""
        if isinstance(self.form, Number):
            form = self.form
            return Scalar(number(form.value), form.places, form.percent, form.unit)
        if self.node is None:
            raise NotUnderstood("words")
        return self.node


def read_text(answer: str) -> Reading:
    text = tidy(answer)
    if len(answer) > MAX_LENGTH or any(c.isdigit() and not c.isdecimal() for c in text):
        return Reading(text)  # too long, or with digits such as ⁴ and ① that are no number's
    form = read_tidied(text)
    if form is not None:
        return Reading(text, form)
    try:
        return Reading(text, node=read(listed(text)))
    except NotUnderstood as error:
        return Reading(text, ambiguous=isinstance(error, Ambiguous))


def is_value(text: str) -> bool:
    """Is the whole text a mathematical answer, not words?"""
    return len(text) <= MAX_LENGTH and read_text(text).mathematical


def listed(text: str) -> str:
    """Values joined by "and" or "or" as a list with commas."""
    return _AND.sub(", ", text)
