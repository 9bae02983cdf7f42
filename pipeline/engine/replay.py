"""An engine that answers from the calls of an earlier run, and from nothing else."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import EngineConfig
from pipeline.engine.calls import call_key, sample_result, score_result
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord
from pipeline.engine.models import load_tokenizer
from pipeline.engine.protocol import (
    Renderer,
    SampleRequest,
    SampleResult,
    ScoreRequest,
    ScoreResult,
)
from pipeline.engine.rendering import TextRenderer, TokenRenderer
from pipeline.engine.simulated import PlainRenderer
from pipeline.errors import BadRequestError, PrerequisiteError
from pipeline.records import content_hash


class ReplayEngine:
    """Recorded calls below `config.model`: a run's folder, or one stage's `calls/<stage>`.

    Keys hold the fingerprint of the engine that made the call, so a request is looked up under
    each fingerprint that was recorded, and `fingerprint` is the recorded one where there is only
    one: the rows of the replayed run are then those of the first. `config.tokenizer` names the
    recorded model's tokenizer, as prompts must be rendered as they were; `seed` is that of the
    recorded run.
    Raises PrerequisiteError where nothing is recorded, BadRequestError for a call that is not.
    """

    max_in_flight = 1024

    def __init__(self, config: EngineConfig, seed: int = 0) -> None:
        self._config = config
        self._seed = seed
        self._renderer: Renderer | None = None
        folders = _journal_folders(Path(config.model))
        if not folders:
            raise PrerequisiteError(
                f"{config.model}: no recorded calls; a replay engine's model is the folder of a "
                "run, or its calls/<stage> folder"
            )
        self._journals = [CallJournal(folder, read_only=True) for folder in folders]
        self._fingerprints = sorted(set().union(*(j.fingerprints for j in self._journals)))
        self.fingerprint = (
            self._fingerprints[0]
            if len(self._fingerprints) == 1
            else "replay:" + content_hash(self._fingerprints)
        )

    @property
    def renderer(self) -> Renderer:
        if self._renderer is None:
            if all(name.startswith("simulated:") for name in self._fingerprints):
                self._renderer = PlainRenderer()
            elif self._config.tokenizer is None:
                self._renderer = TextRenderer(self._config.chat_api)
            else:
                tokenizer = load_tokenizer(self._config)
                self._renderer = TokenRenderer(tokenizer, self._config.template_args)
        return self._renderer

    async def open(self) -> None:
        """Nothing to do."""

    async def sample(self, request: SampleRequest) -> SampleResult:
        return sample_result(self._find(request))

    async def score(self, request: ScoreRequest) -> ScoreResult:
        return score_result(self._find(request))

    def _find(self, request: SampleRequest | ScoreRequest) -> CallRecord:
        found: dict[str, CallRecord] = {}
        for fingerprint in self._fingerprints:
            key = call_key(fingerprint, request, self._seed)
            for journal in self._journals:
                if (record := journal.get(key)) is not None:
                    found.setdefault(fingerprint, record)
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            raise BadRequestError(
                f"{self._config.model}: this call was recorded of {len(found)} models "
                f"({', '.join(found)}); name one stage's folder, calls/<stage>, as the model"
            )
        raise BadRequestError(self._missing(request))

    def _missing(self, request: SampleRequest | ScoreRequest) -> str:
        draw = f" n={request.n} draw={request.draw}" if isinstance(request, SampleRequest) else ""
        key = call_key(self.fingerprint, request, self._seed)
        cure = f"run it with the model and the seed it was recorded of (seed is {self._seed} here)"
        if self._config.tokenizer is None:
            cure += ", or set this engine's tokenizer to that model's folder"
        return (
            f"{self._config.model}: no recorded call {key}{draw} for the prompt that ends "
            f"{request.prompt.text[-60:]!r}; {cure}"
        )

    async def close(self) -> None:
        for journal in self._journals:
            journal.close()


def _journal_folders(folder: Path) -> list[Path]:
    files = [*folder.rglob("journal-*.jsonl"), *folder.rglob("part-*.parquet")]
    found = {path.parent for path in files if path.suffix == ".jsonl" or _holds_calls(path)}
    return sorted(found)


def _holds_calls(path: Path) -> bool:
    """A run's other parts (solutions, verdicts, …) have other columns."""
    import pyarrow.parquet as pq

    return {"key", "fingerprint", "text_hash"} <= set(pq.read_schema(path).names)
