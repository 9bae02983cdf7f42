"""A deployment's run under a real server and worker, with one of them killed in its middle."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from pipeline.config import RunConfig
from pipeline.lock import start_of
from tests.faults.conftest import Saw
from tests.flows.test_deployment import grows_night_by_night
from tests.killing import rows_of
from tests.nightly import Up, postgres, running, slow_batch, solutions_made, undisturbed, until
from tests.s3 import in_bucket, s3

FLOW, WORKER, SERVER = "prefect.engine", "prefect worker start", "prefect server start"


def in_its_middle(up: Up, name: str, pause_s: float = 0.1) -> RunConfig:
    """A batch that the worker is now in the middle of."""
    config = slow_batch(up.folder, name, pause_s)
    up.run(config)
    until(f"{name} is in its middle", lambda: solutions_made(config))
    return config


@pytest.mark.faults
def test_a_killed_flow_is_started_again_by_itself(nightly: Up, saw: Saw) -> None:
    config = in_its_middle(nightly, "flow-killed")
    nightly.kill("worker", FLOW)
    states = nightly.becomes(config, "Completed")
    assert "Crashed" in states
    assert "AwaitingRetry" in states
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("SIGKILL of the flow's process", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_killed_server_is_started_again_and_hears_how_the_run_ended(
    nightly: Up, saw: Saw
) -> None:
    config = in_its_middle(nightly, "server-killed")
    nightly.kill("server", SERVER)
    states = nightly.becomes(config, "Completed")
    shown = f"the pages are gone for some seconds; the run: {' → '.join(states)}"
    saw("SIGKILL of the Prefect server", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_server_that_hangs_is_replaced(nightly: Up, saw: Saw) -> None:
    config = in_its_middle(nightly, "server-hung")
    before = nightly.kill("server", SERVER, signal.SIGSTOP)
    until("the server is replaced", lambda: not _alive(before), 400)
    states = nightly.becomes(config, "Completed")
    shown = f"the pages are gone for two minutes; the run: {' → '.join(states)}"
    saw("a Prefect server that hangs (SIGSTOP)", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_killed_worker_does_not_take_the_run_with_it(nightly: Up, saw: Saw) -> None:
    config = in_its_middle(nightly, "worker-killed")
    before = nightly.kill("worker", WORKER)
    states = nightly.becomes(config, "Completed")
    (now,) = [p.pid for p in nightly.processes("worker") if WORKER in p.command]
    assert now != before
    shown = f"the run ends by itself: {' → '.join(states)}; a new worker is there"
    saw("SIGKILL of the worker", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_a_flow_killed_with_its_worker_is_missed_and_started_again(nightly: Up, saw: Saw) -> None:
    config = in_its_middle(nightly, "both-killed", pause_s=4.0)
    until("a heartbeat", lambda: _heard(nightly, config), 60)
    nightly.kill("worker", WORKER)
    nightly.kill("worker", FLOW)
    states = nightly.becomes(config, "Completed", 500)
    assert "Crashed" in states
    shown = f"Running for two minutes more, then {' → '.join(states)}"
    saw("SIGKILL of worker and flow", shown, rows_of(config), undisturbed(config))


def _heard(up: Up, config: RunConfig) -> bool | None:
    run = up.newest(config)
    events = up.ask(
        "events",
        filter={
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run['id']}"]},
        },
    )
    return True if events else None


@pytest.mark.faults
def test_sigterm_of_the_flow_drains_it_and_a_worker_goes_on(nightly: Up, saw: Saw) -> None:
    config = in_its_middle(nightly, "flow-terminated")
    began = time.monotonic()
    pid = nightly.kill("worker", FLOW, signal.SIGTERM)
    until("the flow has ended", lambda: not _alive(pid), 30)
    assert time.monotonic() - began < 30
    states = nightly.becomes(config, "Completed")
    assert "AwaitingRetry" in states
    assert "Crashed" not in states
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("SIGTERM to the flow's process", shown, rows_of(config), undisturbed(config))


def _alive(pid: int) -> bool:
    """One that is dead may stay listed, where nobody waits for it."""
    return start_of(pid) is not None


@pytest.mark.faults
def test_a_cancelled_run_stays_cancelled_and_the_next_one_goes_on(nightly: Up, saw: Saw) -> None:
    config = in_its_middle(nightly, "cancelled")
    run = nightly.newest(config)["id"]
    state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    nightly.post(f"flow_runs/{run}/set_state", state)
    states = nightly.becomes(config, "Cancelled")
    nightly.run(config)
    nightly.becomes(config, "Completed")
    shown = f"the run: {' → '.join(states)}; the next one goes on where it was"
    saw("Cancel in the UI", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_sigterm_while_waiting_for_approval_asks_again(nightly: Up, saw: Saw) -> None:
    config = slow_batch(nightly.folder, "unapproved", pause_s=0.0, problems=8)
    raw = config.model_dump(mode="json") | {"deploy": {"approve_hours": 1}}
    config = RunConfig.check(raw, "test")
    nightly.run(config)
    nightly.becomes(config, "Paused")
    pid = nightly.kill("worker", FLOW, signal.SIGTERM)
    until("the flow has ended", lambda: not _alive(pid))
    states = nightly.becomes(config, "Paused")
    assert states.count("Paused") == 2
    run = nightly.newest(config)["id"]
    nightly.post(f"flow_runs/{run}/resume", {"run_input": {"publish": True}})
    nightly.becomes(config, "Completed")
    shown = f"one run in the UI: {' → '.join(states)}"
    alone = undisturbed(config.model_copy(update={"deploy": type(config.deploy)()}))
    saw("SIGTERM while a run waits for approval", shown, rows_of(config), alone)


@pytest.mark.faults
def test_a_run_that_takes_too_long_is_stopped(nightly: Up, saw: Saw) -> None:
    config = slow_batch(nightly.folder, "too-long", pause_s=8.0)
    path = nightly.folder / "too-long.yaml"
    path.write_text(config.to_yaml())
    hours = f"deploy.max_hours={15 / 3600}"
    nightly.steplabel("deploy", str(path), "--set", hours, "--now")
    nightly.becomes(config, "Cancelled")
    config = slow_batch(nightly.folder, "too-long")
    nightly.run(config)
    nightly.becomes(config, "Completed")
    shown = "Cancelled by the automation; the next run goes on where it was"
    saw("a run longer than `deploy.max_hours`", shown, rows_of(config), undisturbed(config))


@pytest.fixture
def chat() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(URL, what was sent to it) of a chat's incoming webhook."""
    heard: list[dict[str, str]] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", heard
        server.shutdown()


