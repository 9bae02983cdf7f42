"""Any OpenAI-compatible server: vLLM's, SGLang's, llama.cpp's, a hosted one.

/completions is the way for rollouts (token ids where the tokenizer is known, else text);
/chat/completions, with `chat_api: true`, for servers that offer nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

from pipeline.config import EngineConfig
from pipeline.engine.identity import engine_fingerprint
from pipeline.engine.models import files_fingerprint, load_tokenizer
from pipeline.engine.openai_answers import counts_nothing, read_answer, read_logprobs
from pipeline.engine.openai_client import NoSuchPathError, OpenAIClient
from pipeline.engine.protocol import (
    Prompt,
    Renderer,
    SampleRequest,
    SampleResult,
    ScoreRequest,
    ScoreResult,
)
from pipeline.engine.rendering import TextRenderer, TokenRenderer
from pipeline.engine.structure import Structure
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError

log = logging.getLogger(__name__)

_INSTEAD = (
    "use a server with /completions (chat_api: false) and set this engine's tokenizer to the "
    "model's folder, or an in-process engine (kind: vllm)"
)


class OpenAIEngine:
    """`config.url` is the base URL; the key comes from the variable `config.api_key_env`.

    The tokenizer is known where `config.tokenizer` names it or `config.model` is a local folder.
    The fingerprint leaves `url` out on purpose: the same model behind another address is the same
    model. Requests carry no seed. Raises PrerequisiteError for what the server can't do.
    """

    def __init__(self, config: EngineConfig) -> None:
        named = f"{config.model}@{config.revision}" if config.revision else config.model
        if Path(config.model).is_dir():
            named += f"-{files_fingerprint(config.model, weights=True)}"
        self.fingerprint = engine_fingerprint(config, named)
        self.max_in_flight = max(1, config.max_num_seqs * 3 // 2)
        self._config = config
        self._client: OpenAIClient | None = None
        self._renderer: Renderer | None = None
        self._is_vllm = False
        self._max_len = config.max_model_len
        self._continues: asyncio.Task[None] | None = None
        self._structure = Structure()
        self._has_scored = False
        self._told_of_counts = False

    @property
    def renderer(self) -> Renderer:
        if self._renderer is None:
            known = self._config.tokenizer or Path(self._config.model).is_dir()
            if known and not self._config.chat_api:
                tokenizer = load_tokenizer(self._config)
                self._renderer = TokenRenderer(tokenizer, self._config.template_args)
            else:
                self._renderer = TextRenderer(self._config.chat_api)
        return self._renderer

    async def open(self) -> None:
        """Look at the server's list of models, where it has one."""
        if self._client is not None:
            return
        client = OpenAIClient(self._config, self.max_in_flight)
        try:
            await self._look(client)
        except BaseException:
            await client.close()
            raise
        self._client = client

    async def _look(self, client: OpenAIClient) -> None:
        try:
            listing = await client.get("/models")
        except NoSuchPathError:
            return  # a server without a list; its answers will tell
        models = [m for m in listing.get("data") or () if isinstance(m, dict)]
        names = [str(m.get("id")) for m in models]
        if names and self._config.model not in names:
            raise PrerequisiteError(
                f"{client.url} has no model {self._config.model!r}; it has {', '.join(names[:20])}"
            )
        model = next((m for m in models if m.get("id") == self._config.model), {})
        self._is_vllm = model.get("owned_by") == "vllm"
        if self._max_len is None and isinstance(model.get("max_model_len"), int):
            self._max_len = model["max_model_len"]

    async def _opened(self) -> OpenAIClient:
        if self._client is None:
            await self.open()
        assert self._client is not None
        return self._client

    async def sample(self, request: SampleRequest) -> SampleResult:
        client = await self._opened()
        body = self._sampling(request)
        if self._config.chat_api:
            path = "/chat/completions"
            body |= await self._chat(request.prompt)
        else:
            path = "/completions"
            body["prompt"] = self._prompt(request.prompt)
        started = time.monotonic()
        answer = await self._structure.post(client, path, body, request.sampling.schema)
        return self._read(answer, request.n, started, client.url + path, request.prompt)

    def _read(
        self, answer: dict[str, Any], n: int, started: float, where: str, prompt: Prompt
    ) -> SampleResult:
        result = read_answer(answer, n, time.monotonic() - started, where, prompt)
        if counts_nothing(answer) and not self._told_of_counts:
            self._told_of_counts = True
            log.warning(
                "%s doesn't count tokens (`usage`): they, and what they cost, are estimated from the length "
                "of the texts",
                where,
            )
        return result

    def _sampling(self, request: SampleRequest) -> dict[str, Any]:
        how = request.sampling
        body: dict[str, Any] = {
            "model": self._config.model,
            "n": request.n,
            "max_tokens": self._room(request.prompt, how.max_tokens),
            "temperature": how.temperature,
            "top_p": how.top_p,
        }
        if how.stop:
            body["stop"] = list(how.stop)
        if self._is_vllm:
            # else the server's defaults, from the model's generation_config, would come in
            body |= {"top_k": how.top_k, "min_p": 0.0, "repetition_penalty": 1.0}
            body["return_token_ids"] = True
        elif how.top_k:
            body["top_k"] = how.top_k
        return body

    def _room(self, prompt: Prompt, max_tokens: int) -> int:
        """In process vLLM stops at the model's length by itself; its server refuses instead."""
        if prompt.token_ids is None or self._max_len is None:
            return max_tokens
        room = self._max_len - len(prompt.token_ids)
        if room < 1:
            raise BadRequestError(
                f"the prompt has {len(prompt.token_ids)} tokens; the model takes {self._max_len}"
            )
        return min(max_tokens, room)

    @staticmethod
    def _prompt(prompt: Prompt) -> str | list[int]:
        return prompt.text if prompt.token_ids is None else list(prompt.token_ids)

    async def _chat(self, prompt: Prompt) -> dict[str, Any]:
        if not prompt.messages:
            raise PrerequisiteError(
                "a prompt of style raw can't go through /chat/completions; set chat_api: false"
            )
        messages = [{"role": role, "content": content} for role, content in prompt.messages]
        body: dict[str, Any] = {"messages": messages}
        if self._config.template_args:
            body["chat_template_kwargs"] = self._config.template_args
        if messages[-1]["role"] == "assistant":
            if "<think>" in messages[-1]["content"] or "</think>" in messages[-1]["content"]:
                raise BadRequestError(
                    "chat servers drop the <think> section of a turn that is to be continued; "
                    + _INSTEAD
                )
            if self._continues is None:
                self._continues = asyncio.create_task(self._probe())
            try:
                await asyncio.shield(self._continues)
            except EngineFaultError:
                self._continues = None  # the next try asks the server again
                raise
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body

    async def _probe(self) -> None:
        """Does the server continue an assistant turn, or begin another? It tells by the length of
        the prompt: a continued turn has neither its own end nor the next one's beginning."""
        client = await self._opened()
        messages = [
            {"role": "user", "content": "Count to five."},
            {"role": "assistant", "content": "One, two,"},
        ]
        base = {"model": self._config.model, "messages": messages, "max_tokens": 1}
        lengths = []
        for continued in (True, False):
            flags = {"continue_final_message": continued, "add_generation_prompt": not continued}
            try:
                answer = await client.post("/chat/completions", base | flags)
            except BadRequestError as error:
                raise PrerequisiteError(
                    f"{client.url} can't continue an assistant turn ({error}); {_INSTEAD}"
                ) from error
            usage = answer.get("usage")
            length = usage.get("prompt_tokens") if isinstance(usage, dict) else None
            lengths.append(length if isinstance(length, int) else 0)
        if not 0 < lengths[0] < lengths[1]:
            raise PrerequisiteError(
                f"{client.url} begins a new turn where a solution's prefix is to be continued "
                f"(continue_final_message is ignored); {_INSTEAD}"
            )

    async def score(self, request: ScoreRequest) -> ScoreResult:
        client = await self._opened()
        if self._config.chat_api:
            raise PrerequisiteError(f"/chat/completions can't score a given text; {_INSTEAD}")
        body: dict[str, Any] = {"model": self._config.model, "max_tokens": 1, "temperature": 0.0}
        renderer = self.renderer
        begin = None
        if self._is_vllm and isinstance(renderer, TokenRenderer):
            ids, begin = renderer.extend(request.prompt, request.continuation)
            body |= {"prompt": list(ids), "prompt_logprobs": 0}
        else:
            text = request.prompt.text + request.continuation
            body |= {"prompt": text, "echo": True, "logprobs": 1}
        started = time.monotonic()
        try:
            answer = await client.post("/completions", body)
        except BadRequestError as error:
            if not self._has_scored and await self._refuses(client, body | {"prompt": "a b"}):
                told = f"{client.url} can't score a given text: {error}"
                raise PrerequisiteError(told) from error
            raise  # it is this text that it won't: it may be too long
        logprobs = read_logprobs(answer, request, begin, client.url)
        self._has_scored = True
        cost = self._read(answer, 1, started, client.url, request.prompt).cost
        return ScoreResult(logprobs, cost)

    @staticmethod
    async def _refuses(client: OpenAIClient, body: dict[str, Any]) -> bool:
        try:
            await client.post("/completions", body)
        except BadRequestError:
            return True
        return False

    async def close(self) -> None:
        client, self._client = self._client, None
        self._continues = None
        if client is not None:
            await client.close()
