"""A setting that changes answers makes another engine; one that does not, does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import EngineConfig
from pipeline.engine import make_engine

KINDS = ("vllm", "transformers", "openai")


def fingerprint(model: Path, kind: str = "vllm", **more: Any) -> str:
    address = {"url": "http://127.0.0.1:9/v1"} if kind == "openai" else {}
    options = {"kind": kind, "model": str(model), **address, **more}
    return make_engine(EngineConfig.model_validate(options), 1, 1).fingerprint


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change",
    [
        {"template_args": {"enable_thinking": False}},
        {"tokenizer": "another/tokenizer"},
        {"dtype": "bfloat16"},
        {"max_model_len": 512},
        {"chat_api": True},
        {"args": {"quantization": "fp8"}},
        {"args": {"an_argument_of_tomorrow": 1}},
    ],
)
def test_what_changes_answers_makes_another_engine(
    tiny_model: Path, kind: str, change: dict[str, Any]
) -> None:
    assert fingerprint(tiny_model, kind, **change) != fingerprint(tiny_model, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change",
    [
        {"max_num_seqs": 8},
        {"memory_share": 0.4},
        {"kv_cache_gib": 0.5},
        {"retries": 0},
        {"request_timeout_s": 9.0},
        {"url": "http://127.0.0.1:10/v1"},
        {"api_key_env": "OTHER_KEY"},
        {"template_args": {}, "dtype": "auto"},
        {"args": {"tensor_parallel_size": 2, "disable_log_stats": False}},
    ],
)
def test_where_and_how_fast_a_model_runs_makes_no_other_engine(
    tiny_model: Path, kind: str, change: dict[str, Any]
) -> None:
    assert fingerprint(tiny_model, kind, **change) == fingerprint(tiny_model, kind)


def test_a_neutral_argument_does_not_hide_one_that_counts(tiny_model: Path) -> None:
    counts = {"quantization": "fp8"}
    both = fingerprint(tiny_model, args=counts | {"tensor_parallel_size": 2})
    assert both == fingerprint(tiny_model, args=counts)
    assert both != fingerprint(tiny_model, args={"tensor_parallel_size": 2})


def test_an_adapter_counts_by_what_its_folder_holds(tiny_model: Path, tmp_path: Path) -> None:
    def adapter(name: str, weights: bytes) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "adapter_config.json").write_text("{}")
        (folder / "adapter_model.safetensors").write_bytes(weights)
        return fingerprint(tiny_model, args={"lora": str(folder)})

    first = adapter("first", b"1")
    assert adapter("copy", b"1") == first
    assert adapter("retrained", b"2") != first


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_counts_by_what_its_folder_holds(
    tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    for name in ("first", "copy", "changed"):
        (tmp_path / name).mkdir()
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tiny_model / file, tmp_path / name)
    (tmp_path / "changed" / "chat_template.jinja").write_text("{{ messages }}")
    first, copy, changed = (
        fingerprint(tiny_model, kind, tokenizer=str(tmp_path / name))
        for name in ("first", "copy", "changed")
    )
    assert copy == first
    assert changed != first


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_trained_further_in_its_place_is_another(
    tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    before = fingerprint(model, kind)
    with open(model / "model.safetensors", "ab") as weights:
        weights.write(b"more")
    assert fingerprint(model, kind) != before
