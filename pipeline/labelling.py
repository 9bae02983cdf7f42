"""The last stage but one: the verdicts of a run, fused into labels. Derived from the rows alone, so it is
done anew when any of them is, and samples nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from heapq import nsmallest
from typing import Any

from pipeline.config import RunConfig
from pipeline.consensus import LearningRule, Rule
from pipeline.files import read_json, write_json
from pipeline.join import Annotated, annotated
from pipeline.records import Label, Outcome, Solution, content_hash
from pipeline.run_folder import RunFolder
from pipeline.stages import problem_key

CONSENSUS_VERSION = 4


def label_run(
    config: RunConfig,
    run: RunFolder,
    names: Sequence[str],
    rule: Rule | LearningRule,
    left_out: Set[str],
    on_row: Callable[[], None],
) -> None:
    """Write the labels of the run's solutions, by the verdicts of the annotators `names`. Problems that
    are `left_out` (by key) get none."""
    sources = [run.solutions, *(run.verdicts(name) for name in names)]
    parts = [sorted(part.sha256 for part in store.parts()) for store in sources]
    consensus = config.consensus
    facts = learned(config, run, names, rule, left_out) if isinstance(rule, LearningRule) else None
    fuse = rule.knowing(facts) if isinstance(rule, LearningRule) and facts is not None else rule
    assert not isinstance(fuse, LearningRule)
    fingerprint = content_hash(
        CONSENSUS_VERSION, consensus.fingerprint, sorted(left_out), parts, *filter(None, [facts])
    )

    def labels() -> Iterator[Label]:
        for item in annotated(run, names, labels=False):
            s = item.solution
            on_row()
            if _key(s) in left_out:
                continue
            if s.outcome is Outcome.UNDECIDED:
                reason = f"outcome undecided: {s.outcome_reason}"
                yield Label(s.id, None, (None,) * len(s.steps), reason=reason)
            else:
                yield fuse(s, item.verdicts, consensus.witnesses, consensus.vetoes)

    run.labels.replace_all(fingerprint, labels(), Label)


def learned(
    config: RunConfig,
    run: RunFolder,
    names: Sequence[str],
    rule: LearningRule,
    left_out: Set[str],
) -> dict[str, Any]:
    """What a rule learns from a pilot chosen by content: learned once, then read from its file. Only a
    pilot that had too few to choose from is chosen anew."""
    witnesses = config.consensus.witnesses

    def usable() -> Iterator[Annotated]:
        for item in annotated(run, names, labels=False):
            heard = all(name in item.verdicts for name in witnesses)
            decided = item.solution.outcome is not Outcome.UNDECIDED
            if heard and decided and _key(item.solution) not in left_out:
                yield item

    ids = nsmallest(
        rule.pilot_size,
        (item.solution.id for item in usable()),
        key=lambda solution_id: content_hash("pilot", solution_id),
    )
    sources = [run.solutions, *(run.verdicts(name) for name in witnesses)]
    made_by = content_hash(
        rule.version,
        config.consensus.fingerprint,
        config.filter.fingerprint,
        [store.fingerprint for store in sources],
        ids if len(ids) < rule.pilot_size else "whole",
    )
    frozen = read_json(run.learned("consensus")) or {}
    if frozen.get("made_by") != made_by:
        chosen = frozenset(ids)
        pilot = [item for item in usable() if item.solution.id in chosen]
        pilot.sort(key=lambda item: item.solution.id)
        facts = rule.learn(pilot, witnesses)
        frozen = {"made_by": made_by, "solutions": len(pilot), "facts": facts}
        write_json(run.learned("consensus"), frozen)
    facts = frozen["facts"]
    assert isinstance(facts, dict)
    return facts


def _key(solution: Solution) -> str:
    return problem_key(solution.problem_id, solution.question, solution.gold)
