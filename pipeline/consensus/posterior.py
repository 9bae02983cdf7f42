"""Weigh the witnesses: a posterior over the first error, and labels where it is sure enough.

How each witness errs, and which err together, is learned from the run's own verdicts
(`pipeline.consensus.learning`). Rollouts enter by their own likelihood, with the chance that they see a
later step than the first wrong one, or none; a verdict with scores and neither votes nor checks, as of the
policy's likelihood, sees no other step than they do. The user names the precision wanted of the labels; the
confidence from which a label is kept follows from it. Where the fit isn't identified nothing is
labelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from pipeline.consensus.calibration import ENOUGH
from pipeline.consensus.evidence import Evidence, posteriors_of
from pipeline.consensus.expected import with_first_votes
from pipeline.consensus.labels import label_of, objection, set_aside
from pipeline.consensus.learning import Learned, learned_from
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Label
from pipeline.search.priors import Array

UNIDENTIFIED = (
    "not identified: the witnesses can't tell how far each can be trusted; add a judge of another model, "
    f"label {ENOUGH} or more by hand (`steplabel review`), or name so many rows with known first errors as "
    "consensus.gold"
)

NOTHING_HEARD = (
    "there was nothing to learn from: of no solution with a decided answer was every witness heard"
)


class PosteriorRule:
    """`knowing` of what `learn` found labels solutions, many at once."""

    version = 11
    pilot_size = 4000

    def __init__(self, precision: float) -> None:
        self._precision = precision

    def learn(
        self,
        pilot: Sequence[Annotated],
        witnesses: Sequence[str],
        gold: Mapping[str, int],
        drawn: Mapping[str, float] = MappingProxyType({}),
    ) -> dict[str, Any]:
        counting = tuple(
            name
            for name in witnesses
            if any(i.verdicts[name].probes for i in pilot if name in i.verdicts)
        )
        rows = [Evidence.of(item, witnesses, counting) for item in pilot]
        truth = [gold.get(item.solution.id) for item in pilot]
        times = [drawn.get(item.solution.id, 1.0) for item in pilot]
        learned = learned_from(rows, truth, counting, self._precision, times)
        return asdict(with_first_votes(learned, pilot, truth, witnesses))

    def knowing(self, facts: dict[str, Any]) -> KnowingPosterior:
        return KnowingPosterior(self._precision, learned_of(facts))

    def about(self, facts: dict[str, Any]) -> tuple[str, ...]:
        learned = learned_of(facts)
        if not learned.counting and not learned.right:
            return (NOTHING_HEARD,)
        lines = [
            f"{name} is right of {of_clean:.0%} of the solutions without an error and of {of_flawed:.0%} "
            "of those with one"
            + (
                f", and repeats another in {1 - learned.priors.reliability[name].own:.0%}"
                if after
                else ""
            )
            for after, (name, (of_clean, of_flawed)) in enumerate(learned.right.items())
        ]
        slip = learned.priors.slip
        lines.append(
            f"rollouts see the first error itself in {slip.same:.0%} of the solutions with one, a later "
            f"step in {slip.later:.0%}, an earlier one in {slip.early:.0%} (the policy is lost before it "
            f"errs), nothing in {slip.unseen:.0%}"
        )
        if not learned.identified:
            return (*lines, UNIDENTIFIED)
        wanted = f"for a precision of {self._precision:g}"
        if not learned.binding:
            return (
                *lines,
                f"all are sure enough {wanted}: {learned.stated:.3f}, it is not binding",
            )
        kept = f"{learned.kept:.0%} of the solutions are sure enough {wanted}"
        return (*lines, f"{kept}: those of a confidence of {learned.threshold:.3f} or more")


def learned_of(facts: dict[str, Any]) -> Learned:
    """What `learn` found, read back."""
    return TypeAdapter(Learned).validate_python(facts)


class KnowingPosterior:
    """A BatchRule."""

    def __init__(self, precision: float, learned: Learned) -> None:
        self._precision = precision
        self._learned = learned

    def __call__(
        self, items: Sequence[Annotated], witnesses: Sequence[str], vetoes: Sequence[str]
    ) -> list[Label]:
        learned = self._learned
        known = learned.priors.reliability
        rows = [Evidence.of(item, witnesses, learned.counting, known) for item in items]
        found = posteriors_of(rows, learned.priors)
        return [
            self._label(item, posterior, witnesses, vetoes)
            for item, posterior in zip(items, found, strict=True)
        ]

    def _label(
        self, item: Annotated, posterior: Array, witnesses: Sequence[str], vetoes: Sequence[str]
    ) -> Label:
        solution, verdicts = item.solution, item.verdicts
        if not self._learned.identified:
            return set_aside(solution, verdicts, UNIDENTIFIED)
        first_error, sure = int(posterior.argmax()) + NO_ERROR, self._learned.sure(posterior)
        if sure < self._learned.threshold:
            reason = f"not sure enough for a precision of {self._precision:g}"
            return set_aside(solution, verdicts, reason, sure)
        if reason := objection(solution, verdicts, vetoes, first_error) or "":
            return set_aside(solution, verdicts, reason, sure)
        agreed = [
            name
            for name in witnesses
            if name in verdicts and verdicts[name].first_error == first_error
        ]
        return label_of(solution, verdicts, first_error, agreed, sure)
