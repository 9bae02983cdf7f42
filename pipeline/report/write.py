"""Writing a run's report: derived from its rows alone, so it can be made again at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from heapq import nsmallest
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.columns import EVERYTHING, Joined
from pipeline.config import RunConfig
from pipeline.dataset.facts import model_of
from pipeline.errors import InputError
from pipeline.evaluate.cases import Columns
from pipeline.evaluate.conventions import convention
from pipeline.evaluate.evaluation import Evaluation, Options, Rejections, evaluation
from pipeline.evaluate.gold import Gold, Known, OracleGold, read_gold
from pipeline.evaluate.markup import el, head_of, to_html, verbatim
from pipeline.evaluate.page_style import STYLE
from pipeline.evaluate.said import SAID, Spoken, spoken
from pipeline.files import read_json, replacing
from pipeline.join import Annotated, Join, items_of
from pipeline.records import content_hash
from pipeline.replaced import replaced
from pipeline.report.detail import detail
from pipeline.report.index import Index
from pipeline.report.overview import facts, overview
from pipeline.report.pack import Chunks, data_block, packed, to_text
from pipeline.report.tally import COUNTED, Tally
from pipeline.run_folder import RunFolder
from pipeline.summary import make_oracle

VERSION = 3
MOST = 20_000
"""Solutions in the browser of a page; of a larger run a part, chosen by content."""
MOST_CHARS = 150_000_000
"""Of their details, before compression."""
DRAWS = 500
_SCRIPTS = (
    *("dom.js", "words.js", "data.js", "filters.js", "list.js", "evidence.js", "solution.js"),
    "main.js",
)
_MADE_OF = "steplabel-made-of"
_HEAD_BYTES = 200_000


def write_report(
    config: RunConfig,
    run: RunFolder,
    path: Path,
    names: Sequence[str],
    gold: Gold | None = None,
    summary: Mapping[str, Any] | None = None,
) -> None:
    """Write the page. `names`: the annotators that are shown; `gold`: who knows the true first errors,
    by default what the configuration names; `summary`: by default that in the run's folder. Raises RunError
    where a part of the run is damaged."""
    if summary is None:
        summary = read_json(run.folder / "summary.json") or {}
    gathered = _Gathered(run, names, gold if gold is not None else known_to(config))
    evaluated = gathered.read()
    style = STYLE + _asset("report.css")
    script = '"use strict";\n' + "".join(map(_asset, _SCRIPTS))
    title = f"{config.name} · steplabel"
    head = head_of(title, style, script)
    head.append(el("meta", name=_MADE_OF, content=_made_of(config, run, names)))
    about = _lead(config, gathered.index, gathered.tally)
    first = el(
        "main",
        el("header", el("h1", config.name), about),
        *overview(gathered.tally, summary, evaluated),
        facts(_facts(config, run)),
        id="overview",
    )
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<!DOCTYPE html>\n<html lang="en">\n')
        file.write(to_html(head))
        file.write("\n<body>\n")
        file.write(_asset("frame.html"))
        file.write(to_html(first))
        file.write("\n")
        index = gathered.index.data(gathered.chunks.starts, gathered.total)
        index["run"] = {"name": config.name, "recipe": _recipe(config)}
        file.write(data_block("index", packed(to_text(index))))
        file.write(to_html(verbatim("script", script)))
        file.write("\n")
        for block in gathered.chunks.blocks():
            file.write(block)
        file.write("</body>\n</html>\n")


def report_stands(config: RunConfig, run: RunFolder, names: Sequence[str]) -> bool:
    """Whether the run's page was made of these rows by this code."""
    try:
        with run.report.open("rb") as file:
            start = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return f'content="{_made_of(config, run, names)}"'.encode() in start


def _made_of(config: RunConfig, run: RunFolder, names: Sequence[str]) -> str:
    ours = ["report.css", "frame.html", *_SCRIPTS]
    parts = [part.sha256 for part in run.labels.parts()]
    sources = [
        run.solutions.fingerprint,
        run.labels.fingerprint,  # of every part of solutions and verdicts
        *(run.verdicts(name).fingerprint for name in sorted(names)),
    ]
    return content_hash(
        VERSION, STYLE, [_asset(one) for one in ours], config.fingerprint, parts, sources
    )


def _asset(name: str) -> str:
    return (files("pipeline.report") / "page" / name).read_text(encoding="utf-8")


