"""Muon in float32 for the matrices, AdamW for the rest.

Muon: Keller Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
torch.optim.Muon works in bfloat16, which a CPU without it does very slowly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

MUON_RATE, ADAMW_RATE, MOMENTUM = 0.02, 3e-3, 0.95
PLANTED = ("layers.0.self_attn", "layers.1.self_attn.q_proj", "layers.1.self_attn.k_proj")


def orthogonal(stack: Tensor) -> Tensor:
    """Nearest semi-orthogonal matrix to each of `stack` (n, rows, columns), five steps."""
    turned = stack.shape[1] > stack.shape[2]
    x = stack.transpose(1, 2) if turned else stack
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.transpose(1, 2) if turned else x


class MuonAdamW:
    """Both optimizers under one learning-rate factor, with a state that can be saved."""

    def __init__(self, model: nn.Module) -> None:
        matrices: dict[tuple[object, ...], list[nn.Parameter]] = {}
        rest: list[nn.Parameter] = []
        embeddings: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and ".layers." in name:
                slow = any(part in name for part in PLANTED)
                matrices.setdefault((*parameter.shape, slow), []).append(parameter)
            else:
                (embeddings if "embed_tokens" in name else rest).append(parameter)
        self._matrices = list(matrices.values())
        self._slow = [bool(slow) for *_, slow in matrices]
        self._momenta = [torch.zeros(len(g), *g[0].shape) for g in self._matrices]
        groups = [{"params": rest, "planted": False}, {"params": embeddings, "planted": True}]
        self._adamw = torch.optim.AdamW(groups, lr=ADAMW_RATE, betas=(0.9, 0.95), weight_decay=0.0)

    @torch.no_grad()
    def step(self, factor: float, planted: float) -> None:
        """One update at `factor` of the full learning rates; gradients are cleared.

        What the planted heads rest on learns at `planted` of that: low at first, or it is
        overrun before the rest of the model has learnt to use it.
        """
        for group, momentum, slow in zip(self._matrices, self._momenta, self._slow, strict=True):
            gradients = torch.stack([p.grad for p in group if p.grad is not None])
            momentum.lerp_(gradients, 1 - MOMENTUM)
            update = orthogonal(gradients.lerp(momentum, MOMENTUM))
            rows, columns = update.shape[1:]
            rate = MUON_RATE * factor * (planted if slow else 1.0) * max(1.0, rows / columns) ** 0.5
            for parameter, change in zip(group, update, strict=True):
                parameter.sub_(change, alpha=rate)
                parameter.grad = None
        for settings in self._adamw.param_groups:
            settings["lr"] = ADAMW_RATE * factor * (planted if settings["planted"] else 1.0)
        self._adamw.step()
        self._adamw.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        return {"momenta": self._momenta, "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for mine, saved in zip(self._momenta, state["momenta"], strict=True):
            mine.copy_(saved)
        self._adamw.load_state_dict(state["adamw"])
        for settings, planted in zip(self._adamw.param_groups, (False, True), strict=True):
            settings["planted"] = planted