@pytest.mark.faults
def test_a_chat_hears_of_runs_that_fail_and_of_runs_that_take_too_long(
    nightly: Up, saw: Saw, chat: tuple[str, list[dict[str, str]]]
) -> None:
    url, heard = chat
    nightly.environment["TEST_CHAT"] = url
    config = slow_batch(nightly.folder, "told", pause_s=8.0)
    path = nightly.folder / "told.yaml"
    told = {"deploy": {"notify_env": "TEST_CHAT", "max_hours": 15 / 3600}}
    broken = {"problems": {"path": "nowhere.jsonl"}}
    path.write_text(yaml.safe_dump(config.model_dump(mode="json") | told | broken))
    nightly.steplabel("deploy", str(path), "--now")
    until("the chat hears of a failed run", lambda: any("Failed" in m["text"] for m in heard))
    path.write_text(yaml.safe_dump(config.model_dump(mode="json") | told))
    nightly.steplabel("deploy", str(path), "--now")
    nightly.becomes(config, "Cancelled")
    until("and of a long one", lambda: any("cancelled" in m["text"] for m in heard), 60)
    assert all("/runs/flow-run/" in m["text"] for m in heard)
    assert url not in nightly.logs()
    assert not any("Simulated problem" in m["text"] for m in heard)
    texts = dict.fromkeys(m["text"].partition(". ")[0] for m in heard)
    config = slow_batch(nightly.folder, "told")
    nightly.run(config)
    nightly.becomes(config, "Completed")
    shown = " and ".join(f"`{text}.`" for text in texts)
    saw(
        "a run that fails, then one too long, with `notify_env`",
        f"in the chat: {shown}, with a link",
        rows_of(config),
        undisturbed(config),
    )


