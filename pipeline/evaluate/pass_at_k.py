"""pass@k: the chance that one of k programs passes its tests (Chen et al. 2021, arXiv 2107.03374)."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb


def pass_at_k(n: int, right: int, k: int) -> float:
    """The unbiased estimate from `n` samples of one problem, `right` of which pass: 1 - C(n-c, k)/C(n, k).

    Raises ValueError where there are fewer samples than k.
    """
    if not 0 <= right <= n or not 0 < k <= n:
        raise ValueError(
            f"pass@{k} of {right} right in {n} samples; should be right <= n and k <= n"
        )
    return 1.0 - comb(n - right, k) / comb(n, k)


def mean_pass_at(samples: Mapping[str, int], right: Mapping[str, int]) -> dict[int, float]:
    """pass@1, 10 and 100 over problems, as far as each has so many samples. As published, a program that
    was stopped has not passed."""
    most = min(samples.values(), default=0)
    return {
        k: sum(pass_at_k(n, right[problem], k) for problem, n in samples.items()) / len(samples)
        for k in (1, 10, 100)
        if k <= most
    }