def known_to(config: RunConfig) -> Gold | None:
    """The oracle that a run names, else the rows of gold that its consensus learned from."""
    oracle = make_oracle(config.oracle)
    if oracle is not None:
        return OracleGold(f"the oracle {config.oracle}", oracle)
    path = config.consensus.gold
    if path is None or not Path(path).exists():
        return None
    return read_gold(path, convention("processbench"), Columns())


class _Gathered:
    """One pass over the rows of a run: what the page counts, lists and shows."""

    def __init__(self, run: RunFolder, names: Sequence[str], gold: Gold | None) -> None:
        self._run = run
        self._names = [name for name in names if run.verdicts(name).parts()]
        self._gold = gold
        self._labelled = bool(run.labels.parts())
        self.tally = Tally(self._names)
        self.index = Index(self._names)
        self.chunks = Chunks()
        self._gone = replaced(run)
        self.total = sum(part.rows for part in run.solutions.parts()) - len(self._gone)
        self._chosen = _chosen(run, self.total, self._gone)

    def read(self) -> Evaluation | None:
        """None where no first error is known."""
        rows = self._rows()
        if self._gold is not None and self.total:
            name = str(self._run.folder)
            try:
                options = Options(draws=DRAWS)
                return evaluation(name, rows, self._gold, Rejections(strict=False), options)
            except InputError:
                pass  # gold of other solutions: it says nothing of these
        for _ in rows:
            pass
        return None

    def _rows(self) -> Iterator[Spoken]:
        reads = COUNTED if self._gold is None else COUNTED | SAID
        for batch in Join(self._run, self._names, self._labelled).batches(EVERYTHING):
            batch = self._without(batch)
            for item in items_of(self._shown(batch), EVERYTHING):
                self._show(item)
            for item in items_of(batch, reads):
                self.tally.add(item)
                if self._gold is not None:
                    yield spoken(item, self._labelled)

    def _without(self, batch: Joined) -> Joined:
        """The batch without the solutions of problems that were replaced."""
        return _those(batch, lambda one: one not in self._gone) if self._gone else batch

    def _shown(self, batch: Joined) -> Joined:
        chosen = self._chosen
        return batch if chosen is None else _those(batch, chosen.__contains__)

    def _show(self, item: Annotated) -> None:
        if self.chunks.chars >= MOST_CHARS:
            return
        known = None
        if self._gold is not None:
            said = spoken(item, self._labelled)
            known = self._gold.find(said.case, item.label.first_error if item.label else None)
        truth = known.first_error if isinstance(known, Known) else None
        self.index.add(item, truth)
        self.chunks.add(detail(item, truth))


def _those(batch: Joined, wanted: Callable[[str], bool]) -> Joined:
    """The solutions alone whose ids are wanted."""
    ids = batch.solutions.batch.column("id").to_pylist()
    return batch.of(np.array([wanted(one) for one in ids], bool))


def _chosen(run: RunFolder, total: int, gone: Set[str]) -> frozenset[str] | None:
    """Ids of those that are shown, the same at every writing; None: all."""
    if total <= MOST:
        return None
    ids = (one for row in run.solutions.rows(["id"]) if (one := str(row["id"])) not in gone)
    return frozenset(nsmallest(MOST, ids, key=lambda one: content_hash("report", one)))


def _lead(config: RunConfig, index: Index, tally: Tally) -> Any:
    parts = [config.about] if config.about else []
    parts.append(
        f"Consensus: {config.consensus.rule} over {', '.join(config.consensus.witnesses)}."
    )
    everything = tally.solutions + tally.left_out
    if len(index) < everything:
        parts.append(
            f"The browser holds {len(index):,} of {everything:,} solutions, chosen by content; the "
            "figures are of all."
        )
    return el("p", " ".join(part if part.endswith(".") else f"{part}." for part in parts))


def _recipe(config: RunConfig) -> str:
    """Its name; a user's own lies somewhere, which is nobody else's business."""
    return Path(config.built_on or config.recipe or "").stem


def _facts(config: RunConfig, run: RunFolder) -> list[tuple[str, str]]:
    """What is known of how the run was made."""
    info = read_json(run.folder / "run.json") or {}
    versions = info.get("versions", {})
    machine = info.get("machine", {})
    rows = [
        ("recipe", _recipe(config)),
        *((f"engine {role}", model_of(engine)) for role, engine in config.engines.items()),
        ("started", str(info.get("first_started", ""))),
        ("machine", str(machine.get("processor", ""))),
        ("commit", str(info.get("git_commit") or "")),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("seed", str(config.seed)),
        ("configuration", config.fingerprint),
    ]
    return [row for row in rows if row[1]]
