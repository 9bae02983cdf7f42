"""Training depends on the seed alone, goes on where it stopped, and ends in a folder that loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pipeline.errors import InputError, PrerequisiteError, RunError  # noqa: E402
from pipeline.testbed.model import load_model, new_model  # noqa: E402
from pipeline.testbed.optim import orthogonal  # noqa: E402
from pipeline.testbed.sampler import sample_texts  # noqa: E402
from pipeline.testbed.train import (  # noqa: E402
    Run,
    batches,
    export_checkpoint,
    load_samples,
    planted_factor,
    rate_factor,
    train,
)


@pytest.fixture
def short(tmp_path: Path) -> Run:
    return Run("policy", tmp_path / "a", tokens=30_000, seed=5, look_every=None)


def weights(checkpoint: Path) -> dict[str, object]:
    return dict(torch.load(checkpoint, weights_only=True)["model"])


def test_a_training_that_was_stopped_ends_as_one_that_was_not(short: Run, tmp_path: Path) -> None:
    whole = weights(train(short, resume=False))
    parted = replace(short, out=tmp_path / "b", stop_at=12_000)
    train(parted, resume=False)
    resumed = weights(train(replace(parted, stop_at=None), resume=True))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_an_exported_checkpoint_loads_and_samples(short: Run, tmp_path: Path) -> None:
    checkpoint = train(replace(short, tokens=7_000), resume=False)
    folder = tmp_path / "model"
    export_checkpoint(checkpoint, folder, card="first")
    export_checkpoint(checkpoint, folder)
    assert (folder / "README.md").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "model"]
    model = load_model(folder)
    prompts = ["#1 Eve has 9 .\nHow many has Eve ?\n", "#1 Eve has 9 .\n#2 Dan has 3 .\nWho has"]
    batched = sample_texts(model, prompts, temperature=0.0, max_new=12)
    alone = [sample_texts(model, [p], temperature=0.0, max_new=12)[0] for p in prompts]
    assert batched == alone


@pytest.mark.parametrize("done", [0, 5_000_000, 20_000_000])
@pytest.mark.parametrize("role", ["policy", "judge"])
def test_batches_are_drawn_from_the_seed_and_ask_for_something(role: str, done: int) -> None:
    run = Run(role, Path("unused"), tokens=40_000_000, seed=1)
    first, again = batches(run, 3, done, ()), batches(run, 3, done, ())
    assert all(
        torch.equal(a, b)
        for one, two in zip(first, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    for ids, weight in first:
        assert ids.shape == weight.shape
        assert ids.numel() <= 3072
        assert bool((weight.sum(1) > 0).all())


def test_a_model_is_its_seed_s() -> None:
    first, again, other = (new_model(seed).lm_head.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_checkpoint_is_not_overwritten_unasked(short: Run) -> None:
    (short.out / "checkpoint.pt").parent.mkdir(parents=True, exist_ok=True)
    (short.out / "checkpoint.pt").write_bytes(b"hours of work")
    with pytest.raises(RunError, match="--resume"):
        train(short, resume=False)


def test_muon_s_update_is_nearly_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((3, 16, 16), (2, 48, 16), (2, 16, 48)):
        singular = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert float(singular.min()) > 0.5
        assert float(singular.max()) < 1.3


def test_the_learning_rate_is_held_and_then_falls_to_zero() -> None:
    assert [rate_factor(p, 0.4) for p in (0, 0.39, 0.7, 1.0)] == pytest.approx([1, 1, 0.5, 0])
    assert planted_factor(0) < planted_factor(5_000_000) <= 1


def test_a_bad_sample_is_named_by_file_and_row(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"question": "q", "steps": ["a"], "first_error": 0}\n{"question": "q"}\n')
    with pytest.raises(InputError, match=r"own\.jsonl, row 2"):
        load_samples(path)


def test_a_folder_without_a_model_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="steplabel testbed train"):
        load_model(tmp_path)
