"""Small real models and a real vLLM server for the engine tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
START_S = 300
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>\n{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>\n{% endif %}"
)


def make_random_model(folder: Path) -> Path:
    """A Llama of random weights with TinyMath's kind of tokenizer (word-and-digit tokens)."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<pad>", "<eos>", "<unk>", "\n"]
    words += [f" {d}" for d in range(10)] + [str(d) for d in range(10)]
    words += [f" w{i}" for i in "abcdefghijklmnopqrstuvwxyz"] + [" =", " +", " .", " :"]
    words += ["<", ">", "system", "user", "assistant"]
    tokenizer = Tokenizer(
        models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r" ?[A-Za-z]+=| ?[A-Za-z]+| ?\d|\n| ?[^\sA-Za-z\d]"), "isolated"
    )
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped TinyMath policy, or, in a tree without its weights, a random model like it."""
    shipped = ROOT / "data" / "tinymath" / "policy"
    if (shipped / "model.safetensors").is_file() and (shipped / "tokenizer.json").is_file():
        return shipped
    return make_random_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model whose tokenizer has a chat template."""
    return make_random_model(tmp_path_factory.mktemp("chat-model"))


class Server(NamedTuple):
    """A running server: its base URL and the model it serves."""

    url: str
    model: Path


@pytest.fixture(scope="session")
def vllm_server(chat_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real `vllm serve`, started for the tests and ended after them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(chat_model), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "512"]
    command += ["--block-size", "32", "--kv-cache-memory-bytes", str(2**28)]
    command += ["--enable-prompt-tokens-details", "--max-num-seqs", "64"]
    with open(log, "wb") as out:
        server = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"VLLM_NO_USAGE_STATS": "1"},
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, url, log)
        yield Server(f"{url}/v1", chat_model)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            pytest.fail(f"vllm serve ended at its start:\n{log.read_text()[-3000:]}")
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    pytest.fail(f"vllm serve did not come up in {START_S} s:\n{log.read_text()[-3000:]}")
