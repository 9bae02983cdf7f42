"""The last stage but one: the verdicts of a run, fused into labels. Derived from the rows alone, so it is
done anew when any of them is, and samples nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, replace
from heapq import nsmallest
from typing import Any

from pipeline.cascade.rounds import stopped_by
from pipeline.config import RunConfig
from pipeline.consensus import LearningRule, Rule, each
from pipeline.consensus.cascade import BUDGET
from pipeline.consensus.labels import label_of
from pipeline.consensus.posterior import PosteriorRule, learned_of
from pipeline.consensus.replay import as_asked
from pipeline.errors import InputError
from pipeline.evaluate.cases import Case, Columns
from pipeline.evaluate.conventions import convention
from pipeline.evaluate.gold import Known, read_gold
from pipeline.files import read_json, write_json
from pipeline.join import Annotated, RowIndex, annotated
from pipeline.records import Label, Outcome, Solution, Verdict, content_hash
from pipeline.review.witness import REVIEW, Agreed, taken
from pipeline.run_folder import RunFolder
from pipeline.shards import chunked
from pipeline.stages import KEY_COLUMNS, key_of, key_of_row

CONSENSUS_VERSION = 5
AT_ONCE = 1024
"""Solutions fused together: in memory at a time."""


def label_run(
    config: RunConfig,
    run: RunFolder,
    names: Sequence[str],
    rule: Rule | LearningRule,
    left_out: Set[str],
    on_row: Callable[[], None],
) -> tuple[str, ...]:
    """Write the labels of the run's solutions, by the verdicts of the annotators `names`, and by what people
    decided. Problems that are `left_out` (by key) get none. Returns what the rule has learned, in lines for
    people. Raises InputError where gold is named and none of it is of here."""
    reviewed = taken(run, config.consensus.reviews)
    if reviewed is not None:
        names = (*names, REVIEW)
    sources = [run.solutions, *(run.verdicts(name) for name in names)]
    parts = [sorted(part.sha256 for part in store.parts()) for store in sources]
    consensus = config.consensus
    if isinstance(rule, LearningRule):
        facts = [learned(config, run, rule, left_out, reviewed or {})]
        fuse, about = rule.knowing(facts[0]), rule.about(facts[0])
    else:
        facts, fuse, about = [], each(rule), ()
    unpaid = stopped_by(run, BUDGET) if config.cascade is not None else frozenset()
    unpaid |= frozenset(read_json(run.unpaid) or ())
    fingerprint = content_hash(
        CONSENSUS_VERSION,
        consensus.fingerprint,
        sorted(left_out),
        parts,
        *facts,
        *([sorted(unpaid)] if unpaid else []),
    )

    def chosen() -> Iterator[Annotated]:
        for item in annotated(run, names, labels=False):
            on_row()
            if key_of(item.solution) not in left_out:
                yield item

    def labels() -> Iterator[Label]:
        for items in chunked(chosen(), AT_ONCE):
            decided = [i for i in items if i.solution.outcome is not Outcome.UNDECIDED]
            fused = iter(fuse(decided, consensus.witnesses, consensus.vetoes))
            for item in items:
                s = item.solution
                if s.outcome is Outcome.UNDECIDED:
                    reason = f"outcome undecided: {s.outcome_reason}"
                    yield Label(s.id, None, (None,) * len(s.steps), reason=reason)
                else:
                    yield by_people(item, _stopped(next(fused), unpaid))

    run.labels.replace_all(fingerprint, labels(), Label)
    people = (
        (f"people decided {len(reviewed)} solution{'s' * (len(reviewed) > 1)}",) if reviewed else ()
    )
    return (*about, *people)


def _stopped(label: Label, unpaid: Set[str]) -> Label:
    """Say of a solution that is set aside that the budget didn't pay for more witnesses."""
    if label.first_error is not None or label.solution_id not in unpaid:
        return label
    return replace(label, reason=f"{BUDGET}: {label.reason}")


def by_people(item: Annotated, label: Label) -> Label:
    """The label that reviewers agree on, whatever the rule and its vetoes say; else the rule's."""
    verdict = item.verdicts.get(REVIEW)
    if verdict is None or verdict.first_error is None:
        return label
    same = [name for name, one in item.verdicts.items() if one.first_error == verdict.first_error]
    agreed = [REVIEW, *(name for name in same if name != REVIEW)]
    return label_of(item.solution, item.verdicts, verdict.first_error, agreed)


