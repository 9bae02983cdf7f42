"""A run whose witnesses are asked one after another: the pilot, what it teaches, and the rounds.

    cascade/panel/<witness>   verdicts of every witness on the pilot
    calibrate/cascade/        what they taught, frozen
    cascade/rounds/<number>   who is asked next of each solution, or why no one, frozen
    cascade/asked/<part>      verdicts that a round asked for; a judge's first vote is a part of its own
    verdicts/<witness>        the latest of each, derived from them

A round asks each solution one thing, so that each model is loaded once a round. What is asked of a
solution rests on its own verdicts and on frozen facts, and a round on those that ended before it:
neither the order in which solutions end nor a kill changes a choice. A solution whose verdict failed
waits for a later run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain as chained
from typing import Any, Protocol

from pipeline.annotator import Annotator, LearningAnnotator, VotingAnnotator, hints_of
from pipeline.config import CascadeConfig, RunConfig
from pipeline.consensus.cascade import (
    UNIDENTIFIED,
    VERSION,
    Cascade,
    Choice,
    Facts,
    learn,
    replay,
    within,
)
from pipeline.consensus.evidence import FIRST
from pipeline.consensus.expected import RIGHT, WRONG, tokens_of
from pipeline.consensus.labels import set_aside
from pipeline.consensus.posterior import PosteriorRule, learned_of
from pipeline.errors import BudgetSpentError, EngineFaultError, RunError
from pipeline.files import read_json, write_json
from pipeline.join import Annotated, RowIndex
from pipeline.labelling import AT_ONCE, pilot_of, usable_of
from pipeline.progress import StageProgress
from pipeline.records import Label, Outcome, Solution, Verdict, content_hash
from pipeline.rounds import RowsHeard, forget_rounds_after, rounds_of, stores_of
from pipeline.run_folder import RunFolder
from pipeline.shards import Store, chunked
from pipeline.stages import AnnotateStage, Solutions
from pipeline.told import Told

log = logging.getLogger(__name__)


class StageOf(Protocol):
    """An annotator over solutions, as a stage."""

    def __call__(
        self,
        annotator: Annotator,
        solutions: Solutions,
        store: Store,
        *,
        told: Told | None = None,
    ) -> AnnotateStage: ...


@dataclass(frozen=True)
class Crew:
    """What a batch lends: how stages are made and run, what they have counted, an annotator that has learned
    from its own pilot, chosen among some solutions, the solutions that are annotated at all, and what the
    budget didn't pay for."""

    stage_of: StageOf
    run: Callable[[AnnotateStage], Awaitable[None]]
    calibrated: Callable[[LearningAnnotator, Set[str]], Awaitable[Annotator]]
    chosen: Solutions
    faults: Counter[str]
    unpaid: Set[str]
    progress: Mapping[str, StageProgress]


