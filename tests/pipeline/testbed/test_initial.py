"""A fresh model already finds what followed a token, or two tokens, last time."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

from pipeline.testbed.corpus import lookups  # noqa: E402
from pipeline.testbed.model import new_model  # noqa: E402
from pipeline.testbed.tokenizer import vocabulary  # noqa: E402


@pytest.mark.parametrize("seed", [1, 2])
def test_fresh_heads_attend_to_what_followed_last_time(seed: int) -> None:
    model = new_model(seed)
    model.set_attn_implementation("eager")
    ids = lookups(random.Random(1)).ids
    with torch.no_grad():
        seen = model(input_ids=torch.tensor([ids]), output_attentions=True).attentions[1][0]
    tokens = list(vocabulary())
    on_one: list[float] = []
    on_two: list[float] = []
    for i in range(1, len(ids)):
        same = [k for k in range(1, i) if ids[k] == ids[i]]
        if same and tokens[ids[i]].endswith("=") and len(tokens[ids[i]]) > 2:
            on_one.append(sum(float(seen[0, i, k + 1]) for k in same))
        both = [k for k in same if ids[k - 1] == ids[i - 1]]
        if both and tokens[ids[i]][-1].isdigit():
            on_two.append(sum(float(seen[1, i, k + 1]) for k in both))
    assert sum(on_one) / len(on_one) > 0.9
    assert sum(on_two) / len(on_two) > 0.8
