"""What an annotator learns before it looks at the rest: who teaches it, in which rounds, and what is kept.

The solutions are chosen by content hash. The first are a pilot; the others are annotated by what the pilot
taught, so that more is learned of them for no more than they cost in any case. What was learned is frozen in
`calibrate/<annotator>/learned.json`: every verdict rests on the same facts, whatever order shards end in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import dataclass
from heapq import nsmallest

from pipeline.annotator import Annotator, LearningAnnotator, Tools
from pipeline.config import RunConfig
from pipeline.errors import BudgetSpentError, EngineFaultError
from pipeline.files import read_json, write_json
from pipeline.records import Outcome, Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
from pipeline.shards import Store
from pipeline.stages import NAMED, AnnotateStage, Solutions
from pipeline.stages.work import StageWork

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """How a run's annotators learn. `stage_of`: of an annotator, some solutions, a store and a name;
    `tools_of`: what an annotator learns with, without an engine; `chosen`: the run's solutions."""

    config: RunConfig
    run: RunFolder
    work: StageWork
    stage_of: Callable[[Annotator, Solutions, Store, str], AnnotateStage]
    tools_of: Callable[[Annotator], Tools]
    chosen: Solutions

    async def of(self, annotator: LearningAnnotator, among: Set[str] | None = None) -> Annotator:
        """The annotator with what it learned from some of all solutions or of `among` some: learned once,
        then read from its file. A batch that grows keeps it; only a pilot that had too few to choose from
        is chosen anew. Raises EngineFaultError where some of the pilot failed, BudgetSpentError where it is
        not paid for; where that is so of the others, the pilot alone teaches until they are heard."""
        path, size = self.run.learned(annotator.name), annotator.pilot_size
        ids = nsmallest(
            annotator.teaching,
            (
                s.id
                for s in self.chosen(NAMED)
                if s.outcome is not Outcome.UNDECIDED and (among is None or s.id in among)
            ),
            key=lambda solution_id: content_hash("pilot", solution_id),
        )
        pilot, others = ids[:size], ids[size:]
        made_by = content_hash(
            self._stage(annotator.pilot(), annotator.name, pilot).fingerprint,
            self.run.solutions.fingerprint,
            self.config.filter.fingerprint,
            ids if len(ids) < size else "whole",
        )
        frozen = read_json(path) or {}
        if frozen.get("made_by") != made_by:
            tools = self.tools_of(annotator)
            rows, missing = await self._taught(annotator.pilot(), annotator.name, pilot)
            if missing is not None:
                raise missing
            facts = await asyncio.to_thread(annotator.learn, rows, tools)
            if others:
                taught = annotator.knowing(facts)
                more, missing = await self._taught(taught, annotator.name, others)
                if missing is not None:  # what is kept must not depend on which
                    log.warning(
                        "%s: %s; for now it goes by its pilot alone", annotator.name, missing
                    )
                    return taught
                rows += more
                facts = await asyncio.to_thread(annotator.learn, rows, tools)
            told = {"pilot": len(pilot), "solutions": len(rows)}
            frozen = {"made_by": made_by, **told, "facts": facts}
            write_json(path, frozen)
        return annotator.knowing(frozen["facts"])

    def _stage(self, asked: Annotator, name: str, ids: Collection[str]) -> AnnotateStage:
        wanted = frozenset(ids)

        def solutions(columns: Collection[str] | None = None) -> Iterator[Solution]:
            return (s for s in self.chosen(columns) if s.id in wanted)

        return self.stage_of(asked, solutions, self.run.pilot(name), f"calibrate {name}")

    async def _taught(
        self, asked: Annotator, name: str, ids: Collection[str]
    ) -> tuple[list[tuple[Solution, Verdict]], EngineFaultError | None]:
        """These solutions with what was found of them, by id; and why some are missing, where they are."""
        stage, wanted = self._stage(asked, name, ids), frozenset(ids)
        failed = self.work.faults[stage.name]
        await self.work.run(stage)
        missing: EngineFaultError | None = None
        if failed := self.work.faults[stage.name] - failed:
            missing = EngineFaultError(
                f"{stage.name}: {failed} of {len(ids)} solutions failed, and what is learned must not "
                "depend on which; run the same command again"
            )
        elif unpaid := wanted & self.work.unpaid:
            told = f"{len(unpaid)} of {len(ids)} solutions were not paid for"
            missing = BudgetSpentError(f"{stage.name}: {told}")
        verdicts = {verdict.solution_id: verdict for verdict in stage.store.read(Verdict)}
        rows = [(s, verdicts[s.id]) for s in self.chosen() if s.id in wanted and s.id in verdicts]
        return sorted(rows, key=lambda row: row[0].id), missing
