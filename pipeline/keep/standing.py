"""What a run, or a dataset that a run wrote, says of each solution, without its texts.

About 600 bytes a solution with three witnesses: batches of a million fit where their texts would not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from pipeline.config import RunConfig
from pipeline.evaluate.cases import Case, Columns
from pipeline.evaluate.conventions import convention
from pipeline.evaluate.said import Answer, Spoken, dataset_files, of_file
from pipeline.files import read_json
from pipeline.inputs.rejected import Rejected
from pipeline.replaced import replaced
from pipeline.run_folder import RunFolder
from pipeline.shards import Store

NO_LABEL = "no label: filtered, or not labelled yet"
_SOLUTION = ("id", "question", "steps", "outcome")
_VERDICT = (
    "solution_id",
    "first_error",
    "confidence",
    "log_likelihood",
    "probes",
    "votes",
    "checks",
    "scores",
)


class Heard(NamedTuple):
    """What one witness said: the step it names (None: undecided), and a number that is another one where
    it saw anything else (None: not known). The number is of this process alone."""

    first_error: int | None
    evidence: int | None = None


class Standing(NamedTuple):
    """How one solution stands. `content`: key of problem and steps, None where a text is missing.
    `label`: its first error; None where it is set aside, and `reason` says why."""

    content: bytes | None
    outcome: str | None
    label: int | None
    confidence: float | None
    reason: str | None
    heard: Mapping[str, Heard]


@dataclass(frozen=True)
class Side:
    """One of those that are compared. `rows` can be read once: (id, how it stands). `config` is flat
    (`a.b.c` -> value), empty where none is known; `counting`: the annotators it counts, None all;
    `learned`: what its consensus learned, in lines."""

    name: str
    rows: Iterator[tuple[str, Standing]]
    config: Mapping[str, Any] = field(default_factory=dict)
    counting: frozenset[str] | None = None
    learned: tuple[str, ...] = ()


def side_of_run(run: RunFolder, before: bool = False) -> Side:
    """`before`: with the labels and rules that it had before it was last relabelled."""
    kept = RunFolder(run.before) if before else run
    config = RunConfig.load(kept.folder / "config.yaml")
    summary = read_json(kept.folder / "summary.json") or {}
    consensus = config.consensus
    name = f"{run.folder} before it was relabelled" if before else str(run.folder)
    return Side(
        name,
        rows_of_run(run, kept.labels),
        flat(config.model_dump(mode="json", exclude={"name", "runs_dir", "remote", "deploy"})),
        frozenset((*consensus.witnesses, *consensus.vetoes)),
        tuple(map(str, summary.get("learned", ()))),
    )


def side_of_file(path: Path, reject: Callable[[Rejected], None]) -> Side:
    """A dataset's folder, its view `evidence`, or any file in ProcessBench's form. What it was made by is
    not known. Bad rows go to `reject`."""
    place, counted = dataset_files(path), convention("processbench")
    spoken = of_file(str(place), counted, Columns.of([], counted, ""), reject)
    rows = (
        (one.case.id or f"{one.case.name} ({number})", _of_spoken(one))
        for number, one in enumerate(spoken)
    )
    return Side(str(path), rows)


def rows_of_run(
    run: RunFolder, labels: Store | None = None, *, heard: bool = True
) -> Iterator[tuple[str, Standing]]:
    """Every solution of a run once, in the order of its parts; those of problems that were replaced aside.
    `labels`: others than its own; without `heard` no verdict is read."""
    label_of = {
        row["solution_id"]: (row["first_error"], row["confidence"], _shared(row["reason"]))
        for row in (labels or run.labels).rows(
            ["solution_id", "first_error", "confidence", "reason"]
        )
    }
    names = run.annotators() if heard else []
    verdicts = {intern(name): _verdicts(run.verdicts(name)) for name in names}
    seen = set(replaced(run))
    for row in run.solutions.rows(_SOLUTION):
        key = str(row["id"])
        if key in seen:
            continue
        seen.add(key)
        label, confidence, reason = label_of.get(key, (None, None, NO_LABEL))
        yield (
            key,
            Standing(
                content_of(Case(key, str(row["question"]), tuple(row["steps"]))),  # type: ignore[arg-type]
                _shared(row["outcome"]),
                label,  # type: ignore[arg-type]
                confidence,  # type: ignore[arg-type]
                reason,
                {name: said[key] for name, said in verdicts.items() if key in said},
            ),
        )


def _verdicts(store: Store) -> dict[str, Heard]:
    return {
        str(row["solution_id"]): Heard(row["first_error"], hash(repr(_evidence(row))))  # type: ignore[arg-type]
        for row in store.rows(_VERDICT)
    }


def _evidence(row: Mapping[str, Any]) -> tuple[object, ...]:
    """All that a rule may read of a verdict; what was written in words aside."""
    return (
        row["first_error"],
        row["confidence"],
        row["log_likelihood"],
        row["probes"],
        [vote["first_error"] for vote in row["votes"] or ()],
        [(check["step"], check["status"]) for check in row["checks"] or ()],
        row["scores"],
    )


def _of_spoken(spoken: Spoken) -> Standing:
    case, label = spoken.case, spoken.label or Answer(None)
    return Standing(
        content_of(case),
        None if case.outcome is None else case.outcome.value,
        label.first_error,
        label.confidence,
        _shared(label.reason),
        {intern(name): Heard(one.first_error) for name, one in spoken.witnesses.items()},
    )


def content_of(case: Case) -> bytes | None:
    """Key of problem and steps, blank space apart."""
    found = case.content
    return None if found is None else bytes.fromhex(found)


def _shared(text: object) -> str | None:
    """Reasons and outcomes are few: each text is in memory once."""
    return None if text is None else intern(str(text))


def flat(config: Any, under: str = "") -> dict[str, Any]:
    """Nested mappings as `a.b.c` -> value."""
    if not isinstance(config, Mapping) or (under and not config):
        return {under: config}
    found: dict[str, Any] = {}
    for key, value in config.items():
        found |= flat(value, f"{under}.{key}" if under else str(key))
    return found
