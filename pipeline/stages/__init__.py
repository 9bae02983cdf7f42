"""The stages of a run: each turns rows into rows, a shard at a time, and knows which are done.

    generate | import   problems (or your solutions) -> graded solutions
    <annotator>         solutions -> verdicts, one stage for each annotator

A stage's rows are keyed by its fingerprint (configuration, code and model versions) and by the ids
of the rows they come from, so a rerun makes only what is missing, and a change of configuration
only the stages it touches.
"""

from pipeline.stages.annotate import NAMED, AnnotateStage, Solutions
from pipeline.stages.generate import GenerateStage
from pipeline.stages.grade import graded, graded_by
from pipeline.stages.imported import ImportStage
from pipeline.stages.keys import KEY_COLUMNS, key_of, key_of_row, problem_key
from pipeline.stages.stage import (
    Alone,
    Elsewhere,
    Fault,
    Refusals,
    Refused,
    Rows,
    ShardResult,
    Stage,
    attempt,
    run_shard,
)

__all__ = [
    "Alone",
    "AnnotateStage",
    "Elsewhere",
    "Fault",
    "GenerateStage",
    "ImportStage",
    "KEY_COLUMNS",
    "NAMED",
    "Refusals",
    "Refused",
    "Rows",
    "ShardResult",
    "Solutions",
    "Stage",
    "attempt",
    "graded",
    "graded_by",
    "key_of",
    "key_of_row",
    "problem_key",
    "run_shard",
]
