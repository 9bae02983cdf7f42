"""What of an engine's configuration changes what is said, and so makes it another engine.

Everything does but what is named here: a setting nobody thought of makes calls anew, where a missed
one would pass off old answers as those of the new setting.
"""

from __future__ import annotations

from typing import Any

from pipeline.config import EngineConfig
from pipeline.engine.models import files_fingerprint
from pipeline.records import content_hash

# `kind`, `model` and `revision` are told in words. `url` stays out on purpose: the same model behind
# another address is the same model, and a server that moved answers from its record.
NEUTRAL_SETTINGS = frozenset(
    {
        "kind",
        "model",
        "revision",
        "url",
        "api_key_env",
        "max_num_seqs",
        "memory_share",
        "kv_cache_gib",
        "request_timeout_s",
        "retries",
        "patience_s",
        "price",
        "requests_per_minute",
        "tokens_per_minute",
    }
)
# vLLM's: where a model is computed, and how fast
NEUTRAL_ARGS = frozenset(
    {
        "async_scheduling",
        "block_size",
        "cpu_offload_gb",
        "data_parallel_size",
        "disable_log_requests",
        "disable_log_stats",
        "distributed_executor_backend",
        "download_dir",
        "enable_chunked_prefill",
        "enable_log_requests",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
        "max_lora_rank",
        "max_num_batched_tokens",
        "max_num_seqs",
        "max_parallel_loading_workers",
        "num_gpu_blocks_override",
        "pipeline_parallel_size",
        "swap_space",
        "tensor_parallel_size",
        "use_tqdm_on_load",
    }
)


def engine_fingerprint(config: EngineConfig, model: str) -> str:
    """`kind:model`, and `+hash` where settings that change answers are not the defaults.

    A tokenizer's and a LoRA adapter's folder count by their contents. `dtype: auto` counts as such,
    whatever this machine makes of it, so that a run can go on elsewhere.
    """
    settings = config.model_dump(mode="json", exclude_defaults=True, exclude=set(NEUTRAL_SETTINGS))
    if config.tokenizer is not None:
        settings["tokenizer"] = files_fingerprint(config.tokenizer, weights=False)
    if args := _identity(settings.pop("args", {})):
        settings["args"] = args
    return f"{config.kind}:{model}" + (f"+{content_hash(settings)}" if settings else "")


def _identity(args: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in args.items() if name not in NEUTRAL_ARGS}
    if kept.get("lora"):
        kept["lora"] = files_fingerprint(str(kept["lora"]), weights=True)
    return kept
