"""How a fresh model begins: with heads that look a value up.

To look a value up a model must find the place where the token now read was followed by
something, and attend to what followed: an induction head (Olsson et al. 2022, arXiv 2209.11895).
It needs two layers to fit together, and at this size finding that from nothing took longer than
the whole budget of training. So two heads of the first layer begin by attending one and two
tokens back, and two of the second by matching what those wrote: one on the last token, one on
the last two. Everything else is random, and everything is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

ROPE_THETA = 1e6
_POSITION_GAIN = 2.5
_MATCH_GAIN = 2.2
_WRITE_SCALE = 0.03
_FIRST_STILL = 6  # rotary pairs from this one on hardly turn over a document


def _orthonormal(rows: int, columns: int) -> Tensor:
    return torch.linalg.qr(torch.randn(columns, rows))[0].T


@torch.no_grad()
def plant_lookup(model: LlamaForCausalLM) -> None:
    """Set the four heads, with draws from torch's global generator."""
    width = model.config.hidden_size
    size = width // model.config.num_attention_heads
    half = size // 2
    scale = model.config.initializer_range
    embedding = model.model.embed_tokens.weight
    basis = _orthonormal(2 * size + 1, width)
    basis[:, 0] = 0
    basis = torch.linalg.qr(basis.T)[0].T
    one_back, two_back = basis[:size], basis[size : 2 * size]
    for written in (one_back, two_back):
        embedding -= embedding @ written.T @ written
    embedding[:, 0] = 0
    embedding *= scale * width**0.5 / embedding.norm(dim=1, keepdim=True).clamp(min=1e-6)
    embedding[:, 0] = 3 * scale
    read = torch.randn(size, width)
    read -= read @ basis.T @ basis
    read[:, 0] = 0
    read = torch.linalg.qr(read.T)[0].T
    first, second = (model.model.layers[i].self_attn for i in (0, 1))
    first.o_proj.weight[:, 2 * size :] *= 0.1
    model.model.layers[0].mlp.down_proj.weight *= 0.1
    frequencies = ROPE_THETA ** (-torch.arange(half) / half)
    for head, (distance, written) in enumerate(((1, one_back), (2, two_back))):
        rows = slice(head * size, (head + 1) * size)
        phase = frequencies * distance
        first.q_proj.weight[rows] = 0
        first.k_proj.weight[rows] = 0
        turning = _POSITION_GAIN * (torch.arange(half) < _FIRST_STILL)
        first.q_proj.weight[rows, 0] = torch.cat([phase.cos() * turning, -phase.sin() * turning])
        first.k_proj.weight[rows, 0] = torch.cat([turning, torch.zeros(half)])
        first.v_proj.weight[rows] = read
        first.o_proj.weight[:, rows] = _WRITE_SCALE * written.T
    still = [i for i in range(size) if i % half >= _FIRST_STILL]
    for head in (0, 1):
        on_last = still if head == 0 else still[::2]
        rows = slice(head * size, (head + 1) * size)
        query, key = torch.zeros(size, width), torch.zeros(size, width)
        query[on_last], key[on_last] = read[on_last], one_back[on_last]
        if head == 1:
            on_second = still[1::2]
            query[on_second], key[on_second] = one_back[on_second], two_back[on_second]
        second.q_proj.weight[rows] = _MATCH_GAIN * query
        second.k_proj.weight[rows] = _MATCH_GAIN * key
        copied = _orthonormal(size, width)
        second.v_proj.weight[rows] = copied
        second.o_proj.weight[:, rows] = _WRITE_SCALE * copied.T
