"""Labels made again from a run's stored verdicts, by other rules: nothing is sampled, and no engine is
loaded. What a run left out, and how many its inputs were, it has written down. Labels and rules as they were
are kept in `before/`, so that `steplabel diff RUN` can say what changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pipeline.annotator import Annotator
from pipeline.config import RunConfig
from pipeline.dataset.swap import new_name, put_in_place, recover
from pipeline.errors import ConfigError, RunError, StepLabelError
from pipeline.files import disk_told, read_json, write_json, write_text
from pipeline.finish import Finish
from pipeline.join import RowIndex
from pipeline.labelling import known_of, usable_of
from pipeline.lock import locked
from pipeline.parts import check_consensus
from pipeline.progress import Progress, read_progress
from pipeline.records import Label, Solution
from pipeline.run_folder import RunFolder, git_commit, now, versions
from pipeline.stages import key_of
from pipeline.summary import Summary, make_oracle, paid

CHANGEABLE = ("consensus", "dataset")


def changed(run: RunFolder, overrides: Sequence[str]) -> RunConfig:
    """The run's configuration with `consensus.x=value` on top. Raises ConfigError for any other key, and
    where nobody is left to be heard, and RunError where the folder holds no run."""
    if not (file := run.folder / "config.yaml").is_file():
        raise RunError(f"{run.folder}: holds no run; `steplabel status` lists the runs there are")
    for override in overrides:
        if (
            override.partition(".")[0].strip() not in CHANGEABLE
            or "." not in override.partition("=")[0]
        ):
            raise ConfigError(
                f"--set {override}: stored verdicts can't show it; only keys below "
                f"{' and '.join(CHANGEABLE)} can be set, such as consensus.precision=0.98"
            )
    config = RunConfig.load(file, overrides)
    if not config.consensus.witnesses:
        raise ConfigError(
            "consensus.witnesses: names none, and every label would go; name one at least of "
            f"{', '.join(run.annotators()) or 'the annotators'}"
        )
    return config


def relabel(config: RunConfig, run: RunFolder, annotators: Sequence[Annotator]) -> Summary:
    """Labels, summary and dataset anew. A kill leaves the run as one that was begun; the same call
    ends it.

    Raises RunError where the run is not finished, rows of it are gone, or another process works on it.
    """
    rule, _ = check_consensus(config, annotators)
    oracle = make_oracle(config.oracle)
    with locked(run.folder), disk_told(run.folder):
        if merged := run.info.get("merged"):
            raise RunError(
                f"{run.folder}: was merged of {', '.join(merged)}; relabel those, and merge again"
            )
        before = read_json(run.folder / "summary.json")
        if before is None or not (run.info["state"] == "finished" or "relabelled" in run.info):
            raise RunError(
                f"{run.folder}: is not finished; the same `steplabel run` command continues it"
            )
        if config.cascade is not None and not run.chain.exists():
            raise RunError(
                f"{run.folder}: its cascade's pilot was not paid for, so there is nothing to relabel "
                "by; raise budget.dollars and run the same command again"
            )
        run.check_whole(config.annotators)
        left_out = _without_label(run)
        if config.consensus.gold:  # which may be of other solutions
            known_of(config.consensus.gold, run, usable_of(run, left_out))
        was = run.info, (run.folder / "config.yaml").read_text(encoding="utf-8")
        if run.info["state"] == "finished":  # else it was begun, and what it was is kept already
            _keep_before(run)
        _begin(config, run)
        progress = Progress(run.folder / "progress.json")
        progress.stages |= read_progress(run.folder / "progress.json")
        for made_anew in ("dataset", "report"):
            progress.stages.pop(made_anew, None)
        finish = Finish(config, run, [annotator.name for annotator in annotators], progress)
        try:
            finish.label(rule, left_out)
        except StepLabelError:  # the labels are as they were, and so is the run
            write_text(run.folder / "config.yaml", was[1])
            write_json(run.folder / "run.json", was[0])
            raise
        summary = finish.summary(
            {name: stage["planned_tokens"] for name, stage in before["stages"].items()},
            before["rejected"],
            before["problems"],
            before["left_out"],
            oracle,
        )
        summary = finish.publish(paid(summary, before.get("dollars"), before.get("unpaid", 0)))
        run.end("finished")
        return summary


def _begin(config: RunConfig, run: RunFolder) -> None:
    """Say in the folder what is done from now on, and by which code: first that it is begun, so that a kill
    never leaves a finished run with rules that its labels don't have."""
    by: dict[str, Any] = {"at": now(), "git_commit": git_commit(), "versions": versions()}
    write_json(
        run.folder / "run.json",
        run.info | {"state": "running", "config_fingerprint": config.fingerprint, "relabelled": by},
    )
    write_text(run.folder / "config.yaml", config.to_yaml())


def _keep_before(run: RunFolder) -> None:
    """Labels, configuration and summary as they are now, in place of those that were kept before. Parts are
    linked, not copied, where the file system can."""
    recover(run.before)
    new = new_name(run.before)
    shutil.copytree(run.labels.folder, new / "labels", copy_function=_link)
    for name in ("config.yaml", "summary.json"):
        shutil.copyfile(run.folder / name, new / name)
    put_in_place(run.before)


def _link(source: str, target: str) -> None:
    """A part never changes; a manifest is appended to, so it is copied."""
    if source.endswith(".parquet"):
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)


def _without_label(run: RunFolder) -> set[str]:
    """Keys of the problems that the run left out: their solutions have no label."""
    labels = RowIndex(run.labels, Label)
    return {key_of(s) for s in run.solutions.read(Solution) if s.id not in labels}
