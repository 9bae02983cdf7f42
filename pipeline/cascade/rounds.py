"""A cascade's rounds on disk: who was asked in each, and why no more were; read without an engine.

A round is frozen before the first of its witnesses is asked, and rests on rounds that have ended. So a
run that is killed in the middle of one asks what the round says and chooses nothing anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from pipeline.consensus.cascade import Choice
from pipeline.consensus.evidence import FIRST
from pipeline.files import read_object
from pipeline.join import RowIndex
from pipeline.progress import StageProgress
from pipeline.records import Verdict
from pipeline.run_folder import RunFolder
from pipeline.shards import Store

_OF_A_CHAIN = ("pilot", "witnesses", "expected_tokens", "panel_tokens", "budget_tokens")
PILOT = "every witness (pilot)"


@dataclass(frozen=True, slots=True)
class CascadeReport:
    """`witnesses`: those that it asks. `last_heard`: how many solutions had which witness asked last;
    `stopped`: for which reason they ended, those of the pilot aside. `tokens`: sampled by witnesses so far;
    `expected`: what the pilot made expect; `panel`: what all witnesses would sample of every solution;
    `budget`: in tokens."""

    witnesses: tuple[str, ...]
    rounds: int
    last_heard: Mapping[str, int]
    stopped: Mapping[str, int]
    tokens: int
    expected: int
    panel: int
    budget: int | None = None

    @property
    def share(self) -> float | None:
        """Of the whole panel's tokens."""
        return self.tokens / self.panel if self.panel else None


def rounds_of(run: RunFolder) -> Iterator[Store]:
    """The rounds that are frozen, in their order."""
    chain = (read_object(run.chain) or {}).get("fingerprint")
    number = 1
    while chain is not None and (store := run.round(number)).fingerprint == chain:
        if (read_object(store.folder / "done.json") or {}).get("fingerprint") != chain:
            return
        yield store
        number += 1


def forget_rounds_after(run: RunFolder, number: int) -> None:
    """Later rounds rest on the one that is chosen now, so what another configuration froze there is chosen
    anew. The last goes first: killed in between, the rest still hang together."""
    later: list[Path] = []
    while (done := run.round(number + 1 + len(later)).folder / "done.json").exists():
        later.append(done)
    for done in reversed(later):
        done.unlink()


def stopped_by(run: RunFolder, reason: str) -> frozenset[str]:
    """Ids of the solutions that ended for the reason."""
    return frozenset(
        choice.solution_id
        for store in rounds_of(run)
        for choice in store.read(Choice)
        if choice.stop == reason
    )


def report(run: RunFolder, stages: Mapping[str, StageProgress]) -> CascadeReport | None:
    """What a cascade did so far; None where there is none. What a search learned from is paid for too."""
    chain = read_object(run.chain, _OF_A_CHAIN)
    if chain is None:
        return None
    last: dict[str, str] = {}
    stopped: Counter[str] = Counter()
    rounds = list(rounds_of(run))
    for store in rounds:
        for choice in store.read(Choice, ["solution_id", "part", "stop", "sure"]):
            if choice.part is not None:
                last[choice.solution_id] = choice.part
            else:
                stopped[choice.stop or ""] += 1
                last.setdefault(choice.solution_id, "none")
    heard = Counter(last.values())
    if pilot := len(chain["pilot"]):
        heard[PILOT] = pilot
    return CascadeReport(
        tuple(chain["witnesses"]),
        len(rounds),
        dict(heard.most_common()),
        dict(stopped.most_common()),
        sum(
            stages[stage].completion_tokens
            for name in chain["witnesses"]
            for stage in (name, f"calibrate {name}")
            if stage in stages
        ),
        int(chain["expected_tokens"]),
        int(chain["panel_tokens"]),
        chain["budget_tokens"],
    )


class RowsHeard:
    """Verdicts so far: of the pilot all, of other solutions what rounds asked for, of a judge all votes where
    they were asked for, else the first."""

    def __init__(
        self,
        run: RunFolder,
        names: Sequence[str],
        asked: Mapping[str, object],
        pilot: Set[str],
    ) -> None:
        self._pilot = pilot
        self._indexes = {
            name: [RowIndex(store, Verdict) for store in stores_of(run, name, name in asked)]
            for name in names
        }

    def of(self, solution_id: str) -> dict[str, Verdict]:
        found = {name: self.one(name, solution_id) for name in self._indexes}
        return {name: verdict for name, verdict in found.items() if verdict is not None}

    def one(self, name: str, solution_id: str) -> Verdict | None:
        *later, panel = self._indexes[name]
        for index in [panel] if solution_id in self._pilot or not later else reversed(later):
            if (verdict := index.get(solution_id)) is not None:
                return verdict
        return None

    def whole(self, solution_id: str) -> frozenset[str]:
        """Those of which all that they have to say was asked for, and said."""
        return frozenset(
            name
            for name, (*later, panel) in self._indexes.items()
            if solution_id in (later[-1] if later else panel)
        )

    def has(self, part: str, solution_id: str) -> bool:
        """Whether what a round asked for has been said."""
        first, rest, _ = self._indexes[part.removesuffix(FIRST)]
        return solution_id in rest or (part.endswith(FIRST) and solution_id in first)


def stores_of(run: RunFolder, name: str, asked: bool) -> tuple[Store, ...]:
    """Where a witness's verdicts are: first votes, the rest, the pilot's; one place if it isn't `asked`."""
    if not asked:
        return (run.verdicts(name),)
    return run.asked(name + FIRST), run.asked(name), run.panel(name)
