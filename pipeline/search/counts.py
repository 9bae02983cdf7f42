"""The rollouts seen so far, by prefix; and what every search does with them."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Outcome, ProbeCount


class Counts:
    """Right, decided and undecided rollouts for each prefix 0..T."""

    def __init__(self, known: Sequence[ProbeCount] = ()) -> None:
        self._seen = {c.prefix: [c.right, c.decided, c.undecided] for c in known}

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

    def missing(self, prefix: int, wanted: int, spare: int) -> int:
        """Rollouts to ask for until `wanted` are decided, `wanted + spare` being tried at most."""
        return max(0, min(wanted - self.decided(prefix), wanted + spare - self.tried(prefix)))

    def any_right(self) -> bool:
        return any(right for right, _, _ in self._seen.values())

    @property
    def all(self) -> tuple[ProbeCount, ...]:
        return tuple(ProbeCount(prefix, *self._seen[prefix]) for prefix in sorted(self._seen))


class CountedSearch:
    """A search of one solution of `n_steps` steps that keeps what it sees, and begins with what is
    `known`."""

    def __init__(self, n_steps: int, outcome: Outcome, known: Sequence[ProbeCount] = ()) -> None:
        self._n_steps = n_steps
        self._outcome = outcome
        self._counts = Counts(known)

    @property
    def counts(self) -> tuple[ProbeCount, ...]:
        return self._counts.all

    def observe(self, prefix: int, outcome: Outcome) -> None:
        self._counts.observe(prefix, outcome)
