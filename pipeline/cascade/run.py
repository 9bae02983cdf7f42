"""A cascade's rounds: who is asked next of each solution, until no one is worth asking."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from itertools import chain as chained
from typing import Any

from pipeline.annotator import Annotator, hints_of
from pipeline.cascade.crew import Crew, asked_for
from pipeline.cascade.pilot import Pilot
from pipeline.cascade.rounds import RowsHeard, forget_rounds_after, rounds_of, stores_of
from pipeline.config import CascadeConfig, RunConfig
from pipeline.consensus.cascade import UNIDENTIFIED, Cascade, Choice, Facts, within
from pipeline.consensus.evidence import FIRST
from pipeline.consensus.expected import RIGHT, WRONG, tokens_of
from pipeline.consensus.labels import set_aside
from pipeline.consensus.posterior import PosteriorRule
from pipeline.errors import RunError
from pipeline.files import write_json
from pipeline.join import Annotated
from pipeline.labelling import AT_ONCE
from pipeline.records import Label, Outcome, Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
from pipeline.shards import Store, chunked
from pipeline.told import Told

log = logging.getLogger(__name__)


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
        self._pilot = Pilot(config, run, rule, asked, left_out, crew)
        self._asked = self._pilot.asked
        self._crew = crew
        self._witnesses = config.consensus.witnesses

    async def run(self) -> None:
        """Raises as `Pilot.taught`."""
        frozen = await self._pilot.taught()
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
                asked_for(annotator, part),
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
                asked_for(annotator, part),
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


def unheard(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    witnesses: Sequence[str],
    vetoes: Sequence[str],
) -> Label:
    """A rule for a cascade whose pilot was not paid for, so that nothing is known of its witnesses."""
    return set_aside(solution, verdicts, "the cascade's pilot was not paid for")
