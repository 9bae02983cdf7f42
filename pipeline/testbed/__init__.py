"""TinyMath: a small policy, a small judge and an exact oracle, to measure every annotator by.

Problems come from a grammar (`facts`, `grammar`), solutions are one step a line (`steps`), and
`oracle.judge_solution` says of each step whether it is right. The models share a tokenizer and a
shape (`tokenizer`, `model`), learn from documents drawn from a seed (`corpus`, `inject`, `train`),
and are measured against the oracle (`score`). What the judge reads and writes is `judge_format`.
"""

from pipeline.testbed.judge_format import parse_check, render_prompt
from pipeline.testbed.oracle import OracleVerdict, StepKind, judge_solution

__all__ = ["OracleVerdict", "StepKind", "judge_solution", "parse_check", "render_prompt"]
