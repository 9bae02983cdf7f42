"""Grading: find the final answer of a text, compare it with the gold answer, three-valued.

A new extraction rule goes into `extract.py` or, for what a text only concludes with, `conclusion.py`.
An answer is tidied (`notation.py`) and read as a number (`normal.py`), words (`words.py`) or a structure
(`structure.py`, `inequality.py`) of single values (`scalar.py`): exact ones, each an expression
(`tokens.py`, `expression.py`) of polynomials, powers and functions (`exact.py` and files of these names).
Numbers and words are compared in their own files, structures in `same_structure.py`, single values in
`same_value.py`; `equivalence.py` asks them in turn and leaves the rest to math-verify in a worker process.
A unit goes into `units.py`.
Problems with tests are graded by `programs.py`; those whose answer is a query on their tables by
`queries.py`, with what the text means by it (`chains.py`), and whether two results are the same
(`results.py`).
"""

from pipeline.grading.equivalence import Comparison
from pipeline.grading.extract import FoundAnswer, find_answer, gold_answer
from pipeline.grading.grader import (
    CUT,
    NO_ANSWER,
    VERSION,
    Grade,
    Grader,
    on_tables,
    says_nothing,
)

__all__ = [
    "CUT",
    "NO_ANSWER",
    "VERSION",
    "Comparison",
    "FoundAnswer",
    "Grade",
    "Grader",
    "find_answer",
    "gold_answer",
    "on_tables",
    "says_nothing",
]
