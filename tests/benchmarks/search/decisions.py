"""Section `decisions`: how long the Bayesian search takes to choose its next probe."""

from __future__ import annotations

import random
import time
from statistics import median

from pipeline.records import Outcome
from pipeline.search.bayesian import BayesianOptions, BayesianStrategy
from tests.benchmarks.report import Row

STEPS = {32: "< 1", 200: "< 10"}
DECISIONS = 300


def milliseconds(steps: int) -> list[float]:
    """Of each decision of searches for an error in the middle, one after another, up to a budget."""
    strategy = BayesianStrategy(BayesianOptions(confidence=0.9999, budget=20, worth=0, rollouts=1))
    rng = random.Random(steps)
    taken: list[float] = []
    while len(taken) < DECISIONS:
        search = strategy.start(steps, Outcome.INCORRECT)
        while True:
            began = time.perf_counter()
            probes = search.next()
            ended = time.perf_counter()
            if not probes:
                break
            taken.append(1000 * (ended - began))
            for probe in probes:
                right = rng.random() < (0.6 if probe.prefix <= steps // 2 else 0.1)
                search.observe(probe.prefix, Outcome.CORRECT if right else Outcome.INCORRECT)
    return taken


def measure() -> list[Row]:
    rows = []
    for steps, wanted in STEPS.items():
        taken = sorted(milliseconds(steps))
        spread = f"[{taken[len(taken) // 20]:.2f}, {taken[-len(taken) // 20]:.2f}] in 90% of them"
        figure = f"milliseconds a decision, {steps} steps"
        rows.append(Row("decisions", figure, median(taken), spread, len(taken), wanted))
    return rows
