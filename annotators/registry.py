"""The annotators by name. A new one is a file in this folder and a line here."""

from __future__ import annotations

import re

from pipeline.annotator import Annotator
from pipeline.config import RunConfig, check_options
from pipeline.errors import ConfigError
from pipeline.registry import load_named

ANNOTATORS = {
    "arithmetic": "annotators.arithmetic:ArithmeticAnnotator",
    "code": "annotators.code:CodeAnnotator",
    "consistency": "annotators.consistency:ConsistencyAnnotator",
    "judge": "annotators.judge:JudgeAnnotator",
    "judge_code": "annotators.judge_code:JudgeWithCode",
    "judge_stepwise": "annotators.stepwise:StepwiseJudge",
    "likelihood": "annotators.likelihood:LikelihoodAnnotator",
    "logic": "annotators.logic:LogicAnnotator",
    "meta_critique": "annotators.meta_critique:MetaCritique",
    "mutation": "annotators.mutation:MutationAnnotator",
    "rollouts": "annotators.rollouts:RolloutAnnotator",
    "sql": "annotators.sql:SqlAnnotator",
}

HAS = ("OPTIONS", "uses_outcome", "annotate", "expected_completion_tokens")
STAGES = ("generate", "import", "consensus", "cascade", "dataset", "report", "review")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def make_annotators(config: RunConfig) -> list[Annotator]:
    """The annotators a configuration asks for, in its order, each with checked options.

    An entry `name: {kind: judge, …}` runs the kind `judge` under a name of its own, so that one run
    can hold several panels. Raises ConfigError.
    """
    if not config.annotators and config.consensus.witnesses:
        raise ConfigError(
            "annotators: there are none; name a method, such as `recipe: agree` (`steplabel recipes` lists "
            "them), or annotators of your own"
        )
    annotators = []
    for name, raw in config.annotators.items():
        where = f"annotators.{name}"
        if not _NAME.fullmatch(name) or name in STAGES:
            raise ConfigError(
                f"{where}: not a name; it is a folder's: letters, digits, . _ - (not one of "
                f"{', '.join(STAGES)})"
            )
        if not isinstance(raw, dict):
            raise ConfigError(f"{where}: should be a mapping of options, such as {{}}")
        options = dict(raw)
        kind = load_named("annotator", str(options.pop("kind", name)), ANNOTATORS, HAS)
        annotators.append(kind(name, check_options(kind.OPTIONS, options, where)))
    for role, names in (
        ("witnesses", config.consensus.witnesses),
        ("vetoes", config.consensus.vetoes),
    ):
        for name in names:
            if name not in config.annotators:
                raise ConfigError(
                    f"consensus.{role}: no annotator is named {name!r}; "
                    f"annotators are {', '.join(config.annotators) or 'none'}"
                )
    return annotators
