"""What every rule of consensus does: make a label, or set a solution aside with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.records import NO_ERROR, Label, Outcome, Solution, Status, Verdict, step_labels_for

WRONG_ANSWER = "outcome: no error is named, but the final answer is wrong"
"""Why a label of "no error" is set aside."""


def label_of(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    first_error: int,
    agreed: Sequence[str],
    confidence: float | None = None,
) -> Label:
    return _made(solution, verdicts, first_error, confidence, agreed=tuple(agreed))


def set_aside(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    reason: str,
    confidence: float | None = None,
) -> Label:
    return _made(solution, verdicts, None, confidence, reason=reason)


def _made(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    first_error: int | None,
    confidence: float | None,
    agreed: tuple[str, ...] = (),
    reason: str | None = None,
) -> Label:
    n_steps = len(solution.steps)
    return Label(
        solution.id,
        first_error,
        step_labels_for(first_error, n_steps),
        values_of(verdicts.values(), n_steps),
        confidence=confidence,
        agreed=agreed,
        reason=reason,
    )


def objection(
    solution: Solution, verdicts: Mapping[str, Verdict], vetoes: Sequence[str], first_error: int
) -> str | None:
    """Why a first error can't stand: "no error" beside a wrong answer, or what a veto contradicts. A
    contradiction at step j, or a first error named there, says that the first error is at j or before,
    so a label past j, or "no error", can't stand."""
    if first_error == NO_ERROR and solution.outcome is Outcome.INCORRECT:
        return WRONG_ANSWER
    for name in vetoes:
        if name not in verdicts:
            return f"{name}: no verdict yet"
        contradicted = [c.step for c in verdicts[name].checks if c.status is Status.CONTRADICTED]
        named_by_it = verdicts[name].first_error
        if named_by_it is not None and named_by_it != NO_ERROR:
            contradicted.append(named_by_it)
        if contradicted and (first_error == NO_ERROR or first_error > min(contradicted)):
            return f"{name}: contradicts an earlier step"
    return None


def values_of(verdicts: Iterable[Verdict], n_steps: int) -> tuple[float | None, ...]:
    """Share of right rollouts after each step, over all annotators that made rollouts."""
    right = [0] * (n_steps + 1)
    decided = [0] * (n_steps + 1)
    for verdict in verdicts:
        for probe in verdict.probes:
            right[probe.prefix] += probe.right
            decided[probe.prefix] += probe.decided
    return tuple(r / n if n else None for r, n in zip(right[1:], decided[1:], strict=True))
