"""The Llama both models are, where it is kept, and how it is sampled with torch alone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pipeline.errors import PrerequisiteError
from pipeline.testbed.initial import ROPE_THETA, plant_lookup
from pipeline.testbed.tokenizer import EOS, PAD, decode, encode, save_tokenizer, vocabulary

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

EOS_ID, PAD_ID = vocabulary()[EOS], vocabulary()[PAD]
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


@torch.no_grad()
def sample_texts(
    model: LlamaForCausalLM,
    prompts: Sequence[str],
    *,
    temperature: float,
    generator: torch.Generator | None = None,
    max_new: int = 400,
    batch: int = 128,
) -> list[str]:
    """One continuation of each prompt, up to EOS; greedy at temperature 0.

    Prompts are taken in order of length, left-padded, `batch` at a time.
    """
    from transformers import DynamicCache

    encoded = [encode(prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
    texts = [""] * len(prompts)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        longest = max(len(encoded[i]) for i in chosen)
        rows = [[PAD_ID] * (longest - len(encoded[i])) + encoded[i] for i in chosen]
        ids = torch.tensor(rows)
        mask = (ids != PAD_ID).long()
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        cache = DynamicCache()
        written: list[torch.Tensor] = []
        alive = torch.ones(len(chosen), dtype=torch.bool)
        step_ids, step_positions = ids, positions
        for _ in range(min(max_new, MAX_LENGTH - longest)):
            out = model(
                input_ids=step_ids,
                attention_mask=mask,
                position_ids=step_positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            logits = out.logits[:, -1].float()
            if temperature > 0:
                probabilities = torch.softmax(logits / temperature, -1)
                token = torch.multinomial(probabilities, 1, generator=generator)
            else:
                token = logits.argmax(-1, keepdim=True)
            token = torch.where(alive[:, None], token, EOS_ID)
            written.append(token)
            alive &= token[:, 0] != EOS_ID
            if not alive.any():
                break
            mask = torch.cat([mask, torch.ones(len(chosen), 1, dtype=mask.dtype)], 1)
            step_ids, step_positions = token, step_positions[:, -1:] + 1
        for i, row in zip(chosen, torch.cat(written, 1).tolist(), strict=True):
            texts[i] = decode(row[: row.index(EOS_ID)] if EOS_ID in row else row)
    return texts
