"""A cascade's pilot: a few solutions that every witness is asked of, and what they teach of each witness."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any

from pipeline.annotator import Annotator, LearningAnnotator
from pipeline.cascade.crew import Crew, asked_for
from pipeline.config import CascadeConfig, RunConfig
from pipeline.consensus.cascade import VERSION, Cascade, learn
from pipeline.consensus.expected import tokens_of
from pipeline.consensus.posterior import PosteriorRule, learned_of
from pipeline.consensus.replay import replay
from pipeline.errors import BudgetSpentError, EngineFaultError
from pipeline.files import read_json, write_json
from pipeline.join import Annotated, RowIndex
from pipeline.labelling import pilot_of, usable_of
from pipeline.records import Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
from pipeline.shards import Store

log = logging.getLogger(__name__)


class Pilot:
    """`asked`: the witnesses that the cascade asks, by name; those that learn from a pilot of their own have
    learned when this one has `taught`."""

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
        self.asked = {annotator.name: annotator for annotator in asked}
        self._config = config
        self._options: CascadeConfig = config.cascade
        self._run = run
        self._rule = rule
        self._left_out = left_out
        self._crew = crew
        self._witnesses = config.consensus.witnesses

    async def taught(self) -> dict[str, Any]:
        """What the pilot teaches: learned once, then read from its file. Raises EngineFaultError where a part
        of it failed, BudgetSpentError where it was not paid for: what is learned must not depend on which."""
        config, run = self._config, self._run
        pilot = self._chosen()
        made_by = content_hash(
            VERSION,
            self._rule.version,
            config.consensus.fingerprint,
            self._options.fingerprint,
            pilot["made_by"],
            pilot["ids"],
            await self._hear_all(frozenset(pilot["ids"])),
            [run.verdicts(one).fingerprint for one in self._witnesses if one not in self.asked],
        )
        path = run.learned("cascade")
        if (read_json(path) or {}).get("made_by") != made_by:
            found = self._learned(pilot["ids"], pilot["gold"])
            write_json(path, {"made_by": made_by, "pilot": pilot["ids"]} | found)
        return dict(read_json(path) or {})

    def _chosen(self) -> dict[str, Any]:
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
        for name, annotator in self.asked.items():
            if isinstance(annotator, LearningAnnotator) and annotator.pilot_size:
                annotator = self.asked[name] = await self._crew.calibrated(annotator, pilot)
            stage = self._crew.stage_of(
                asked_for(annotator, name), solutions, self._run.panel(name)
            )
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
        if unpriced := self.asked.keys() - facts.parts.keys():
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
        return self._run.panel(name) if name in self.asked else self._run.verdicts(name)

    def _pace(self) -> float:
        """Sampled tokens a second while the pilot was asked, loading aside."""
        stages = [self._crew.progress[name] for name in self.asked]
        seconds = sum(stage.working_seconds for stage in stages)
        tokens = sum(stage.completion_tokens for stage in stages)
        return tokens / seconds if seconds else 0.0
