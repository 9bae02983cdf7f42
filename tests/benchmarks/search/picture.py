"""Exactness against tokens, one curve a method: the picture in the README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from tests.benchmarks.search.methods import BISECTIONS, Score
from tests.benchmarks.search.tinymath import Stratum

PICTURE = Path("docs/search.svg")
SHOWN = ("all", "q 0", "few answers or a redundant fact")
COLOURS = {"bayesian": "tab:blue", "with a vote, siblings uncharged": "tab:green"}
LABELS = {"bayesian": "bayesian", "with a vote, siblings uncharged": "with a judge's vote"}


def draw(strata: Sequence[Stratum]) -> Path:
    """One panel a stratum; tokens on a log axis, in whole solutions."""
    chosen = [s for s in strata if s.name in SHOWN]
    matplotlib.rcParams["svg.hashsalt"] = "steplabel"
    figure, panels = pyplot.subplots(
        1, len(chosen), figsize=(4.2 * len(chosen), 4.5), sharey=True, squeeze=False
    )
    for panel, stratum in zip(panels[0], chosen, strict=True):
        _panel(panel, stratum)
    panels[0][0].set_ylabel("first fatal step named exactly")
    lines, names = panels[0][0].get_legend_handles_labels()
    figure.legend(lines, names, fontsize=8, loc="lower center", ncols=4)
    figure.tight_layout(rect=(0, 0.14, 1, 1))
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})
    pyplot.close(figure)
    return PICTURE


def _panel(panel: pyplot.Axes, stratum: Stratum) -> None:
    n = stratum.plain["bisection k=8"].n
    panel.set_title(f"{stratum.name}: {n} wrong solutions", fontsize=10)
    for suffix, style, name in (
        ("", "o-", "bisection, k 1 to 16"),
        (", early stop", "o--", "the same, early stop"),
    ):
        scores = [stratum.plain[f"bisection k={k}{suffix}"] for k in BISECTIONS]
        _curve(panel, scores, style, name, "tab:gray")
    exhaustive = [stratum.plain[f"exhaustive k={k}"] for k in (4, 8)]
    _curve(panel, exhaustive, "s-", "every step, k 4 and 8", "tab:brown")
    for evidence, colour in COLOURS.items():
        curves = stratum.bayesian[evidence]
        _curve(panel, curves["confidence"], ".-", f"{LABELS[evidence]}, by confidence", colour)
        _curve(panel, curves["price"], ".:", f"{LABELS[evidence]}, by price", colour)
    panel.set_xscale("log")
    panel.set_xlabel("sampled tokens, in whole solutions")
    panel.grid(alpha=0.3)


def _curve(panel: pyplot.Axes, scores: Sequence[Score], style: str, name: str, colour: str) -> None:
    points = sorted((s.tokens, s.exact) for s in scores if s.tokens > 0)
    panel.plot(
        [t for t, _ in points], [e for _, e in points], style, label=name, color=colour, ms=4
    )
