"""One run of several: every solution once, its label where the runs that have it don't contradict each other.

A solution is the same where problem and steps are. It is taken, with its verdicts, from the first run that
labels it (else from the first that has it); where runs name different first errors, or one calls its answer
right and another wrong, it is set aside, and the reason says what each said. That one run left it undecided
is no contradiction, but counted and told. Solutions that one run holds twice stay twice: `dataset.select` is
for those.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.config.run import NAME
from pipeline.consensus.labels import set_aside
from pipeline.dataset import sums_of, write_dataset
from pipeline.errors import ConfigError, RunError
from pipeline.evaluate.cases import Case
from pipeline.files import disk_told, read_json, write_json, write_text
from pipeline.join import Annotated, Join, annotated
from pipeline.keep.merged_facts import merged_facts, merged_summary
from pipeline.keep.same_text import Text, disagree, is_filled, reason_of, run_of, texts_of
from pipeline.keep.standing import content_of
from pipeline.lock import locked
from pipeline.records import Label, Solution, Verdict, content_hash
from pipeline.replaced import replaced
from pipeline.report import write_report
from pipeline.review.witness import REVIEW
from pipeline.run_folder import FORMAT, RunFolder, git_commit, now, versions
from pipeline.shards import chunked
from pipeline.summary import Summary, to_json

VERSION = 1
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Merged:
    """`shared`: different texts (problem and steps) that several runs have; `conflicts`: those of them that
    were set aside because the runs disagree; `filled`: those that one run labels and another has without a
    label."""

    summary: Summary
    shared: int
    conflicts: int
    filled: int


def merge(runs: Sequence[RunFolder], folder: Path, refuse: bool = False) -> Merged:
    """Write the merged run to `folder`; a kill leaves one that the same call makes anew.

    `refuse`: raise RunError at the first contradiction instead of setting the solution aside. Raises RunError
    where a run is not finished, or not whole, or `folder` holds another, ConfigError where its name is none,
    and InUseError where a process works on one.
    """
    names = _names(runs, folder)
    if not re.match(NAME, folder.name):
        raise ConfigError(
            f"merge: {folder.name!r} is no name of a run; it is of letters, digits, . _ -, and begins with "
            "one of the first two"
        )
    _check_place(folder)
    with ExitStack() as stack:
        for run in (RunFolder(folder), *runs):
            stack.enter_context(locked(run.folder))
        stack.enter_context(disk_told(folder))
        _check_place(folder)  # now that nobody else writes there
        for run in runs:
            _check_finished(run)
        configs = [RunConfig.load(run.folder / "config.yaml") for run in runs]
        for run, one in zip(runs, configs, strict=True):
            run.check_whole(one.annotators)
        texts = texts_of(runs, names, refuse)
        config = _config(configs, folder)
        merged = _begin(runs, names, config, folder)
        counts = _rows(runs, names, configs, texts, merged)
        summary = merged_summary(runs, config, merged)
        several = [text for text in texts.values() if len({said.run for said in text}) > 1]
        conflicts = sum(map(disagree, several))
        filled = sum(is_filled(text) and not disagree(text) for text in several)
        facts = merged_facts(names, configs, config, merged, summary, counts)
        facts = replace(facts, filled=filled)
        made = write_dataset(
            Join(merged).batches,
            merged.dataset,
            config.dataset,
            facts,
        )
        write_json(merged.dataset_mark, {"files": sums_of(made)})
        summary = replace(summary, not_selected=dict(made.left_out))
        write_json(merged.folder / "summary.json", to_json(summary))
        write_report(config, merged, merged.report, merged.annotators())
        merged.end("finished")
    return Merged(summary, len(several), conflicts, filled)


def _names(runs: Sequence[RunFolder], folder: Path) -> list[str]:
    places = [run.folder.resolve() for run in runs]
    if len(runs) < 2 or len(set(places)) < len(runs) or folder.resolve() in places:
        raise RunError(
            "merge: name two runs or more, each once, and another folder for what they make"
        )
    names = [place.name for place in places]
    if len(set(names)) == len(names):
        return names
    return [f"{number}-{name}" for number, name in enumerate(names, 1)]  # as in merged/


def _check_place(folder: Path) -> None:
    """Raises RunError where a merged run would take the place of something else."""
    before = read_json(folder / "run.json")
    if before is not None and "merged" not in before:
        raise RunError(f"{folder}: holds a run; give the merged one another name")
    if before is None and folder.exists():
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        if others:
            raise RunError(
                f"{folder}: holds {others[0]!r}, which is of no merged run; name a folder that "
                "isn't there yet"
            )


def _check_finished(run: RunFolder) -> None:
    info = run.info
    if (its := info.get("format")) != FORMAT:
        raise RunError(
            f"{run.folder}: made by a version with run format {its}, this one has {FORMAT}; run it again "
            "with this version, under another name"
        )
    if info["state"] != "finished":
        raise RunError(
            f"{run.folder}: is not finished; the same `steplabel run` command continues it"
        )


def _config(configs: Sequence[RunConfig], folder: Path) -> RunConfig:
    """The first one's, with every annotator and engine there is."""
    first = configs[0]
    engines = {role: one for config in reversed(configs) for role, one in config.engines.items()}
    annotators = {name: one for c in reversed(configs) for name, one in c.annotators.items()}
    same_oracle = len({config.oracle for config in configs}) == 1
    changes = {
        "name": folder.name,
        "runs_dir": str(folder.parent),
        "remote": None,
        "engines": engines,
        "annotators": annotators,
        "oracle": first.oracle if same_oracle else None,
    }
    raw = first.model_copy(update=changes).model_dump(mode="json")
    return RunConfig.check(raw, f"merged run {folder}")


