"""A PRM: the policy's weights with a token-classification head, read at the newline that ends each step.

Trained as published PRMs are (Zhang et al. 2025, arXiv 2501.07301): two classes, cross-entropy at the
separators up to and with the first wrong step; nothing is said of a step after it. Every training has as many
updates as every other, however few its solutions are. The lower layers, which look values up, stay as the
policy has them: what they make of a solution is computed once for all trainings.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from pipeline.records import NO_ERROR
from pipeline.testbed.optim import MuonAdamW
from pipeline.testbed.tokenizer import encode
from pipeline.testbed.train import fast_bfloat16

if TYPE_CHECKING:
    from transformers import LlamaForTokenClassification

SORTED = 512
"""Solutions that are sorted by length together."""
SCORED = 4096
"""Tokens of a batch that is only read."""
GOOD = 1


@dataclass(frozen=True)
class Plan:
    """One training: `updates` of about `tokens` each, at `rate` of the full learning rates, which rise for
    the first `warm` of the way and fall to zero after `constant` of it. `frozen`: layers that don't learn."""

    updates: int = 150
    tokens: int = 3072
    rate: float = 1.0
    warm: float = 0.05
    constant: float = 0.4
    frozen: int = 2


@dataclass(frozen=True)
class Text:
    """A solution behind the frozen layers: states (length, width), and where each step ends."""

    states: Tensor
    ends: tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """A class for each of a text's first steps: those that its label speaks of."""

    text: Text
    classes: tuple[int, ...]

    @property
    def length(self) -> int:
        return self.text.ends[len(self.classes) - 1] + 1


def example(text: Text, first_error: int) -> Example:
    """What a labelled solution teaches. No token depends on the steps behind it, so those after the first
    error are left out."""
    said = len(text.ends) if first_error == NO_ERROR else first_error + 1
    return Example(text, tuple(int(step != first_error) for step in range(said)))


def tokens_of(question: str, steps: Sequence[str]) -> tuple[list[int], tuple[int, ...]]:
    """Ids of a question with its solution, and where each step ends."""
    ids = encode(question + "\n")
    ends = []
    for step in steps:
        ids += encode(step)
        ends.append(len(ids) - 1)
    return ids, tuple(ends)


def new_prm(policy: Path, seed: int) -> LlamaForTokenClassification:
    """The policy's body under a new head. One seed begins with one head."""
    from transformers import LlamaConfig, LlamaForTokenClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = LlamaConfig.from_pretrained(str(policy), num_labels=2)
    config.classifier_dropout = 0.0
    model: LlamaForTokenClassification = LlamaForTokenClassification.from_pretrained(
        str(policy), config=config, dtype=torch.float32, attn_implementation="eager"
    )
    torch.manual_seed(seed)
    nn.init.normal_(model.score.weight, std=0.02)
    nn.init.zeros_(model.score.bias)
    return model


def trained(
    policy: Path, examples: Sequence[Example], seed: int, plan: Plan
) -> LlamaForTokenClassification:
    """Raises ValueError without examples."""
    if not examples:
        raise ValueError("nothing to train on")
    model = new_prm(policy, seed).train()
    learns = {str(n): model.model.layers[n] for n in range(plan.frozen, len(model.model.layers))}
    upper = nn.ModuleDict({"layers": nn.ModuleDict(learns), "norm": model.model.norm})
    optimizer = MuonAdamW(nn.ModuleDict({"upper": upper, "score": model.score}))
    stream = batches(examples, seed, plan.tokens)
    for update in range(plan.updates):
        rows = next(stream)
        logits = at_ends(
            model, [row.text for row in rows], [len(row.classes) for row in rows], plan
        )
        wanted = torch.tensor([one for row in rows for one in row.classes])
        functional.cross_entropy(logits, wanted).backward()
        done = update / plan.updates
        falling = min(1.0, (1 - done) / (1 - plan.constant))
        rising = min(1.0, (update + 1) / (plan.warm * plan.updates))
        optimizer.step(plan.rate * falling * rising, planted=1.0)
    return model.eval()


def batches(examples: Sequence[Example], seed: int, tokens: int) -> Iterator[list[Example]]:
    """Epoch after epoch, without an end; a batch's examples are of about one length."""
    rng = random.Random(f"prm-{seed}")
    while True:
        order = rng.sample(range(len(examples)), len(examples))
        found: list[list[int]] = []
        for start in range(0, len(order), SORTED):
            some = order[start : start + SORTED]
            found += cut(some, [examples[i].length for i in some], tokens)
        rng.shuffle(found)
        yield from ([examples[i] for i in batch] for batch in found)


