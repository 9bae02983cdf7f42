"""Models: where they run, how they sample, what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from pipeline.config.options import Options
from pipeline.urls import without_secret

if TYPE_CHECKING:
    from pipeline.engine.protocol import Sampling


class SamplingConfig(Options):
    max_tokens: int = Field(1024, ge=1, description="tokens a completion may have; longer is cut")
    temperature: float = Field(1.0, ge=0, description="sampling temperature; 0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus sampling")
    top_k: int = Field(0, ge=0, description="sample among the k likeliest tokens; 0 is all")
    stop: tuple[str, ...] = Field((), description="texts that end a completion")

    def sampling(self) -> Sampling:
        from pipeline.engine.protocol import Sampling  # engine/ itself reads this module

        return Sampling(self.max_tokens, self.temperature, self.top_p, self.top_k, self.stop)


class PriceConfig(Options):
    """Dollars for a million tokens."""

    input: float = Field(ge=0, description="of prompts")
    output: float = Field(ge=0, description="sampled")
    cached: float | None = Field(
        None, ge=0, description="of prompts, from the server's cache; default: as input"
    )


class EngineConfig(Options):
    """One model and how to reach it."""

    kind: Literal["vllm", "openai", "transformers", "simulated", "replay"] = Field(
        "vllm",
        description="vllm or transformers in this process, a server with OpenAI's API, the simulated "
        "policy, or the recorded calls of a run",
    )
    model: str = Field(description="folder or hub name of the model (replay: folder of a run)")
    revision: str | None = Field(None, description="revision of a hub model")
    url: str | None = Field(
        None,
        description="openai: base URL, such as http://127.0.0.1:8000/v1, without a key (see api_key_env)",
    )
    api_key_env: str = Field(
        "OPENAI_API_KEY", description="openai: environment variable that holds the key"
    )
    chat_api: bool = Field(
        False, description="openai: use /chat/completions (a server without /completions)"
    )
    tokenizer: str | None = Field(None, description="openai: tokenizer folder, for token prefixes")
    template_args: dict[str, Any] = Field(
        default_factory=dict,
        description="values for the chat template, such as {enable_thinking: false}",
    )
    dtype: str = Field("auto", description="auto picks float32 on a CPU without native bfloat16")
    max_num_seqs: int = Field(256, ge=1, description="sequences the engine decodes at once")
    max_model_len: int | None = Field(None, ge=16, description="longest prompt and answer, tokens")
    memory_share: float = Field(
        0.9, gt=0, le=1, description="share of the GPU memory (CPU: of kv_cache_gib) it may take"
    )
    kv_cache_gib: float = Field(2.0, gt=0, description="CPU: memory for the prefix cache, GiB")
    request_timeout_s: float = Field(600.0, gt=0, description="a call that takes longer is a fault")
    retries: int = Field(4, ge=0, description="tries after a fault, with growing pauses")
    patience_s: float = Field(
        600.0,
        ge=0,
        description="openai: how long a server is waited for that answered before and can't be reached now, "
        "and a call tried on that one refuses which is asked too much (429)",
    )
    price: PriceConfig | None = Field(
        None, description="what its calls cost, such as {input: 0.15, output: 0.60}"
    )
    requests_per_minute: int | None = Field(None, ge=1, description="most that are sent")
    tokens_per_minute: int | None = Field(
        None, ge=1, description="most that are sent and asked for, counted by max_tokens beforehand"
    )
    trust_remote_code: bool = Field(False, description="run code that comes with the model")
    args: dict[str, Any] = Field(
        default_factory=dict, description="vllm: any further engine argument, passed on as it is"
    )

    @field_validator("url")
    @classmethod
    def _without_key(cls, url: str | None) -> str | None:
        try:
            return without_secret(url) if url else url
        except ValueError as error:
            raise ValueError(f"{error}: the variable that api_key_env names") from None
