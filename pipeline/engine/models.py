"""What is known of a model before it is loaded: its fingerprint, its tokenizer, its number type."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

from pipeline.config import EngineConfig
from pipeline.errors import PrerequisiteError
from pipeline.records import content_hash

_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")
_TEXTS = (".json", ".jinja", ".model", ".txt", ".tiktoken")


@functools.lru_cache(maxsize=4096)
def _file_digest(path: str, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_fingerprint(model: str, revision: str | None = None) -> str:
    """Of a local folder: a hash of configuration, tokenizer and weights, so that two copies are
    one model and a retrained one is another. Of a hub name: name@revision."""
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{revision or 'main'}"
    digests = _digests(folder, (*_WEIGHTS, *_TEXTS))
    if "config.json" not in digests:
        raise PrerequisiteError(
            f"{folder}: no config.json; a model folder holds config.json, weights and tokenizer"
        )
    return f"{folder.resolve().name}-{content_hash(digests)}"


def files_fingerprint(name: str, *, weights: bool) -> str:
    """Of a local folder (a tokenizer's, an adapter's): a hash of its files, its weights only where
    asked for. Of a hub name: the name."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    return content_hash(_digests(folder, (*_WEIGHTS, *_TEXTS) if weights else _TEXTS))


def _digests(folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in suffixes:
            stat = path.stat()
            digests[path.name] = _file_digest(str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    return digests


def load_tokenizer(config: EngineConfig) -> Any:
    """The tokenizer of `config.tokenizer`, or else of the model. Raises PrerequisiteError."""
    import transformers

    name = config.tokenizer or config.model
    try:
        return transformers.AutoTokenizer.from_pretrained(
            name,
            revision=None if config.tokenizer else config.revision,
            trust_remote_code=config.trust_remote_code,
        )
    except (OSError, ValueError, KeyError) as error:
        raise PrerequisiteError(
            f"{name}: no tokenizer can be read from there ({_first_line(error)}); it must be a "
            "model folder that exists, or a hub name that can be reached"
        ) from error


def cpu_has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 by itself (avx512_bf16 or amx_bf16)."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def on_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def resolve_dtype(config: EngineConfig) -> str:
    """float32 on a CPU without native bfloat16, where bfloat16 runs at less than half the speed;
    bfloat16 on one with it (measured: 1.3 times float32 on a 0.9M Llama); on a GPU the model's."""
    if config.dtype != "auto" or on_gpu():
        return config.dtype
    return "bfloat16" if cpu_has_bfloat16() else "float32"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
