"""How good verdicts and labels are, where the true first errors are known.

`score` and what is beside it take pairs; `evaluate` takes arrays and gives every figure at once, with
intervals by bootstrap over problems. The rest of the room reads what was said and what is true
(`said`, `gold`, `match`), each in its own label convention, and draws a page (`page`).
"""

from pipeline.evaluate.metrics import (
    BOOTSTRAPS,
    Gold,
    Interval,
    Pair,
    Score,
    always_no_error,
    bootstrap_f1,
    processbench_f1,
    score,
    wilson,
)
from pipeline.evaluate.panel import UNDECIDED, Panel, Said
from pipeline.evaluate.report import Report, evaluate

__all__ = [
    "BOOTSTRAPS",
    "UNDECIDED",
    "Gold",
    "Interval",
    "Pair",
    "Panel",
    "Report",
    "Said",
    "Score",
    "always_no_error",
    "bootstrap_f1",
    "evaluate",
    "processbench_f1",
    "score",
    "wilson",
]
