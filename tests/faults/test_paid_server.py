"""A server that is paid: the run keeps to its budget, and to when the server wants to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import RunConfig
from pipeline.consensus.cascade import BUDGET
from pipeline.records import Label
from pipeline.run_folder import RunFolder
from tests.faults.conftest import Saw, run
from tests.faults.model_server import ModelServer
from tests.killing import made_calls, rows_of, run_once

PRICE = {"input": 1000.0, "output": 2000.0}
SHORT = {"sampling": {"max_tokens": 64}}


def priced(
    server: ModelServer, folder: Path, mood: str, budget: float | None, **engine: Any
) -> RunConfig:
    raw = server.batch(folder, mood, price=PRICE, **engine).model_dump(mode="json")
    raw["generate"] |= SHORT
    for name in ("rollouts", "judge"):
        raw["annotators"][name] |= SHORT
    raw["budget"] = None if budget is None else {"dollars": budget}
    return RunConfig.check(raw, "test")


def test_a_run_stops_in_order_when_its_dollars_are_spent_and_a_larger_budget_goes_on(
    server: ModelServer, tmp_path: Path, saw: Saw
) -> None:
    alone = priced(server, tmp_path / "alone", "busy", None, retries=9)
    whole = run(alone).dollars
    assert whole is not None
    budget = 0.6 * whole
    config = priced(server, tmp_path / "poor", "busy", budget, retries=9)
    run_once(config)
    poor = run(config)  # again, by the recorded calls: nothing is spent twice
    assert poor.dollars is not None
    assert 0 < poor.dollars <= budget
    assert poor.unpaid > 0
    assert poor.faults == 0
    unpaid = [x for x in RunFolder(config.folder).labels.read(Label) if not x.kept]
    assert any((label.reason or "").startswith(BUDGET) for label in unpaid)
    rich = config.model_copy(update={"budget": None})
    assert run(rich).dollars == pytest.approx(whole)
    assert len(made_calls(config)) == len(set(made_calls(config)))
    shown = f"`budget.dollars` {BUDGET}: labels of what it paid for, the rest undecided"
    saw(
        "a budget in dollars that is spent in the middle, then a larger one",
        shown,
        *both(rich, alone),
    )


def both(one: RunConfig, other: RunConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    return rows_of(one), rows_of(other)


def test_a_server_that_names_a_time_is_not_asked_before(
    server: ModelServer, tmp_path: Path, saw: Saw
) -> None:
    alone = priced(server, tmp_path / "alone", "well", None)
    run(alone)
    config = priced(server, tmp_path / "later", "later", None, retries=1)
    assert run(config).faults == 0  # its own first pause would be too short
    fault = "a model server that is closed for 2 s and says so (429, Retry-After in seconds and as a date)"
    saw(fault, "nothing; no call goes out meanwhile", *both(config, alone))