class CascadeRun:
    """`asked`: the witnesses that it asks, those with hints last; the others have been heard of every
    solution."""

    def __init__(
        self,
        config: RunConfig,
        run: RunFolder,
        rule: PosteriorRule,
        asked: Sequence[Annotator],
        left_out: Set[str],
        crew: Crew,
    ) -> None:
        assert config.cascade is not None
        self._config = config
        self._options: CascadeConfig = config.cascade
        self._run = run
        self._rule = rule
        self._asked = {annotator.name: annotator for annotator in asked}
        self._left_out = left_out
        self._crew = crew
        self._witnesses = config.consensus.witnesses

    async def run(self) -> None:
        """Raises EngineFaultError where a part of the pilot failed, BudgetSpentError where it was not paid
        for: what is learned must not depend on which."""
        frozen = await self._calibrated()
        pilot = frozenset(frozen["pilot"])
        facts = Facts.of(frozen["facts"])
        fingerprint = content_hash(frozen["made_by"], frozen["facts"])
        budget = self._budget(frozen)
        self._begin(fingerprint, frozen, facts, pilot, budget)
        self._open(fingerprint)
        cascade = Cascade(facts, self._witnesses, self._options.confidence, self._options.worth)
        number = 0
        while True:
            number += 1
            store = self._run.round(number)
            if not store.is_whole(fingerprint):
                choices = self._choices(cascade, pilot, budget)
                if not choices:
                    break
                forget_rounds_after(self._run, number)
                store.replace_all(fingerprint, choices, Choice)
            await self._ask(store, fingerprint)
        self._gather(fingerprint, pilot)

    async def _calibrated(self) -> dict[str, Any]:
        """What the pilot teaches: learned once, then read from its file."""
        config, run = self._config, self._run
        pilot = self._pilot()
        made_by = content_hash(
            VERSION,
            self._rule.version,
            config.consensus.fingerprint,
            self._options.fingerprint,
            pilot["made_by"],
            await self._hear_all(frozenset(pilot["ids"])),
            [run.verdicts(one).fingerprint for one in self._witnesses if one not in self._asked],
        )
        path = run.learned("cascade")
        if (read_json(path) or {}).get("made_by") != made_by:
            found = self._learned(pilot["ids"], pilot["gold"])
            write_json(path, {"made_by": made_by, "pilot": pilot["ids"]} | found)
        return dict(read_json(path) or {})

    def _pilot(self) -> dict[str, Any]:
        """Who every witness is asked of. A batch that grows keeps it; only a pilot that had too few to choose
        from, or of which some have left the run, is chosen anew."""
        config, run, size = self._config, self._run, self._options.pilot
        usable = usable_of(run, self._left_out)
        ids, gold = pilot_of(config, run, usable, size)
        made_by = content_hash(
            size,
            config.filter.fingerprint,
            run.solutions.fingerprint,
            ids if len(ids) < size else "whole",
            gold,
        )
        path = run.cascade_pilot
        frozen = read_json(path) or {}
        if frozen.get("made_by") != made_by or not usable.issuperset(frozen["ids"]):
            every = sorted(frozenset(ids) | gold.keys())
            write_json(path, {"made_by": made_by, "ids": every, "gold": gold})
        return dict(read_json(path) or {})

    async def _hear_all(self, pilot: Set[str]) -> list[str]:
        """Ask every witness of the pilot; the fingerprints of what was asked."""

        def solutions(columns: Collection[str] | None = None) -> Iterator[Solution]:
            return (s for s in self._crew.chosen(columns) if s.id in pilot)

        fingerprints = []
        for name, annotator in self._asked.items():
            if isinstance(annotator, LearningAnnotator) and annotator.pilot_size:
                annotator = self._asked[name] = await self._crew.calibrated(annotator, pilot)
            stage = self._crew.stage_of(_part(annotator, name), solutions, self._run.panel(name))
            fingerprints.append(stage.fingerprint)
            failed = self._crew.faults[name]
            await self._crew.run(stage)
            if failed := self._crew.faults[name] - failed:
                raise EngineFaultError(
                    f"{name}: {failed} of the cascade's pilot of {len(pilot)} solutions failed, and what "
                    "is learned must not depend on which; run the same command again"
                )
            if pilot & self._crew.unpaid:
                raise BudgetSpentError(f"{name}: the cascade's pilot was not paid for")
        return fingerprints

    def _learned(self, pilot: Sequence[str], gold: Mapping[str, int]) -> dict[str, Any]:
        options, witnesses = self._options, self._witnesses
        items = self._piloted(frozenset(pilot))
        for name in witnesses:
            if any(name not in item.verdicts for item in items):
                raise EngineFaultError(
                    f"{name} has no verdict of some of the cascade's pilot, and what is learned must not "
                    "depend on which; run the same command again"
                )
        truth = [gold.get(item.solution.id) for item in items]
        learned = learned_of(self._rule.learn(items, witnesses, gold))
        facts = learn(items, truth, witnesses, learned)
        if unpriced := self._asked.keys() - facts.parts.keys():
            log.warning(
                "cascade: %s sampled no token of the pilot, so its price isn't known, and no more "
                "solutions are asked of it",
                ", ".join(sorted(unpriced)),
            )
        cascade = Cascade(facts, witnesses, options.confidence, options.worth)
        asked = sum(tokens_of(one.item.verdicts) for one in replay(items, cascade))
        panel = sum(tokens_of(item.verdicts) for item in items)
        return {
            "panel_tokens": panel,
            "expected_share": asked / panel if panel else 0.0,
            "tokens_per_second": self._pace(),
            "facts": facts.to_json(),
        }

    def _piloted(self, pilot: Set[str]) -> list[Annotated]:
        """The pilot's solutions with what every witness said, by id."""
        indexes = {name: RowIndex(self._whole(name), Verdict) for name in self._witnesses}
        items = []
        for solution in self._crew.chosen():
            if solution.id in pilot:
                found = {name: index.get(solution.id) for name, index in indexes.items()}
                verdicts = {name: one for name, one in found.items() if one is not None}
                items.append(Annotated(solution, verdicts, None))
        return sorted(items, key=lambda item: item.solution.id)

    def _whole(self, name: str) -> Store:
        """Where a witness's verdicts on the pilot are."""
        return self._run.panel(name) if name in self._asked else self._run.verdicts(name)

    def _pace(self) -> float:
        """Sampled tokens a second while the pilot was asked, loading aside."""
        stages = [self._crew.progress[name] for name in self._asked]
        seconds = sum(max(0.0, stage.seconds - stage.load_seconds) for stage in stages)
        tokens = sum(stage.completion_tokens for stage in stages)
        return tokens / seconds if seconds else 0.0

    def _budget(self, frozen: Mapping[str, Any]) -> int | None:
        """In tokens. Raises RunError for GPU-hours whose pace isn't known."""
        if self._options.gpu_hours is None:
            return self._options.budget_tokens
        roles = [a.role for a in self._asked.values() if a.role is not None]
        gpus = max(
            int(self._config.engine_for(r).args.get("tensor_parallel_size", 1)) for r in roles
        )
        if not (pace := float(frozen["tokens_per_second"])):
            raise RunError(
                "cascade.gpu_hours: the pilot's calls were all on record, so its pace isn't known; set "
                "cascade.budget_tokens"
            )
        return max(1, round(self._options.gpu_hours * 3600 * pace / gpus))

    def _begin(
        self,
        fingerprint: str,
        frozen: Mapping[str, Any],
        facts: Facts,
        pilot: Set[str],
        budget: int | None,
    ) -> None:
        """Say in the folder which rounds count, and what they are expected to cost."""
        of_all = of_pilot = 0.0
        for solution in self._decided():
            side = RIGHT if solution.outcome is Outcome.CORRECT else WRONG
            tokens = sum(
                part.tells[side].tokens
                for name, part in facts.parts.items()
                if not name.endswith(FIRST)
            )
            of_all += tokens * len(solution.steps)
            of_pilot += tokens * len(solution.steps) * (solution.id in pilot)
        expected = of_pilot + frozen["expected_share"] * (of_all - of_pilot)
        if budget is not None:
            expected = min(expected, max(budget, frozen["panel_tokens"]))
        write_json(
            self._run.chain,
            {
                "fingerprint": fingerprint,
                "panel": frozen["made_by"],
                "witnesses": list(self._asked),
                "pilot": sorted(pilot),
                "expected_tokens": round(expected),
                "panel_tokens": round(of_all),
                "budget_tokens": budget,
            },
        )
        log.info("cascade: about %d tokens, of %d of the whole panel", expected, of_all)

    def _open(self, fingerprint: str) -> None:
        """Leave aside what rounds of other facts have asked for."""
        for part in (name + end for name in self._asked for end in (FIRST, "")):
            annotator = self._asked[part.removesuffix(FIRST)]
            stage = self._crew.stage_of(
                _part(annotator, part),
                self._decided,
                self._run.asked(part),
                told=Told.so_far({}, fingerprint),
            )
            stage.store.open(stage.fingerprint)

    def _decided(self, columns: Collection[str] | None = None) -> Iterator[Solution]:
        return (s for s in self._crew.chosen(columns) if s.outcome is not Outcome.UNDECIDED)

    def _choices(self, cascade: Cascade, pilot: Set[str], budget: int | None) -> list[Choice]:
        """The next round: of every solution that is still open, and waits for no verdict."""
        stopped, last = set(pilot), dict[str, str]()
        for store in rounds_of(self._run):
            for choice in store.read(Choice):
                if choice.part is None:
                    stopped.add(choice.solution_id)
                else:
                    last[choice.solution_id] = choice.part
        spent = 0
        choices: list[Choice] = []
        heard = RowsHeard(self._run, self._witnesses, self._asked, pilot)
        free = [name for name in self._witnesses if name not in self._asked]

        def still_open() -> Iterator[Annotated]:
            nonlocal spent
            for solution in self._decided():
                if solution.id in stopped and budget is None:
                    continue
                item = Annotated(solution, heard.of(solution.id), None)
                spent += tokens_of(item.verdicts)
                part = last.get(solution.id)
                waits = part is not None and not heard.has(part, solution.id)
                waits = waits or any(name not in item.verdicts for name in free)
                if solution.id not in stopped and not waits:
                    yield item

        for items in chunked(still_open(), AT_ONCE):
            if cascade.facts.learned.identified:
                whole = {item.solution.id: heard.whole(item.solution.id) for item in items}
                choices += cascade.choose(items, whole)
            else:
                choices += [Choice(i.solution.id, None, UNIDENTIFIED, 0.0) for i in items]
        return within(choices, None if budget is None else budget - spent)

    async def _ask(self, store: Store, fingerprint: str) -> None:
        """Ask what a round says, each model's parts after one another."""
        wanted: dict[str, set[str]] = {}
        for choice in store.read(Choice):
            if choice.part is not None:
                wanted.setdefault(choice.part, set()).add(choice.solution_id)

        def by_role(part: str) -> tuple[str, str]:
            return self._asked[part.removesuffix(FIRST)].role or "", part

        for part in sorted(wanted, key=by_role):
            annotator = self._asked[part.removesuffix(FIRST)]

            def solutions(
                columns: Collection[str] | None = None, of: Set[str] = wanted[part]
            ) -> Iterator[Solution]:
                return (s for s in self._crew.chosen(columns) if s.id in of)

            stage = self._crew.stage_of(
                _part(annotator, part),
                solutions,
                self._run.asked(part),
                told=self._told(annotator, fingerprint),
            )
            await self._crew.run(stage)

    def _told(self, annotator: Annotator, fingerprint: str) -> Told:
        """What was said before this round: a solution is asked one thing in a round."""
        names = hints_of(annotator)
        said = {
            name: chained.from_iterable(
                store.read(Verdict) for store in stores_of(self._run, name, name in self._asked)
            )
            for name in names
        }
        return Told.so_far(said, fingerprint)

    def _gather(self, fingerprint: str, pilot: Set[str]) -> None:
        """The latest verdict of each witness on each solution, where the rest of the run looks for them."""
        heard = RowsHeard(self._run, list(self._asked), self._asked, pilot)
        for name in self._asked:
            sources = [
                sorted(part.sha256 for part in store.parts())
                for store in stores_of(self._run, name, True)
            ]
            found = (heard.one(name, solution.id) for solution in self._decided())
            rows = (verdict for verdict in found if verdict is not None)
            self._run.verdicts(name).replace_all(content_hash(fingerprint, sources), rows, Verdict)


def _part(annotator: Annotator, part: str) -> Annotator:
    if isinstance(annotator, VotingAnnotator) and annotator.votes_apart > 1:
        return annotator.apart(first_only=part.endswith(FIRST))
    return annotator


def unheard(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    witnesses: Sequence[str],
    vetoes: Sequence[str],
) -> Label:
    """A rule for a cascade whose pilot was not paid for, so that nothing is known of its witnesses."""
    return set_aside(solution, verdicts, "the cascade's pilot was not paid for")
