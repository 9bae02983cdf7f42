"""The annotation of a run's solutions: which annotator is asked of which, when, and what it works with."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial

from pipeline.annotator import Annotator, LearningAnnotator, Tools, hints_of
from pipeline.calibration import Calibration
from pipeline.cascade.crew import Crew
from pipeline.cascade.run import CascadeRun, unheard
from pipeline.config import RunConfig
from pipeline.consensus import LearningRule, Rule
from pipeline.consensus.posterior import PosteriorRule
from pipeline.engine.protocol import Engine, Sampling
from pipeline.engine.room import EngineRoom
from pipeline.errors import BudgetSpentError
from pipeline.grading import Grader
from pipeline.parts import Parts
from pipeline.pass_rates import PassRates
from pipeline.progress import Progress
from pipeline.records import Outcome, Solution, content_hash
from pipeline.run_folder import RunFolder
from pipeline.search import Known
from pipeline.shards import Store
from pipeline.stages import AnnotateStage, Solutions, key_of
from pipeline.stages.work import StageWork
from pipeline.told import Told


@dataclass(frozen=True)
class Annotation:
    """`left_out`: keys of problems whose solutions are not annotated."""

    config: RunConfig
    run_folder: RunFolder
    parts: Parts
    room: EngineRoom
    work: StageWork
    grader: Grader
    progress: Progress
    rates: PassRates
    left_out: Set[str]

    async def run(self) -> Rule | LearningRule:
        """Ask every annotator; the rule that their verdicts are fused by."""
        await self._each()
        rule = self.parts.rule
        if self.parts.cascaded:
            try:
                await self._cascade()
                return rule
            except BudgetSpentError:
                for annotator in self.parts.cascaded:
                    self._unasked(annotator)
                rule = unheard
        self.run_folder.chain.unlink(missing_ok=True)  # what was asked before counts no more
        return rule

    async def _each(self) -> None:
        """The annotators that aren't asked by a cascade. Those that need no engine work beside those that do,
        so that no engine waits for them; but one that hints at another goes before it."""
        heard = {name for one in self.parts.order for name in hints_of(one)}
        order = [one for one in self.parts.order if one not in self.parts.cascaded]
        free = [
            one for one in order if one.role is None and not hints_of(one) and one.name not in heard
        ]
        asking = [one for one in order if one not in free]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._one_by_one(free))
                group.create_task(self._one_by_one(asking))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _one_by_one(self, annotators: Sequence[Annotator]) -> None:
        for annotator in annotators:
            if isinstance(annotator, LearningAnnotator) and annotator.pilot_size:
                try:
                    annotator = await self._calibration().of(annotator)
                except BudgetSpentError:
                    self._unasked(annotator)
                    continue
            store = self.run_folder.verdicts(annotator.name)
            await self.work.run(self._stage(annotator, self._chosen, store))

    async def _cascade(self) -> None:
        """Witnesses that are asked one after another (`pipeline.cascade`)."""
        rule = self.parts.rule
        assert isinstance(rule, PosteriorRule)
        crew = Crew(
            self._stage,
            self.work.run,
            self._calibration().of,
            self._chosen,
            self.work.faults,
            self.work.unpaid,
            self.progress.stages,
        )
        cascaded = self.parts.cascaded
        await CascadeRun(self.config, self.run_folder, rule, cascaded, self.left_out, crew).run()

    def _calibration(self) -> Calibration:
        def tools_of(annotator: Annotator) -> Tools:
            return self._tools(self._engine_of(annotator), self._told(annotator), None)

        return Calibration(
            self.config, self.run_folder, self.work, self._stage, tools_of, self._chosen
        )

    def _stage(
        self,
        annotator: Annotator,
        solutions: Solutions,
        store: Store,
        name: str | None = None,
        *,
        told: Told | None = None,
    ) -> AnnotateStage:
        fingerprint = self._engine_of(annotator)
        told = told or self._told(annotator)
        return AnnotateStage(
            self.config,
            annotator,
            solutions,
            partial(self._tools, fingerprint, told),
            fingerprint,
            self.parts.prompt,
            store,
            name,
            told.fingerprint,
        )

    def _engine_of(self, annotator: Annotator) -> str:
        """The fingerprint of the engine that it asks; empty where it asks none."""
        return self.room.fingerprint(annotator.role) if annotator.role else ""

    def _told(self, annotator: Annotator) -> Told:
        names = hints_of(annotator)
        run, cascaded = self.run_folder, {one.name for one in self.parts.cascaded}
        return Told.by(
            {name: run.panel(name) if name in cascaded else run.verdicts(name) for name in names}
        )

    def _tools(self, fingerprint: str, told: Told, engine: Engine | None) -> Tools:
        """What an annotator whose engine has this fingerprint works with."""
        generated = self.config.generate.sampling.sampling()

        def known(solution: Solution, sampling: Sampling) -> Known:
            hints = told(solution)
            if solution.generator != fingerprint or not sampling.is_like(generated):
                return Known(hints=hints)  # another model's chances
            return Known(self.rates.siblings(solution), solution.known, hints)

        return Tools(engine, self.grader, self.parts.prompt, known, self.grader.sandbox)

    def _unasked(self, annotator: Annotator) -> None:
        """Its pilot was not paid for: it is asked of no solution, and what it said before, under another
        configuration maybe, doesn't count."""
        store = self.run_folder.verdicts(annotator.name)
        store.open(content_hash("unasked", annotator.fingerprint))
        self.work.unpaid |= {s.id for s in self._chosen() if s.outcome is not Outcome.UNDECIDED}

    def _chosen(self, columns: Collection[str] | None = None) -> Iterator[Solution]:
        for solution in self.run_folder.solutions.read(Solution, columns):
            if key_of(solution) not in self.left_out:
                yield solution
