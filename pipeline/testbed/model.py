"""The Llama both models are, and where it is kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pipeline.errors import PrerequisiteError
from pipeline.testbed.initial import ROPE_THETA, plant_lookup
from pipeline.testbed.sampler import EOS_ID, PAD_ID
from pipeline.testbed.tokenizer import save_tokenizer, vocabulary

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

MAX_LENGTH = 1024


def new_model(seed: int) -> LlamaForCausalLM:
    """A fresh Llama: 128 wide, 4 layers, 4 heads, 384 feed-forward, 0.9M parameters, float32."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary()),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=EOS_ID,
        pad_token_id=PAD_ID,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config)
    plant_lookup(model)
    return model


def load_model(folder: Path) -> LlamaForCausalLM:
    """The model of a Hugging Face folder, float32, ready to sample."""
    from transformers import LlamaForCausalLM

    if not (folder / "config.json").is_file():
        raise PrerequisiteError(
            f"no model in {folder}: train one with `steplabel testbed train`, or name its folder"
        )
    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    return model.eval()


def export_model(model: LlamaForCausalLM, folder: Path, card: str | None = None) -> None:
    """Write a Hugging Face folder: into a temporary one first, then renamed over the old.

    A model card already there is kept unless `card` gives another.
    """
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.generation_config.eos_token_id = EOS_ID
    model.generation_config.pad_token_id = PAD_ID
    model.float().save_pretrained(str(temporary), safe_serialization=True)
    save_tokenizer(temporary)
    old_card = folder / "README.md"
    if card is not None:
        (temporary / "README.md").write_text(card, encoding="utf-8")
    elif old_card.is_file():
        shutil.copy(old_card, temporary / "README.md")
    if folder.exists():
        retired = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(retired, ignore_errors=True)
        folder.rename(retired)
        temporary.rename(folder)
        shutil.rmtree(retired)
    else:
        temporary.rename(folder)
