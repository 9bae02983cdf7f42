"""A deployment's run under a real server and worker, with one of them killed in its middle."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from pipeline.config import RunConfig
from tests.faults.conftest import Saw, running
from tests.faults.nightly import Up, postgres, solutions_made, undisturbed, until
from tests.faults.test_one_folder import slow_batch
from tests.killing import rows_of

FLOW, WORKER, SERVER = "prefect.engine", "prefect worker start", "prefect server start"


def deployed(up: Up, name: str, pause_s: float = 0.1, **deploy: object) -> RunConfig:
    """A batch that the worker is now in the middle of."""
    raw = slow_batch(up.folder, name, pause_s).model_dump(mode="json") | {"deploy": deploy}
    config = RunConfig.check(raw, "test")
    path = up.folder / f"{name}.yaml"
    path.write_text(config.to_yaml())
    up.steplabel("deploy", str(path), "--now")
    until(f"{name} is in its middle", lambda: solutions_made(config), 120)
    return config


def run_of(up: Up, config: RunConfig) -> dict:
    runs = [r for r in up.ask("flow_runs") if r["parameters"]["config"]["name"] == config.name]
    return max(runs, key=lambda run: run["created"]) if runs else {}


def ends(up: Up, config: RunConfig, state: str = "Completed", seconds: float = 120) -> None:
    def there() -> bool | None:
        run = run_of(up, config)
        assert run.get("state_name") != "Failed", up.logs()
        return True if run.get("state_name") == state else None

    until(f"{config.name} is {state}", there, seconds)


def test_a_killed_flow_is_started_again_by_itself(shared_up: Up, saw: Saw) -> None:
    config = deployed(shared_up, "flow-killed")
    shared_up.kill("worker", FLOW)
    ends(shared_up, config)
    states = shared_up.history(run_of(shared_up, config)["id"])
    assert "Crashed" in states
    assert "AwaitingRetry" in states
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("SIGKILL of the flow's process", shown, rows_of(config), undisturbed(config))


def test_a_killed_server_is_started_again_and_hears_how_the_run_ended(
    shared_up: Up, saw: Saw
) -> None:
    config = deployed(shared_up, "server-killed")
    shared_up.kill("server", SERVER)
    ends(shared_up, config)
    states = shared_up.history(run_of(shared_up, config)["id"])
    shown = f"the pages are gone for some seconds; the run: {' → '.join(states)}"
    saw("SIGKILL of the Prefect server", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_killed_worker_does_not_take_the_run_with_it(shared_up: Up, saw: Saw) -> None:
    config = deployed(shared_up, "worker-killed")
    before = shared_up.kill("worker", WORKER)
    ends(shared_up, config)
    (now,) = [p.pid for p in shared_up.processes("worker") if WORKER in p.command]
    assert now != before
    states = shared_up.history(run_of(shared_up, config)["id"])
    shown = f"the run ends by itself: {' → '.join(states)}; a new worker is there"
    saw("SIGKILL of the worker", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_flow_killed_with_its_worker_is_missed_and_started_again(shared_up: Up, saw: Saw) -> None:
    config = deployed(shared_up, "both-killed", pause_s=4.0)
    until("a heartbeat", lambda: _heard(shared_up, config), 60)
    shared_up.kill("worker", WORKER)
    shared_up.kill("worker", FLOW)
    ends(shared_up, config, seconds=500)
    states = shared_up.history(run_of(shared_up, config)["id"])
    assert "Crashed" in states
    shown = f"Running for two minutes more, then {' → '.join(states)}"
    saw("SIGKILL of worker and flow", shown, rows_of(config), undisturbed(config))


def _heard(up: Up, config: RunConfig) -> bool | None:
    run = run_of(up, config)
    events = up.ask(
        "events",
        filter={
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run['id']}"]},
        },
    )
    return True if events else None


@pytest.mark.faults
def test_sigterm_of_the_flow_drains_it_and_a_worker_goes_on(shared_up: Up, saw: Saw) -> None:
    config = deployed(shared_up, "flow-terminated")
    began = time.monotonic()
    pid = shared_up.kill("worker", FLOW, signal.SIGTERM)
    until("the flow has ended", lambda: not _alive(pid), 30)
    assert time.monotonic() - began < 30
    ends(shared_up, config)
    states = shared_up.history(run_of(shared_up, config)["id"])
    assert "AwaitingRetry" in states
    assert "Crashed" not in states
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("SIGTERM to the flow's process", shown, rows_of(config), undisturbed(config))


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.faults
def test_a_cancelled_run_stays_cancelled_and_the_next_one_goes_on(shared_up: Up, saw: Saw) -> None:
    config = deployed(shared_up, "cancelled")
    run = run_of(shared_up, config)["id"]
    state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    shared_up.post(f"flow_runs/{run}/set_state", state)
    ends(shared_up, config, "Cancelled")
    calls = len(list(config.folder.rglob("*")))
    assert calls
    shared_up.steplabel("deploy", str(shared_up.folder / "cancelled.yaml"), "--now")
    ends(shared_up, config)
    states = shared_up.history(run)
    shown = f"the run: {' → '.join(states)}; the next one goes on where it was"
    saw("Cancel in the UI", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_run_that_takes_too_long_is_stopped(shared_up: Up, saw: Saw) -> None:
    config = deployed(shared_up, "too-long", pause_s=2.0, max_hours=15 / 3600)
    ends(shared_up, config, "Cancelled")
    config = config.model_copy(update={"deploy": type(config.deploy)()})
    path = shared_up.folder / "too-long.yaml"
    path.write_text(config.to_yaml())
    shared_up.steplabel("deploy", str(path), "--now")
    ends(shared_up, config)
    shown = "Cancelled by the automation; the next run goes on where it was"
    saw("a run longer than `deploy.max_hours`", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_down_stops_a_run_in_order_and_the_next_up_goes_on(up: Up, saw: Saw) -> None:
    config = deployed(up, "down-and-up")
    said = up.steplabel("down").stdout
    assert said.startswith("down: ")
    assert up.process is not None
    assert up.process.wait(60) == 0
    up.start()
    ends(up, config)
    states = up.history(run_of(up, config)["id"])
    assert "AwaitingRetry" in states
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("`steplabel down` in mid-run, then `up`", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_up_killed_leaves_the_run_at_work_and_down_ends_exactly_its_processes(
    up: Up, saw: Saw
) -> None:
    config = deployed(up, "up-killed")
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    ends(up, config)
    mine = {process.pid for process in up.processes()}
    assert len(mine) >= 2
    up.steplabel("down")
    assert not any(_alive(pid) for pid in mine)
    assert up.steplabel("down").stdout.strip() == "nothing is up"
    shown = "the run ends by itself; `steplabel down` ends what is left"
    saw("SIGKILL of `steplabel up`", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_killed_postgresql_costs_no_row(tmp_path: Path, saw: Saw) -> None:
    with postgres(tmp_path) as (url, kill, start):
        one = Up(tmp_path, PREFECT_SERVER_DATABASE_CONNECTION_URL=url)
        with running(one):
            config = deployed(one, "postgresql-killed")
            kill()
            time.sleep(5)
            start()
            ends(one, config)
            states = one.history(run_of(one, config)["id"])
            shown = f"errors in the UI while it is away; the run: {' → '.join(states)}"
            saw("SIGKILL of PostgreSQL", shown, rows_of(config), undisturbed(config))
