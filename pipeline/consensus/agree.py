"""Keep a solution only where independent witnesses name the same first error.

The consensus filter of "The Lessons of Developing Process Reward Models" (Zhang et al. 2025, arXiv
2501.07301), with executed checks as a veto: a contradiction at step j, or a first error named there,
says that the first error is at j or before, so a label past j, or "no error", can't stand. Nor can "no
error" where the final answer is wrong, whoever agrees on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.records import NO_ERROR, Label, Outcome, Solution, Status, Verdict, step_labels_for

WRONG_ANSWER = "outcome: no error is named, but the final answer is wrong"
"""Why a label of "no error" is set aside."""


def agree(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    witnesses: Sequence[str],
    vetoes: Sequence[str],
) -> Label:
    """The label of one solution, or a label without a first error and the reason. A single witness
    lends it its confidence; that of several who agree is not known."""
    n_steps = len(solution.steps)
    values = _values(verdicts.values(), n_steps)

    def set_aside(reason: str) -> Label:
        return Label(solution.id, None, step_labels_for(None, n_steps), values, reason=reason)

    for name in witnesses:
        if name not in verdicts:
            return set_aside(f"{name}: no verdict yet")
        if not verdicts[name].decided:
            return set_aside(f"{name}: {verdicts[name].reason}")
    named = {verdicts[name].first_error for name in witnesses}
    if len(named) != 1:
        return set_aside("disagree: " + " and ".join(witnesses))
    first_error = named.pop()
    assert first_error is not None
    if first_error == NO_ERROR and solution.outcome is Outcome.INCORRECT:
        return set_aside(WRONG_ANSWER)
    for name in vetoes:
        if name not in verdicts:
            return set_aside(f"{name}: no verdict yet")
        contradicted = [c.step for c in verdicts[name].checks if c.status is Status.CONTRADICTED]
        named_by_it = verdicts[name].first_error
        if named_by_it is not None and named_by_it != NO_ERROR:
            contradicted.append(named_by_it)
        if contradicted and (first_error == NO_ERROR or first_error > min(contradicted)):
            return set_aside(f"{name}: contradicts an earlier step")
    return Label(
        solution.id,
        first_error,
        step_labels_for(first_error, n_steps),
        values,
        confidence=verdicts[witnesses[0]].confidence if len(witnesses) == 1 else None,
        agreed=tuple(witnesses),
    )


def _values(verdicts: Iterable[Verdict], n_steps: int) -> tuple[float | None, ...]:
    """Share of right rollouts after each step, over all annotators that made rollouts."""
    right = [0] * (n_steps + 1)
    decided = [0] * (n_steps + 1)
    for verdict in verdicts:
        for probe in verdict.probes:
            right[probe.prefix] += probe.right
            decided[probe.prefix] += probe.decided
    return tuple(r / n if n else None for r, n in zip(right[1:], decided[1:], strict=True))
