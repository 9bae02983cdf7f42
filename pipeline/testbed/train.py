"""Training of TinyMath's policy and judge, on a CPU, from a seed.

One document a row, rows of about one length in a batch, so nothing of another document is
attended to. Levels rise over the first 30%. The judge first learns to solve, then to check errors
put in, and, given them, the policy's own. The learning rate is constant for the first half or so,
then falls linearly to zero. Killed and started again with `resume`, a training goes on from its
last checkpoint.

    steplabel testbed train --policy --out .cache/tinymath/policy
    steplabel testbed train --judge --out .cache/tinymath/judge
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import InputError, RunError
from pipeline.testbed.corpus import (
    Document,
    Mix,
    Sample,
    judge_document,
    policy_document,
)
from pipeline.testbed.evaluate import judge_report, own_dev_file, policy_report
from pipeline.testbed.model import export_model, new_model
from pipeline.testbed.optim import MuonAdamW
from pipeline.testbed.sampler import PAD_ID

log = logging.getLogger(__name__)
BATCH_TOKENS = 3072
POOL_DOCUMENTS = 2048
SOLVE_TOKENS = 6_000_000
LOOKED_AT = 240
PLANTED_TOKENS = 1_500_000
CONSTANT = {"policy": 0.4, "judge": 0.5}
"""Share of the tokens at the full learning rates."""


@dataclass(frozen=True)
class Run:
    """One training. `role` is `policy` or `judge`; `tokens` the whole budget.

    Every `look_every` seconds the model is looked at on dev problems; None: never.
    """

    role: str
    out: Path
    tokens: int
    seed: int
    threads: int = 1
    samples: Path | None = None
    own_share: float = 0.4
    stop_at: int | None = None
    look_every: float | None = 360.0


@dataclass
class Progress:
    """Where a training stands: `batch` batches done of pool `pool`, begun at `pool_tokens`."""

    tokens: int = 0
    steps: int = 0
    pool: int = 0
    pool_tokens: int = 0
    batch: int = 0


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; elsewhere float32 is far faster."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def load_samples(path: Path | None) -> list[Sample]:
    """Rows of `question`, `steps`, `first_error`, as `steplabel testbed sample` writes them."""
    if path is None or not path.exists():
        return []
    samples: list[Sample] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            sample = Sample(row["question"], tuple(row["steps"]), int(row["first_error"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, row {number}: not a labelled sample ({error})") from error
        samples.append(sample)
    return samples


def _document(run: Run, rng: random.Random, done: int, samples: Sequence[Sample]) -> Document:
    progress = done / run.tokens
    if run.role == "policy":
        return policy_document(rng, progress, Mix(0.4, 0.6))
    if done < SOLVE_TOKENS:
        return judge_document(rng, progress * 2, Mix(0.6, 0.3, 0.1), ())
    own = run.own_share if samples else 0.0
    return judge_document(rng, 1.0, Mix(0.4, 0.1, 0.5 - own, own), samples)


def batches(
    run: Run, pool: int, done: int, samples: Sequence[Sample]
) -> list[tuple[Tensor, Tensor]]:
    """The batches of one pool of documents, in random order: ids and weights (rows, length)."""
    rng = random.Random(f"{run.role}-{run.seed}-{pool}")
    size = POOL_DOCUMENTS // (2 if run.role == "judge" else 1)
    documents = sorted((_document(run, rng, done, samples) for _ in range(size)), key=_length)
    found: list[tuple[Tensor, Tensor]] = []
    rows: list[Document] = []
    for document in documents:
        if rows and (len(rows) + 1) * len(document.ids) > BATCH_TOKENS:
            found.append(_padded(rows))
            rows = []
        rows.append(document)
    found.append(_padded(rows))
    rng.shuffle(found)
    return found


def _length(document: Document) -> int:
    return len(document.ids)


def _padded(rows: Sequence[Document]) -> tuple[Tensor, Tensor]:
    longest = max(len(row.ids) for row in rows)
    ids = [row.ids + [PAD_ID] * (longest - len(row.ids)) for row in rows]
    weights = [row.weights + [0.0] * (longest - len(row.ids)) for row in rows]
    return torch.tensor(ids), torch.tensor(weights)


def planted_factor(tokens: int) -> float:
    """How fast the planted heads learn, beside the rest."""
    return 0.1 if tokens < PLANTED_TOKENS else 0.6


def rate_factor(progress: float, constant: float) -> float:
    """Of the full learning rates: all of it for `constant` of the way, then linearly to zero."""
    return 1.0 if progress < constant else max(0.0, (1 - progress) / (1 - constant))


def train(run: Run, *, resume: bool) -> Path:
    """Train to the end of the budget; returns the checkpoint.

    Raises RunError where a checkpoint stands that isn't to be resumed: it may be hours of work.
    """
    torch.set_num_threads(run.threads)
    run.out.mkdir(parents=True, exist_ok=True)
    checkpoint = run.out / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise RunError(f"{checkpoint} stands there: --resume goes on from it; or remove it first")
    model = new_model(run.seed)
    optimizer = MuonAdamW(model)
    progress = Progress()
    if resume and checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        progress = Progress(**saved["progress"])
        log.info("going on from %s tokens", f"{progress.tokens:,}")
    samples = load_samples(run.samples)
    log.info("%s: %d own samples, bfloat16 %s", run.role, len(samples), fast_bfloat16())
    amp = fast_bfloat16()
    end = min(run.tokens, run.stop_at or run.tokens)
    own_dev = load_samples(own_dev_file(run.samples) if run.samples else None)[:LOOKED_AT]
    started, at_start = time.monotonic(), progress.tokens
    told = saved_at = evaluated = time.monotonic()
    losses: list[float] = []

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "progress": vars(progress),
        }
        temporary = checkpoint.with_suffix(".new")
        torch.save(state, temporary)
        os.replace(temporary, checkpoint)

    def report() -> str:
        return policy_report(model) if run.role == "policy" else judge_report(model, own_dev)

    for ids, weights in _stream(run, progress, samples, end):
        model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            logits = model(input_ids=ids, use_cache=False).logits
        targets, weight = ids[:, 1:].reshape(-1), weights[:, 1:].reshape(-1)
        each = functional.cross_entropy(
            logits[:, :-1].float().reshape(targets.numel(), -1), targets, reduction="none"
        )
        loss = (each * weight).sum() / weight.sum()
        loss.backward()
        optimizer.step(
            rate_factor(progress.tokens / run.tokens, CONSTANT[run.role]),
            planted_factor(progress.tokens),
        )
        progress.tokens += int((ids != PAD_ID).sum())
        progress.steps += 1
        losses.append(loss.item())
        now = time.monotonic()
        if now - told > 20:
            speed = (progress.tokens - at_start) / (now - started)
            log.info(
                "step %d, %.2fM tokens, loss %.4f, %.0f tokens/s, %.0f min left",
                progress.steps,
                progress.tokens / 1e6,
                sum(losses) / len(losses),
                speed,
                (end - progress.tokens) / speed / 60,
            )
            losses, told = [], now
        if now - saved_at > 40:
            save()
            saved_at = now
        if run.look_every is not None and now - evaluated > run.look_every:
            log.info("%s", report())
            evaluated = time.monotonic()
    save()
    if run.look_every is not None:
        log.info("done: %s", report())
    return checkpoint


def _stream(
    run: Run, progress: Progress, samples: Sequence[Sample], end: int
) -> Iterator[tuple[Tensor, Tensor]]:
    while progress.tokens < end:
        pool = batches(run, progress.pool, progress.pool_tokens, samples)
        while progress.batch < len(pool):
            if progress.tokens >= end:
                return
            progress.batch += 1
            yield pool[progress.batch - 1]
        progress.pool += 1
        progress.pool_tokens, progress.batch = progress.tokens, 0


def export_checkpoint(checkpoint: Path, folder: Path, card: str | None = None) -> None:
    """Write the checkpoint's model to `folder` in the Hugging Face format."""
    model = new_model(0)
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    export_model(model, folder, card)