def cut(numbers: Sequence[int], lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Numbers by length, in batches of so many tokens with the padding."""
    found: list[list[int]] = []
    rows: list[int] = []
    for length, number in sorted(zip(lengths, numbers, strict=True)):
        if rows and (len(rows) + 1) * length > tokens:
            found.append(rows)
            rows = []
        rows.append(number)
    return [*found, rows] if rows else found


def at_ends(
    model: LlamaForTokenClassification, texts: Sequence[Text], steps: Sequence[int], plan: Plan
) -> Tensor:
    """Logits (ends, 2) at the ends of the first `steps` of each text, by the layers that learn. Padding
    stands behind all text, so a causal model needs no mask for it."""
    ends = [text.ends[:n] for text, n in zip(texts, steps, strict=True)]
    states = [text.states[: at[-1] + 1] for text, at in zip(texts, ends, strict=True)]
    padded = pad_sequence(states, batch_first=True).float()
    columns = pad_sequence([torch.tensor(at) for at in ends], batch_first=True)
    said = torch.arange(columns.shape[1]) < torch.tensor(steps)[:, None]
    last = len(model.model.layers) - 1
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
        hidden = _layers(model, padded, range(plan.frozen, last))
        hidden = _only_at(columns, model.model.layers[last], hidden, _turn(model, hidden))
    logits: Tensor = model.score(model.model.norm(hidden[said].float()))
    return logits


def _turn(model: LlamaForTokenClassification, hidden: Tensor) -> tuple[Tensor, Tensor]:
    cosine, sine = model.model.rotary_emb(hidden, torch.arange(hidden.shape[1])[None])
    return cosine, sine


def _layers(model: LlamaForTokenClassification, hidden: Tensor, numbers: range) -> Tensor:
    """Eager attention: on a CPU its backward pass takes a quarter of the time of the fused one."""
    length, turn = hidden.shape[1], _turn(model, hidden)
    seen = torch.full((1, 1, length, length), -torch.inf).triu(1)
    for number in numbers:
        layer = model.model.layers[number]
        hidden = layer(hidden, attention_mask=seen, position_embeddings=turn)
    return hidden


def _only_at(
    columns: Tensor, layer: nn.Module, hidden: Tensor, turn: tuple[Tensor, Tensor]
) -> Tensor:
    """A Llama layer's output at `columns` (rows, ends) alone: of a last layer nothing else is read."""
    from transformers.models.llama.modeling_llama import rotate_half

    attention = layer.self_attn
    here = columns[..., None].expand(-1, -1, hidden.shape[-1])
    normed = layer.input_layernorm(hidden)
    query, key, value = (
        project(x).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
        for project, x in (
            (attention.q_proj, normed.gather(1, here)),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    cosine, sine = turn
    key = key * cosine[:, None] + rotate_half(key) * sine[:, None]
    cosine, sine = (of_all[0][columns][:, None] for of_all in turn)
    query = query * cosine + rotate_half(query) * sine
    later = torch.arange(hidden.shape[1]) > columns[..., None]
    scores = (query @ key.transpose(2, 3)) * attention.scaling
    shares = torch.softmax(scores.float().masked_fill(later[:, None], -torch.inf), -1)
    mixed = (shares.to(value.dtype) @ value).transpose(1, 2).flatten(2)
    out = hidden.gather(1, here) + attention.o_proj(mixed)
    found: Tensor = out + layer.mlp(layer.post_attention_layernorm(out))
    return found


@torch.no_grad()
def read(policy: Path, texts: Sequence[tuple[str, Sequence[str]]], plan: Plan) -> list[Text]:
    """Each (question, steps) behind the frozen layers."""
    model = new_prm(policy, 0).eval()
    ids, ends = zip(*(tokens_of(question, steps) for question, steps in texts), strict=True)
    found: dict[int, Text] = {}
    for batch in cut(range(len(texts)), [len(one) for one in ids], SCORED):
        padded = pad_sequence([torch.tensor(ids[i]) for i in batch], batch_first=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
            states = _layers(model, model.model.embed_tokens(padded), range(plan.frozen))
        for row, i in enumerate(batch):
            found[i] = Text(states[row, : len(ids[i])].bfloat16().clone(), ends[i])
    return [found[i] for i in range(len(texts))]


@torch.no_grad()
def scored(
    model: LlamaForTokenClassification, texts: Sequence[Text], plan: Plan
) -> list[NDArray[np.float64]]:
    """P(good) of each step of each text."""
    found: dict[int, NDArray[np.float64]] = {}
    for batch in cut(range(len(texts)), [text.states.shape[0] for text in texts], SCORED):
        steps = [len(texts[i].ends) for i in batch]
        logits = at_ends(model, [texts[i] for i in batch], steps, plan)
        good = torch.softmax(logits, -1)[:, GOOD].double().numpy()
        found.update(zip(batch, np.split(good, np.cumsum(steps)[:-1]), strict=True))
    return [found[i] for i in range(len(texts))]
