"""What several witnesses said of the same solutions, beside the truth, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

UNDECIDED = -2
"""In an array of first errors: nothing was named. -1 is "no error"."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one witness, or the label, said of each solution; shape [n] each.

    `named`: first errors, 0-based, -1 no error, UNDECIDED none. `confidence`: the stated chance that
    `named` is right, NaN where none was stated. `tokens`: sampled for it, NaN where not known.
    """

    named: Ints
    confidence: Floats
    tokens: Floats

    @classmethod
    def of(
        cls,
        named: Sequence[int | None],
        confidence: Sequence[float | None] | None = None,
        tokens: Sequence[float | None] | None = None,
    ) -> Said:
        """From plain lists, in which None says that there is nothing."""
        unknown: list[float | None] = [None] * len(named)
        return cls(
            np.array([UNDECIDED if one is None else one for one in named], dtype=np.int64),
            _floats(unknown if confidence is None else confidence),
            _floats(unknown if tokens is None else tokens),
        )

    @property
    def decided(self) -> Bools:
        found: Bools = self.named != UNDECIDED
        return found


@dataclass(frozen=True, slots=True)
class Panel:
    """Solutions whose first error is known, and what was said of them. Every array has shape [n].

    `gold`: true first errors, -1 none. `problems`: which problem a solution answers, any numbers;
    solutions of one problem are resampled together. `outcomes` and `levels`: texts, "" where unknown.
    `generation`: tokens sampled to write each solution, NaN where not known.
    Raises ValueError where lengths differ.
    """

    gold: Ints
    problems: Ints
    witnesses: Mapping[str, Said] = field(default_factory=dict)
    label: Said | None = None
    outcomes: Sequence[str] = ()
    levels: Sequence[str] = ()
    generation: Floats | None = None

    def __post_init__(self) -> None:
        lengths = {"problems": len(self.problems)}
        for name, texts in (("outcomes", self.outcomes), ("levels", self.levels)):
            if len(texts):
                lengths[name] = len(texts)
        if self.generation is not None:
            lengths["generation"] = len(self.generation)
        for name, said in self.everyone():
            lengths |= {f"{name}.named": len(said.named), f"{name}.tokens": len(said.tokens)}
            lengths[f"{name}.confidence"] = len(said.confidence)
        for name, length in lengths.items():
            if length != len(self.gold):
                raise ValueError(f"{name} has {length} entries, gold has {len(self.gold)}")

    def everyone(self) -> list[tuple[str, Said]]:
        """The witnesses in their order, then the label."""
        label = [("label", self.label)] if self.label is not None else []
        return [*self.witnesses.items(), *label]


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if one is None else one for one in values], dtype=np.float64)
