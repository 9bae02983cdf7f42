"""transformers in this process: the reference engine, for small models and for comparison."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from pipeline.config import EngineConfig
from pipeline.engine.identity import engine_fingerprint
from pipeline.engine.models import load_tokenizer, model_fingerprint, on_gpu, resolve_dtype
from pipeline.engine.protocol import (
    Completion,
    SampleRequest,
    SampleResult,
    Sampling,
    ScoreRequest,
    ScoreResult,
)
from pipeline.engine.rendering import TokenRenderer
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError
from pipeline.records import Cost

_GATHER_S = 0.01


class _Pending(NamedTuple):
    ids: tuple[int, ...]
    request: SampleRequest
    done: asyncio.Future[SampleResult]


class TransformersEngine:
    """Requests that wait together and sample alike are one `generate` batch, in a thread.

    `seed` seeds torch once, when the model is loaded.
    """

    def __init__(self, config: EngineConfig, seed: int) -> None:
        self.fingerprint = engine_fingerprint(
            config, model_fingerprint(config.model, config.revision)
        )
        self.max_in_flight = max(1, config.max_num_seqs * 3 // 2)
        self._config = config
        self._seed = seed
        self._renderer: TokenRenderer | None = None
        self._model: Any = None
        self._thread: ThreadPoolExecutor | None = None
        self._pending: list[_Pending] = []
        self._worker: asyncio.Task[None] | None = None

    @property
    def renderer(self) -> TokenRenderer:
        if self._renderer is None:
            self._renderer = TokenRenderer(load_tokenizer(self._config), self._config.template_args)
        return self._renderer

    async def open(self) -> None:
        if self._model is None:
            self._thread = self._thread or ThreadPoolExecutor(1, "transformers-engine")
            await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    def _load(self) -> None:
        if self._model is not None:
            return
        import torch
        import transformers

        config = self._config
        torch.manual_seed(self._seed)
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                config.model,
                revision=config.revision,
                dtype=resolve_dtype(config),
                trust_remote_code=config.trust_remote_code,
            )
        except (OSError, ValueError) as error:
            raise PrerequisiteError(
                f"transformers can't load {config.model}: {str(error).splitlines()[0]}"
            ) from error
        # else the model's own way of sampling (a repetition penalty, say) would come in
        ends = model.generation_config.eos_token_id
        model.generation_config = transformers.GenerationConfig(eos_token_id=ends)
        self._model = model.to("cuda" if on_gpu() else "cpu").eval()

    def _prompt_ids(self, text: str, ids: tuple[int, ...] | None, raw: bool) -> tuple[int, ...]:
        if ids is None:
            ids = tuple(self.renderer.tokenizer(text, add_special_tokens=raw)["input_ids"])
        if not ids:
            raise BadRequestError("the prompt is empty; a model needs at least one token")
        if len(ids) >= self._longest:
            raise BadRequestError(
                f"the prompt has {len(ids)} tokens; the model takes {self._longest}"
            )
        return ids

    @property
    def _longest(self) -> int:
        """Tokens of prompt and answer."""
        return int(self._config.max_model_len or self._model.config.max_position_embeddings)

    def _room(self, entry: _Pending) -> int:
        """Tokens that its completions may have."""
        return min(entry.request.sampling.max_tokens, self._longest - len(entry.ids))

    async def sample(self, request: SampleRequest) -> SampleResult:
        await self.open()
        prompt = request.prompt
        ids = self._prompt_ids(prompt.text, prompt.token_ids, prompt.messages is None)
        done: asyncio.Future[SampleResult] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(ids, request, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        """Batch after batch until nothing waits."""
        await asyncio.sleep(_GATHER_S)
        while self._pending:
            batch = self._next_batch()
            if not batch:
                continue
            started = time.monotonic()
            loop = asyncio.get_running_loop()
            try:
                results = await loop.run_in_executor(self._thread, self._generate, batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are to hear of it
                for entry in batch:
                    if not entry.done.done():
                        entry.done.set_exception(_fault(error))
                continue
            seconds = (time.monotonic() - started) / len(batch)
            for entry, completions in zip(batch, results, strict=True):
                tokens = sum(len(c.token_ids) for c in completions)
                cost = Cost(1, len(entry.ids), 0, tokens, seconds)
                if not entry.done.done():
                    entry.done.set_result(SampleResult(completions, cost))

    def _next_batch(self) -> list[_Pending]:
        """The first that waits and all that sample alike and have as much room, so that a long prompt cuts no
        other's completions; up to max_num_seqs sequences."""
        self._pending = [entry for entry in self._pending if not entry.done.done()]
        batch: list[_Pending] = []
        rest: list[_Pending] = []
        sequences = 0
        for entry in self._pending:
            alike = not batch or (
                entry.request.sampling == batch[0].request.sampling
                and self._room(entry) == self._room(batch[0])
            )
            fits = not batch or sequences + entry.request.n <= self._config.max_num_seqs
            if alike and fits:
                batch.append(entry)
                sequences += entry.request.n
            else:
                rest.append(entry)
        self._pending = rest
        return batch

    def _generate(self, batch: list[_Pending]) -> list[tuple[Completion, ...]]:
        import torch

        tokenizer = self.renderer.tokenizer
        sampling = batch[0].request.sampling
        rows = [entry.ids for entry in batch for _ in range(entry.request.n)]
        width = max(len(row) for row in rows)
        end = _end_ids(self._model.generation_config.eos_token_id)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(end), 0)
        ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        device = self._model.device
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=self._room(batch[0]),
                pad_token_id=pad,
                tokenizer=tokenizer,
                **_how(sampling),
            )
        new = iter(output[:, width:].tolist())
        return [
            tuple(self._completion(next(new), end, sampling) for _ in range(entry.request.n))
            for entry in batch
        ]

    def _completion(self, ids: list[int], end: set[int], sampling: Sampling) -> Completion:
        ended = next((at for at, token in enumerate(ids) if token in end), None)
        kept = ids if ended is None else ids[:ended]
        text = str(
            self.renderer.tokenizer.decode(
                kept, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
        stops = [at for stop in sampling.stop if (at := text.find(stop)) >= 0]
        if stops:
            return Completion(text[: min(stops)], "stop", tuple(kept))
        return Completion(text, "length" if ended is None else "stop", tuple(kept))

    async def score(self, request: ScoreRequest) -> ScoreResult:
        await self.open()
        ids, begin = self.renderer.extend(request.prompt, request.continuation)
        self._prompt_ids("", ids[:begin], raw=False)
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            logprobs = await loop.run_in_executor(self._thread, self._logprobs, ids, begin)
        except (RuntimeError, ValueError, IndexError) as error:
            raise _fault(error) from error
        return ScoreResult(logprobs, Cost(1, len(ids), 0, 0, time.monotonic() - started))

    def _logprobs(self, ids: tuple[int, ...], begin: int) -> tuple[float, ...]:
        import torch

        row = torch.tensor([list(ids)], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(row).logits[0, begin - 1 : -1].float()
        found = logits.log_softmax(-1).gather(1, row[0, begin:, None])
        return tuple(float(value) for value in found[:, 0])

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._worker = None
        for entry in self._pending:
            entry.done.cancel()
        self._pending = []
        self._model = None
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None


def _fault(error: Exception) -> EngineFaultError:
    return EngineFaultError(f"transformers: {type(error).__name__}: {error}")


def _how(sampling: Sampling) -> dict[str, Any]:
    how: dict[str, Any] = {"stop_strings": list(sampling.stop)} if sampling.stop else {}
    if sampling.temperature == 0:
        return how | {"do_sample": False}
    return how | {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
    }


def _end_ids(value: Any) -> set[int]:
    if value is None:
        return set()
    return set(value) if isinstance(value, list) else {int(value)}