def _begin(
    runs: Sequence[RunFolder], names: Sequence[str], config: RunConfig, folder: Path
) -> RunFolder:
    merged = RunFolder(folder)
    write_json(
        folder / "run.json",
        {
            "format": FORMAT,
            "name": config.name,
            "state": "running",
            "attempt": 1,
            "seed": config.seed,
            "config_fingerprint": config.fingerprint,
            "input_fingerprint": content_hash(*(run.info["input_fingerprint"] for run in runs)),
            "git_commit": git_commit(),
            "sandbox": None,
            "versions": versions(),
            "machine": runs[0].info.get("machine", {}),
            "first_started": now(),
            "started": now(),
            "finished": None,
            "merged": list(names),
        },
    )
    write_text(folder / "config.yaml", config.to_yaml())
    for name in ("merged", "solutions", "verdicts", "labels"):  # of an earlier merge
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
    for number, run in enumerate(runs):
        text = (run.folder / "config.yaml").read_text(encoding="utf-8")
        place = folder / "merged" / f"{number + 1}-{run.folder.resolve().name}.yaml"
        write_text(place, text)
    return merged


def _rows(
    runs: Sequence[RunFolder],
    names: Sequence[str],
    configs: Sequence[RunConfig],
    texts: Mapping[bytes, Text],
    merged: RunFolder,
) -> list[tuple[int, int]]:
    """Write solutions, verdicts and labels. Of each run how many solutions were taken, and labels."""
    annotators = {name for config in configs for name in config.annotators}
    annotators |= {REVIEW for run in runs if run.verdicts(REVIEW).parts()}
    made_by = content_hash(
        VERSION, [[_parts(run), name] for run, name in zip(runs, names, strict=True)]
    )
    counts = [(0, 0)] * len(runs)
    for store in (merged.solutions, merged.labels, *map(merged.verdicts, annotators)):
        store.open(made_by)
    for number, run in enumerate(runs):
        taken = _taken(run, configs[number], number, names, texts)
        for items in chunked(taken, _AT_ONCE):
            labels = [item.label for item in items if item.label is not None]
            merged.solutions.write([item.solution for item in items], Solution)
            merged.labels.write(labels, Label)
            for name in {name for item in items for name in item.verdicts}:
                found = [item.verdicts[name] for item in items if name in item.verdicts]
                merged.verdicts(name).write(found, Verdict)
            solutions, kept = counts[number]
            counts[number] = solutions + len(items), kept + sum(one.kept for one in labels)
    return counts


def _parts(run: RunFolder) -> list[list[str]]:
    stores = [run.solutions, run.labels, *map(run.verdicts, run.annotators())]
    return [sorted(part.sha256 for part in store.parts()) for store in stores]


def _taken(
    run: RunFolder,
    config: RunConfig,
    number: int,
    names: Sequence[str],
    texts: Mapping[bytes, Text],
) -> Iterator[Annotated]:
    """Of a run the solutions that are taken from it, with what the merged run says of them."""
    gone = replaced(run)
    for item in annotated(run, (*config.annotators, REVIEW)):
        s = item.solution
        if s.id in gone:
            continue
        text = texts[content_of(Case(s.id, s.question, s.steps)) or s.id.encode()]
        if run_of(text) != number:
            continue
        label = item.label
        if label is not None and disagree(text):
            label = set_aside(s, item.verdicts, reason_of(text, names))
        yield Annotated(replace(s, run=s.run or names[number]), item.verdicts, label)
