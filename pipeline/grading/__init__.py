"""Grading: find the final answer of a text, compare it with the gold answer, three-valued.

A new extraction rule goes into `extract.py`, a new exact normal form into `normal.py`,
a unit into `units.py`.
"""

from pipeline.grading.equivalence import Comparison
from pipeline.grading.extract import FoundAnswer, find_answer, gold_answer
from pipeline.grading.grader import CUT, NO_ANSWER, VERSION, Grade, Grader

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
]
