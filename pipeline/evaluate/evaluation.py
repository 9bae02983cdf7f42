"""An evaluation from what was said and what is true, and as plain data for a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.errors import ConfigError, InputError
from pipeline.evaluate.gold import Gold
from pipeline.evaluate.match import Example, Unmatched, match
from pipeline.evaluate.metrics import BOOTSTRAPS
from pipeline.evaluate.report import Report, evaluate
from pipeline.evaluate.said import Spoken
from pipeline.inputs.rejected import Rejected

FORMAT = 1


class Evaluation(NamedTuple):
    """`said` and `gold` say what was compared with what. `said_alone` and `gold_alone` are in no
    figure; `filled` gold rows count as undecided; `rejected` rows could not be read."""

    said: str
    gold: str
    report: Report
    said_alone: tuple[Unmatched, ...]
    gold_alone: tuple[Unmatched, ...]
    filled: int
    rejected: tuple[Rejected, ...]
    examples: tuple[Example, ...]


class Options(NamedTuple):
    """`witnesses`: those to compare, None all. `count_missing`: gold rows that nobody spoke of are
    undecided. `draws` replicates lie under every interval."""

    witnesses: Sequence[str] | None = None
    count_missing: bool = False
    draws: int = BOOTSTRAPS
    seed: int = 0


class Rejections:
    """Bad rows of what was said; in strict mode the first raises InputError."""

    def __init__(self, strict: bool) -> None:
        self.rows: list[Rejected] = []
        self._strict = strict

    def __call__(self, rejected: Rejected) -> None:
        if self._strict:
            raise InputError(f"{rejected}; strict mode stops at the first bad row")
        self.rows.append(rejected)


def evaluation(
    name: str,
    said: Iterable[Spoken],
    gold: Gold,
    rejections: Rejections,
    options: Options,
) -> Evaluation:
    """Reads `said` to its end. Raises InputError where nothing is matched, and ConfigError where a
    witness is named that nobody is."""
    try:
        matched = match(said, gold, options.witnesses, options.count_missing)
    except InputError as error:
        if not rejections.rows:
            raise
        some = f"{len(rejections.rows)} rejected: {rejections.rows[0]}"
        raise InputError(f"{error}; {some}") from error
    missing = sorted(set(options.witnesses or ()) - set(matched.panel.witnesses))
    if missing:
        raise ConfigError(f"--witness {missing[0]}: {name} has no verdict of it")
    return Evaluation(
        said=name,
        gold=gold.name,
        report=evaluate(matched.panel, options.draws, options.seed),
        said_alone=tuple(matched.said_alone),
        gold_alone=tuple(matched.gold_alone),
        filled=matched.filled,
        rejected=(*rejections.rows, *gold.rejected),
        examples=tuple(matched.examples),
    )


def to_json(evaluated: Evaluation) -> dict[str, Any]:
    """Everything, as plain data: each figure with `value`, `low`, `high` and `n`."""
    found: dict[str, Any] = {"format": FORMAT} | plain(evaluated)
    found |= found.pop("report")
    found["rejected"] = [str(row) for row in evaluated.rejected]
    return found


def plain(value: Any) -> Any:
    """Named tuples as objects, all the way down; a lone surrogate, which no file can hold, as "?"."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: plain(one) for key, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
