"""vLLM in this process (AsyncLLM): prefix caching on, token-id prompts, hundreds of calls at once.

The only module that imports vllm, and only when the engine is opened.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from pipeline.config import EngineConfig
from pipeline.engine.identity import engine_fingerprint
from pipeline.engine.models import (
    load_tokenizer,
    model_fingerprint,
    on_gpu,
    resolve_dtype,
)
from pipeline.engine.protocol import (
    Completion,
    SampleRequest,
    SampleResult,
    ScoreRequest,
    ScoreResult,
)
from pipeline.engine.rendering import TokenRenderer
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError
from pipeline.records import Cost

logger = logging.getLogger(__name__)

_INSTALL = (
    "vLLM is not installed: `pip install -e '.[vllm]'` on a machine with a GPU, "
    "`make setup` in a checkout on one without"
)
CPU_BLOCK_TOKENS = 32
SHUTDOWN_S = 2.0


class VllmEngine:
    """One model in an engine process of its own.

    `seed` is the engine's; requests carry none (a seeded request kills vLLM on a CPU).
    `config.args` go to vLLM as they are; `lora: FOLDER` among them loads one adapter for every
    request. An engine process that died is started again at the next call, `config.retries` times.
    """

    def __init__(self, config: EngineConfig, seed: int) -> None:
        self.fingerprint = engine_fingerprint(
            config, model_fingerprint(config.model, config.revision)
        )
        self.max_in_flight = max(1, config.max_num_seqs * 3 // 2)
        self._config = config
        self._seed = seed
        self._renderer: TokenRenderer | None = None
        self._llm: Any = None
        self._lora: Any = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._deaths = 0

    @property
    def renderer(self) -> TokenRenderer:
        if self._renderer is None:
            self._renderer = TokenRenderer(load_tokenizer(self._config), self._config.template_args)
        return self._renderer

    async def open(self) -> None:
        """Load the model (seconds on a CPU, minutes for a large one). Opening twice is harmless,
        and an opener that is cancelled leaves the loading to the others."""
        if self._llm is None:
            self._check_deaths()
            if self._loading is None:
                self._loading = asyncio.create_task(self._open())
            await asyncio.shield(self._loading)

    async def _open(self) -> None:
        started = time.monotonic()
        try:
            if self._reaper is None:
                self._reaper = _start_reaper()
            self._llm = await asyncio.to_thread(self._load)
        except EngineFaultError:
            self._deaths += 1
            raise
        finally:
            self._loading = None
        logger.info("%s loaded in %.0f s", self._config.model, time.monotonic() - started)

    def _load(self) -> Any:
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        # Its processes' own: torch's deprecations, that a processor has no Triton, and what Python finds to
        # tidy up behind them at the end.
        ignored = "ignore::FutureWarning,ignore:resource_tracker:UserWarning"
        os.environ.setdefault("PYTHONWARNINGS", ignored)
        os.environ.setdefault("TORCH_LOGS", "-torch._library.triton")
        os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
        try:
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.lora.request import LoRARequest
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as error:
            raise PrerequisiteError(f"{_INSTALL} ({error})") from error
        args = self._engine_args()
        if lora := args.pop("lora", None):
            args["enable_lora"] = True
            self._lora = LoRARequest("adapter", 1, str(lora))
        try:
            return AsyncLLM.from_engine_args(AsyncEngineArgs(**args))
        except TypeError as error:
            raise PrerequisiteError(f"engines: args: vLLM refuses them: {error}") from error
        except (ValueError, OSError) as error:
            raise PrerequisiteError(f"vLLM can't load {self._config.model}: {error}") from error
        except RuntimeError as error:
            raise EngineFaultError(f"vLLM did not start: {error}") from error

    def _engine_args(self) -> dict[str, Any]:
        config = self._config
        args: dict[str, Any] = {
            "model": config.model,
            "tokenizer": config.tokenizer,
            "revision": config.revision,
            "dtype": resolve_dtype(config),
            "seed": self._seed,
            "max_num_seqs": config.max_num_seqs,
            "max_model_len": config.max_model_len,
            "enable_prefix_caching": True,
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
            "trust_remote_code": config.trust_remote_code,
        }
        if on_gpu():
            args["gpu_memory_utilization"] = config.memory_share
        else:
            # vLLM's blocks of 128 tokens on a CPU would leave short prefixes out of the cache
            args["enforce_eager"] = True
            args["block_size"] = CPU_BLOCK_TOKENS
            args["kv_cache_memory_bytes"] = int(config.kv_cache_gib * config.memory_share * 2**30)
        return args | config.args

    async def sample(self, request: SampleRequest) -> SampleResult:
        from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

        how = request.sampling
        try:
            params = SamplingParams(
                n=request.n,
                max_tokens=how.max_tokens,
                temperature=how.temperature,
                top_p=how.top_p,
                top_k=how.top_k,
                stop=list(how.stop),
                output_kind=RequestOutputKind.FINAL_ONLY,
                structured_outputs=StructuredOutputsParams(json=how.schema) if how.schema else None,
            )
        except ValueError as error:
            raise BadRequestError(f"vLLM refuses the sampling: {error}") from error
        ids = request.prompt.token_ids
        if ids is None:
            ids = self._text_ids(request.prompt.text, request.prompt.messages is None)
        started = time.monotonic()
        output = await self._run(ids, params)
        completions = tuple(
            Completion(c.text, _finish(c.finish_reason), tuple(c.token_ids)) for c in output.outputs
        )
        cost = self._cost(output, sum(len(c.token_ids) for c in completions), started)
        return SampleResult(completions, cost)

    async def score(self, request: ScoreRequest) -> ScoreResult:
        """Reads the prompt's log-probabilities, which skips the prefix cache."""
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        ids, begin = self.renderer.extend(request.prompt, request.continuation)
        if begin == 0:
            raise BadRequestError("score: the prompt is empty; a continuation needs text before it")
        params = SamplingParams(
            max_tokens=1,
            temperature=0.0,
            prompt_logprobs=0,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        started = time.monotonic()
        output = await self._run(ids, params)
        rows = output.prompt_logprobs or []
        if len(rows) != len(ids):
            raise EngineFaultError(f"vLLM scored {len(rows)} of {len(ids)} tokens")
        logprobs = tuple(float(rows[i][ids[i]].logprob) for i in range(begin, len(ids)))
        return ScoreResult(logprobs, self._cost(output, 0, started))

    def _text_ids(self, text: str, raw: bool) -> tuple[int, ...]:
        return tuple(self.renderer.tokenizer(text, add_special_tokens=raw)["input_ids"])

    @staticmethod
    def _cost(output: Any, completion_tokens: int, started: float) -> Cost:
        return Cost(
            calls=1,
            prompt_tokens=len(output.prompt_token_ids or ()),
            cached_tokens=output.num_cached_tokens or 0,
            completion_tokens=completion_tokens,
            seconds=time.monotonic() - started,
        )

    async def _run(self, ids: tuple[int, ...], params: Any) -> Any:
        """One request to its end. A cancelled one is aborted inside vLLM."""
        from vllm.exceptions import VLLMValidationError
        from vllm.inputs.engine import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        if not ids:
            raise BadRequestError("the prompt is empty; a model needs at least one token")
        self._check_deaths()
        if self._llm is None:
            await self.open()
        llm = self._llm
        final = None
        try:
            async for output in llm.generate(
                tokens_input(list(ids)), params, uuid.uuid4().hex, lora_request=self._lora
            ):
                final = output
        except EngineDeadError as error:
            await self._bury(llm)
            raise EngineFaultError("vLLM's engine process died; see its messages above") from error
        except EngineGenerateError as error:
            raise EngineFaultError(f"vLLM failed on a request: {error.__cause__}") from error
        except (VLLMValidationError, ValueError) as error:
            raise BadRequestError(f"vLLM refuses the request: {error}") from error
        if final is None:
            raise EngineFaultError("vLLM ended a request without an answer")
        return final

    def _check_deaths(self) -> None:
        if self._deaths > self._config.retries:
            raise PrerequisiteError(
                f"vLLM's engine process died, or did not start, {self._deaths} times; out of memory is "
                "the usual cause: lower max_num_seqs, kv_cache_gib or memory_share for this engine"
            )

    async def _bury(self, dead: Any) -> None:
        """Let go of an engine that died, so that the next call starts another."""
        if self._llm is not dead:
            return
        self._llm = None
        self._deaths += 1
        await _shut_down(dead)

    async def close(self) -> None:
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        llm, self._llm = self._llm, None
        if llm is not None:
            await _shut_down(llm)
        reaper, self._reaper = self._reaper, None
        if reaper is not None:
            reaper.kill()
            await asyncio.to_thread(reaper.wait)


def _finish(reason: str | None) -> str:
    if reason not in ("stop", "length"):
        raise EngineFaultError(f"vLLM ended a completion by {reason!r}, neither stop nor length")
    return reason


async def _shut_down(llm: Any) -> None:
    """The task that reads outputs is ended first, or it reports the engine's end as a failure."""
    reading = llm.output_handler
    if reading is not None and not reading.done():
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    await asyncio.to_thread(llm.shutdown, timeout=SHUTDOWN_S)
    # its finalizer would do it again, when the program ends and half of vLLM is gone
    llm.shutdown = _nothing


def _nothing() -> None:
    """Stands for a shutdown that has been done."""


def _start_reaper() -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("reaper.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(script), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
