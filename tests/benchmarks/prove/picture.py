"""F1 and best-of-8 of every PRM: the picture that goes with the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import numpy as np
from matplotlib import pyplot

from pipeline.evaluate.panel import Floats
from tests.benchmarks.prove.figures import solved, voted
from tests.benchmarks.prove.labels import METHODS
from tests.benchmarks.prove.material import HeldOut
from tests.benchmarks.prove.paired import Paired
from tests.benchmarks.prove.trainings import ARMS, Result

PICTURE = Path("docs/prove.svg")
COLOURS = {"bisection": "tab:gray", "agree": "tab:orange", "majority": "tab:brown"} | {
    "posterior": "tab:blue",
    "oracle": "tab:green",
}


def draw(
    results: Mapping[tuple[str, str], Sequence[Result]],
    shares: Mapping[tuple[str, str], float],
    test: Sequence[HeldOut],
) -> Path:
    """`shares`: of the solutions that each method labelled, by arm. A dot is a seed, a bar the mean."""
    matplotlib.rcParams["svg.hashsalt"] = "steplabel"
    figure, panels = pyplot.subplots(2, 2, figsize=(9.5, 7), sharey="row", squeeze=False)
    for column, arm in enumerate(ARMS):
        _panel(panels[0][column], results, arm, lambda one: one.f1)
        _panel(panels[1][column], results, arm, lambda one: float(one.right.mean()))
        panels[0][column].set_title(
            {"same solutions": "all label the same solutions", "one budget": "all sample as much"}[
                arm
            ],
            fontsize=11,
        )
        names = [f"{name}\n{shares[arm, name]:.0%} labelled" for name in METHODS]
        panels[1][column].set_xticks(range(len(METHODS)), names, fontsize=8)
        panels[0][column].set_xticks(range(len(METHODS)), ["" for _ in METHODS])
        for name, value, style in (
            ("pass@1", float(solved(test)[0].mean()), ":"),
            ("majority vote of 8", float(voted(test).mean()), "--"),
        ):
            panels[1][column].axhline(value, color="black", lw=0.8, ls=style, label=name)
    panels[0][0].set_ylabel("first error named: ProcessBench's F1")
    panels[1][0].set_ylabel("best of 8: share right")
    panels[1][0].legend(fontsize=8, loc="best")
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})
    pyplot.close(figure)
    return PICTURE


def _panel(
    panel: pyplot.Axes,
    results: Mapping[tuple[str, str], Sequence[Result]],
    arm: str,
    of: Callable[[Result], float],
) -> None:
    for place, name in enumerate(METHODS):
        values: Floats = np.array([of(one) for one in results[arm, name]])
        spots = place + np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else [place]
        panel.plot(spots, values, ".", color=COLOURS[name], ms=5, alpha=0.6)
        panel.hlines(values.mean(), place - 0.3, place + 0.3, color=COLOURS[name], lw=2)
        if len(values) > 1:
            mean = Paired.mean_of(values)
            panel.vlines(place, mean.low, mean.high, color=COLOURS[name], lw=2)
    panel.grid(axis="y", alpha=0.3)
