"""Small real models and a real vLLM server for the engine tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.vllm_server import Starting, vllm_serve

ROOT = Path(__file__).resolve().parents[3]
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
def starting_server(
    chat_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Starting]:
    """A real server of vLLM's, not waited for, so that engines can start beside it."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with vllm_serve(chat_model, log, max_model_len=512) as starting:
        yield starting


@pytest.fixture(scope="module")
def vllm_server(starting_server: Starting, chat_model: Path) -> Server:
    """It is waited for here. Of a module's scope, as engines are: one of a session's would be waited
    for before they begin to start."""
    return Server(starting_server.ready(), chat_model)
