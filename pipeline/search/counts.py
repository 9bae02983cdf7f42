"""The rollouts seen so far, by prefix."""

from __future__ import annotations

from pipeline.records import Outcome, ProbeCount


class Counts:
    """Right, decided and undecided rollouts for each prefix 0..T."""

    def __init__(self) -> None:
        self._seen: dict[int, list[int]] = {}

    def observe(self, prefix: int, outcome: Outcome) -> None:
        right, decided, undecided = self._seen.setdefault(prefix, [0, 0, 0])
        self._seen[prefix] = [
            right + (outcome is Outcome.CORRECT),
            decided + (outcome is not Outcome.UNDECIDED),
            undecided + (outcome is Outcome.UNDECIDED),
        ]

    def right(self, prefix: int) -> int:
        return self._seen.get(prefix, [0, 0, 0])[0]

    def decided(self, prefix: int) -> int:
        return self._seen.get(prefix, [0, 0, 0])[1]

    def tried(self, prefix: int) -> int:
        return sum(self._seen.get(prefix, [0, 0, 0])[1:])

    def any_right(self) -> bool:
        return any(right for right, _, _ in self._seen.values())

    @property
    def all(self) -> tuple[ProbeCount, ...]:
        return tuple(ProbeCount(prefix, *self._seen[prefix]) for prefix in sorted(self._seen))
