"""Where is the first error? Strategies without I/O: they name the rollouts they want and are told
the outcomes. A new strategy is one file here (an options class and a strategy class) and one line
in `STRATEGIES`. `tree` is no strategy: it says which solutions of a problem are searched at all.
"""

from __future__ import annotations

from typing import Any

from pipeline.config import Options, check_options
from pipeline.registry import load_named
from pipeline.search.hints import Hint
from pipeline.search.protocol import (
    NO_SIBLINGS,
    NOTHING_KNOWN,
    Finding,
    Known,
    LearningStrategy,
    PilotSearch,
    Probe,
    Search,
    Strategy,
)

STRATEGIES = {
    "adaptive": "pipeline.search.adaptive:AdaptiveStrategy",
    "bayesian": "pipeline.search.bayesian:BayesianStrategy",
    "bisection": "pipeline.search.bisection:BisectionStrategy",
    "exhaustive": "pipeline.search.exhaustive:ExhaustiveStrategy",
    "first_zero": "pipeline.search.first_zero:FirstZeroStrategy",
    "relative_progress": "pipeline.search.relative_progress:RelativeProgressStrategy",
    "uncertainty": "pipeline.search.uncertainty:UncertaintyStrategy",
}


def make_strategy(name: str, options: dict[str, Any], where: str) -> tuple[Strategy, Options]:
    """The named strategy and its checked options. Raises ConfigError."""
    kind = load_named("search strategy", name, STRATEGIES, ("OPTIONS", "start"))
    checked = check_options(kind.OPTIONS, options, where)
    return kind(checked), checked


__all__ = [
    "NOTHING_KNOWN",
    "NO_SIBLINGS",
    "STRATEGIES",
    "Finding",
    "Hint",
    "Known",
    "LearningStrategy",
    "PilotSearch",
    "Probe",
    "Search",
    "Strategy",
    "make_strategy",
]
