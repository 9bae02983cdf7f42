"""Figures and steps as texts, on a terminal and on a page alike."""

from __future__ import annotations

from pipeline.evaluate.resample import Figure
from pipeline.records import NO_ERROR


def share(figure: Figure) -> str:
    """ "0.950 [0.930, 0.965]"; a dash where there is nothing to divide by."""
    return _number(figure, ".3f")


def signed(figure: Figure) -> str:
    return _number(figure, "+.3f")


def tokens(figure: Figure | None) -> str:
    return "–" if figure is None else _number(figure, ",.1f")


def _number(figure: Figure, form: str) -> str:
    if figure.value is None:
        return "–"
    if figure.low is None or figure.high is None:
        return format(figure.value, form)
    low, high = format(figure.low, form), format(figure.high, form)
    return f"{format(figure.value, form)} [{low}, {high}]"


def step(first_error: int) -> str:
    return "no error" if first_error == NO_ERROR else f"step {first_error}"