@pytest.mark.faults
def test_down_stops_a_run_in_order_and_the_next_up_goes_on(up: Up, saw: Saw) -> None:
    config = in_its_middle(up, "down-and-up", pause_s=8.0)
    said = up.steplabel("down").stdout
    assert said.startswith("down: ")
    assert up.process is not None
    assert up.process.wait(60) == 0
    up.start()
    states = up.becomes(config, "Completed")
    assert "AwaitingRetry" in states
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("`steplabel down` in mid-run, then `up`", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_up_killed_leaves_the_run_at_work_and_down_ends_exactly_its_processes(
    up: Up, saw: Saw
) -> None:
    config = in_its_middle(up, "up-killed")
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    up.becomes(config, "Completed")
    mine = {process.pid for process in up.processes()}
    assert len(mine) >= 2
    up.steplabel("down")
    assert not any(_alive(pid) for pid in mine)
    assert up.steplabel("down").stdout.strip() == "nothing is up"
    shown = "the run ends by itself; `steplabel down` ends what is left"
    saw("SIGKILL of `steplabel up`", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_down_while_an_up_takes_over_what_a_killed_one_left_ends_both(up: Up) -> None:
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    mine = {process.pid for process in up.processes()}
    up.start(wait=False)
    until("the second `up` is at work", lambda: _holds_a_lock(up))
    up.steplabel("down")
    assert up.process.wait(60) == 0
    assert not any(_alive(pid) for pid in mine)
    assert up.steplabel("down").stdout.strip() == "nothing is up"


def _holds_a_lock(up: Up) -> bool:
    assert up.process is not None
    return f" {up.process.pid} " in Path("/proc/locks").read_text()


@pytest.mark.faults
def test_up_killed_and_started_again_takes_over_what_it_left(up: Up, saw: Saw) -> None:
    config = in_its_middle(up, "up-again", pause_s=0.3)
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    mine = {process.pid for process in up.processes()}
    up.start()
    assert not any(_alive(pid) for pid in mine)
    states = up.becomes(config, "Completed", 500)
    shown = f"one run in the UI: {' → '.join(states)}"
    saw("SIGKILL of `steplabel up`, then `up` again", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_postgresql_and_a_bucket_pass_the_nightly_end_to_end_test(tmp_path: Path, saw: Saw) -> None:
    with postgres(tmp_path) as (url, _, _), s3() as environment:
        one = Up(tmp_path, PREFECT_SERVER_DATABASE_CONNECTION_URL=url, **environment)
        with running(one):
            rows = grows_night_by_night(
                one, lambda n: in_bucket(slow_batch(tmp_path, "math", 0.0, n))
            )
    alone = undisturbed(slow_batch(tmp_path, "math", 0.0, 6))
    saw("no fault: PostgreSQL and a bucket for SQLite and a disk", "nothing", rows, alone)


@pytest.mark.faults
def test_a_killed_postgresql_costs_no_row(tmp_path: Path, saw: Saw) -> None:
    with postgres(tmp_path) as (url, kill, start):
        one = Up(tmp_path, PREFECT_SERVER_DATABASE_CONNECTION_URL=url)
        with running(one):
            config = in_its_middle(one, "postgresql-killed")
            kill()
            time.sleep(5)
            start()
            states = one.becomes(config, "Completed")
            shown = f"errors in the UI while it is away; the run: {' → '.join(states)}"
            saw("SIGKILL of PostgreSQL", shown, rows_of(config), undisturbed(config))
