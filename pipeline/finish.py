"""The end of a run: its labels, what it says of itself, its dataset and its report, all derived from its
rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.consensus import LearningRule, Rule
from pipeline.dataset import dataset_fingerprint, sums_of, write_dataset
from pipeline.dataset.facts import card_facts
from pipeline.files import read_json, sha256_of, write_json
from pipeline.join import Join
from pipeline.labelling import label_run
from pipeline.progress import Progress
from pipeline.report.beside import report_beside
from pipeline.review.witness import REVIEW
from pipeline.run_folder import RunFolder
from pipeline.summary import Oracle, Summary, make_summary, to_json


class Finish:
    """`names`: the annotators whose verdicts count and are published."""

    def __init__(
        self, config: RunConfig, run: RunFolder, names: Sequence[str], progress: Progress
    ) -> None:
        self._config = config
        self._run = run
        self._names = names
        self._progress = progress
        self._learned: tuple[str, ...] = ()

    def label(self, rule: Rule | LearningRule, left_out: Set[str]) -> None:
        total = sum(part.rows for part in self._run.solutions.parts())
        self._progress.begin("consensus", total, 0)
        self._learned = label_run(
            self._config,
            self._run,
            self._names,
            rule,
            left_out,
            lambda: self._progress.row("consensus"),
        )
        self._progress.end("consensus", all_done=True)

    def summary(
        self,
        planned: Mapping[str, int],
        rejected: int,
        problems: int,
        left_out: int,
        oracle: Oracle | None,
    ) -> Summary:
        """What the rows say. `planned`: tokens by stage; the counts are of the inputs."""
        stages = dict(self._progress.stages)
        made = make_summary(
            self._run, planned, stages, rejected, problems, left_out, oracle, self._shown
        )
        return replace(made, learned=self._learned)

    @property
    def _shown(self) -> tuple[str, ...]:
        """The annotators, and people where some reviewed."""
        people = (REVIEW,) if self._run.verdicts(REVIEW).parts() else ()
        return (*self._names, *people)

    @property
    def published(self) -> bool:
        """Whether the dataset on disk is that of these labels."""
        return self._left_out is not None

    @property
    def _left_out(self) -> Mapping[str, int] | None:
        """What the selection left out of the dataset, where the one on disk is that of these labels."""
        return _stands(self._run.dataset_mark, self._made_of, self._run.dataset)

    @property
    def _made_of(self) -> dict[str, str | None]:
        return {
            "labels": self._run.labels.fingerprint,
            "config": self._config.fingerprint,
            "dataset": dataset_fingerprint(self._config.dataset),
        }

    def publish(self, summary: Summary) -> Summary:
        """Write the dataset, where it isn't there already, the summary and the report. Returns the summary
        with what the selection left out."""
        told = to_json(summary)
        with report_beside(self._config, self._run, self._shown, told) as report_written:
            summary = self._dataset(summary)
            self._progress.begin("report", 1, 0)
            report_written()
            self._progress.row("report")
            self._progress.end("report")
        return summary

    def _dataset(self, summary: Summary) -> Summary:
        run, config = self._run, self._config
        self._progress.begin("dataset", 1, 0)  # one folder, whole or not at all
        if (not_selected := self._left_out) is None:
            run.dataset_mark.unlink(missing_ok=True)
            made = write_dataset(
                Join(run, self._shown).batches,
                run.dataset,
                config.dataset,
                card_facts(config, run.info, summary),
            )
            not_selected = made.left_out
            files = {"files": sums_of(made), "left_out": dict(not_selected)}
            write_json(run.dataset_mark, self._made_of | files)
        summary = replace(summary, not_selected=not_selected)
        write_json(run.folder / "summary.json", to_json(summary))
        self._progress.row("dataset")
        self._progress.end("dataset")
        return summary


def _stands(
    mark: Path, made_of: Mapping[str, str | None], folder: Path
) -> Mapping[str, int] | None:
    """What the selection left out, where the dataset was made of this and each of its files is as it was
    written."""
    made = read_json(mark) or {}
    files, left_out = made.pop("files", None), made.pop("left_out", None)
    if made != made_of or not isinstance(files, dict):
        return None
    whole = all((folder / f).is_file() and sha256_of(folder / f) == files[f] for f in files)
    return left_out if whole else None
