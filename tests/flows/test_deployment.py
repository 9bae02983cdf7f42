"""A nightly deployment on a real Prefect server: made, run on a file that grows, and watched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.config import RunConfig
from pipeline.engine.simulated import simulated_problem
from tests.faults.conftest import running
from tests.faults.nightly import Up
from tests.faults.test_nightly_faults import ends
from tests.killing import rows_of
from tests.test_resume import small_batch


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(Up(tmp_path_factory.mktemp("nightly"))) as one:
        yield one


def write(up: Up, config: RunConfig) -> str:
    path = up.folder / f"{config.name}.yaml"
    path.write_text(config.to_yaml())
    return str(path)


def deployment(up: Up, name: str) -> dict:
    return next(d for d in up.ask("deployments") if d["name"] == name)


def test_a_nightly_deployment_labels_what_is_new_and_shows_how_it_went(up: Up) -> None:
    config = small_batch(up.folder, "nightly", problems=4)
    path = write(up, config)
    up.steplabel("deploy", path, "--cron", "0 2 * * *", "--timezone", "Europe/Berlin", "--now")
    ends(up, config)
    before = rows_of(config)
    first = {solution for solution in before if solution.startswith("solution")}
    problems = Path(config.problems.path)
    with problems.open("a") as file:
        file.writelines(json.dumps(simulated_problem(n).to_row()) + "\n" for n in range(4, 6))
    up.steplabel("deploy", path, "--now")
    ends(up, config)
    after = rows_of(config)
    assert len([key for key in after if key.startswith("solution")]) == len(first) + 8
    assert all(after[key] == row for key, row in before.items() if not key.startswith("label"))

    runs = [run for run in up.ask("flow_runs") if not run["auto_scheduled"]]
    assert {run["name"] for run in runs} == {
        "label nightly: problems.jsonl, 4 solutions each by policy"
    }
    shown = up.artifacts()
    assert {
        "nightly-progress",
        "nightly-stages",
        "nightly-results",
        "nightly-trend",
        "nightly-summary",
        "nightly-dataset",
    } <= shown.keys()
    assert float(shown["nightly-progress"]["data"]) == 100.0
    trend = json.loads(shown["nightly-trend"]["data"])
    assert [row["new solutions"] for row in trend] == [8, 16]
    stages = json.loads(shown["nightly-stages"]["data"])
    assert {"generate", "rollouts", "judge"} <= {row["stage"] for row in stages}
    reasons = json.loads(shown["nightly-results"]["data"])
    assert any(row["figure"] == "undecided" and row["detail"] for row in reasons)


def test_a_deployment_is_scheduled_queued_and_checked_by_its_schema(up: Up) -> None:
    config = small_batch(up.folder, "scheduled", problems=2)
    path = write(up, config)
    up.steplabel("deploy", path, "--cron", "0 2 * * *", "--timezone", "Europe/Berlin")
    made = deployment(up, "scheduled")
    (schedule,) = made["schedules"]
    assert schedule["schedule"]["cron"] == "0 2 * * *"
    assert schedule["schedule"]["timezone"] == "Europe/Berlin"
    assert made["global_concurrency_limit"]["limit"] == 1
    assert made["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert made["enforce_parameter_schema"]
    names = [a["name"] for a in up.ask("automations")]
    assert "steplabel/scheduled: crashed, so started again" in names
    bad = config.model_dump(mode="json", exclude_unset=True)
    bad["generate"] = {"samples": "many"}
    url = f"{up.api}/deployments/{made['id']}/create_flow_run"
    reply = httpx.post(url, json={"parameters": {"config": bad}}, timeout=30)
    assert reply.status_code == 409
    assert "many" in reply.text
    up.steplabel("deploy", path)
    assert deployment(up, "scheduled")["schedules"] == []
    assert len(up.ask("automations")) == len(names), "made twice"


def test_a_schedule_that_is_none_is_told(up: Up) -> None:
    path = write(up, small_batch(up.folder, "never", problems=2))
    done = up.steplabel("deploy", path, "--cron", "at night", check=False)
    assert done.returncode == 2
    assert "deploy.cron 'at night'" in done.stderr
    done = up.steplabel("deploy", path, "--cron", "0 2 * * *", "--timezone", "Mars", check=False)
    assert done.returncode == 2
    assert "Mars" in done.stderr


def test_a_second_up_is_refused(up: Up) -> None:
    done = up.steplabel("up", check=False)
    assert done.returncode == 4
    assert "`steplabel down` stops it" in done.stderr