def learned(
    config: RunConfig,
    run: RunFolder,
    rule: LearningRule,
    left_out: Set[str],
    reviewed: Mapping[str, Agreed],
) -> dict[str, Any]:
    """What a rule learns from a pilot chosen by content, and from the solutions whose first error is
    known: learned once, then read from its file. Only a pilot that had too few to choose from, lacked some
    for a fault that are there now, or of which some have left the run, is chosen anew, and what other gold
    teaches is learned anew. Where gold and people differ, people are believed: they saw this very solution.
    """
    witnesses = config.consensus.witnesses
    if config.cascade is None:
        hearable = frozenset(heard_by_all(run, witnesses, left_out))
        ids, gold = pilot_of(config, run, hearable, rule.pilot_size)
        enough = len(ids) >= rule.pilot_size
        unheard = frozenset(first_of(rule.pilot_size, usable_of(run, left_out))) - hearable
        sources = [store.fingerprint for store in (run.solutions, *map(run.verdicts, witnesses))]
    else:  # what was asked of other solutions depends on what was said of them
        ids = (read_json(run.cascade_pilot) or {})["ids"]
        hearable = frozenset(ids)
        _, gold = pilot_of(config, run, hearable, len(ids))
        enough, unheard = False, frozenset()
        sources = [run.solutions.fingerprint, (read_json(run.chain) or {})["panel"]]
    people = {one: known for one, known in reviewed.items() if one in hearable}
    gold = {**gold, **{one: known.first_error for one, known in people.items()}}
    drawn = {one: known.drawn for one, known in people.items()}

    made_by = content_hash(
        rule.version,
        config.consensus.fingerprint,
        config.filter.fingerprint,
        sources,
        "whole" if enough else ids,
        gold,
        *([drawn] if drawn else []),
    )
    frozen = read_json(run.learned("consensus")) or {}
    # a fault, or a budget, must not choose what is learned from
    is_heard_now = not hearable.isdisjoint(frozen.get("unheard", ()))
    have_left = not hearable.issuperset(frozen.get("pilot", ()))
    if frozen.get("made_by") != made_by or is_heard_now or have_left:
        wanted = frozenset(ids) | gold.keys()
        pilot = [i for i in annotated(run, witnesses, labels=False) if i.solution.id in wanted]
        pilot.sort(key=lambda item: item.solution.id)
        facts = rule.learn(pilot, witnesses, gold, drawn)
        if config.cascade is not None and isinstance(rule, PosteriorRule):
            truth = [gold.get(item.solution.id) for item in pilot]
            of_all, precision = learned_of(facts), config.consensus.precision
            facts = asdict(as_asked(of_all, pilot, truth, witnesses, config.cascade, precision))
        frozen = {"made_by": made_by, "solutions": len(pilot), "gold": len(gold), "facts": facts}
        frozen |= {"pilot": sorted(ids), "unheard": sorted(unheard)}
        write_json(run.learned("consensus"), frozen)
    facts = frozen["facts"]
    assert isinstance(facts, dict)
    return facts


def pilot_of(
    config: RunConfig, run: RunFolder, usable: Set[str], size: int
) -> tuple[list[str], Mapping[str, int]]:
    """Ids of the pilot's solutions, chosen by content, and the first errors that gold says of others or of
    those. Raises InputError where gold is named and none of it is of here."""
    ids = first_of(size, usable)
    gold = known_of(config.consensus.gold, run, usable) if config.consensus.gold else {}
    return ids, gold


def first_of(size: int, usable: Set[str]) -> list[str]:
    """So many of these solutions, in an order of their content."""
    return nsmallest(size, usable, key=lambda one: content_hash("pilot", one))


def usable_of(run: RunFolder, left_out: Set[str]) -> frozenset[str]:
    """Ids of the solutions with a decided outcome whose problems aren't left out."""
    return frozenset(heard_by_all(run, (), left_out))


def heard_by_all(run: RunFolder, witnesses: Sequence[str], left_out: Set[str]) -> Iterator[str]:
    """Ids of the solutions with a decided outcome of which every witness has a verdict."""
    heard = [RowIndex(run.verdicts(name), Verdict) for name in witnesses]
    for row in run.solutions.rows(["id", "outcome", *KEY_COLUMNS]):
        decided = row["outcome"] != Outcome.UNDECIDED and key_of_row(row) not in left_out
        if decided and all(str(row["id"]) in index for index in heard):
            yield str(row["id"])


def known_of(path: str, run: RunFolder, usable: Set[str]) -> Mapping[str, int]:
    """First errors that the rows of a file say of the `usable` solutions, by id. Raises InputError where
    they say none."""
    rows = read_gold(path, convention("processbench"), Columns())
    known = {}
    for solution in run.solutions.read(Solution):
        case = Case(solution.id, solution.question, solution.steps)
        found = rows.find(case, None) if solution.id in usable else None
        if isinstance(found, Known):
            known[solution.id] = found.first_error
    if not known:
        raise InputError(
            f"consensus.gold: none of the {len(rows.rows)} rows of {path} is of this run's solutions; "
            "they are matched by id, else by problem and steps"
        )
    return known
