"""A nightly deployment on a real Prefect server: made, run on a file that grows, and watched."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import httpx
import pytest
import yaml
from prefect import Flow
from pydantic import TypeAdapter

from annotators.registry import make_annotators
from flows.annotate import FormConfig
from flows.deployment import _schedules
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.run_folder import RunFolder
from tests.killing import rows_of
from tests.nightly import ROOT, Up, slow_batch
from tests.test_resume import small_batch

KEY = "sk-this-is-a-secret"


@pytest.mark.slow
def test_a_file_that_grows_is_labelled_night_by_night(nightly: Up) -> None:
    grows_night_by_night(nightly, lambda n: slow_batch(nightly.folder, "math", 0.0, n))


def grows_night_by_night(
    nightly: Up, batch: Callable[[int], RunConfig]
) -> dict[str, dict[str, object]]:
    """The nightly use from end to end, of a batch called "math" with as many problems as are asked for, at
    last 6: what PostgreSQL and a bucket are held to as well. Returns the rows."""
    config = batch(4)
    nightly.run(config)
    nightly.becomes(config, "Completed")
    before = rows_of(config)
    config = batch(6)
    dataset = RunFolder(config.folder).dataset / "README.md"
    published = dataset.read_text()

    raw = config.model_dump(mode="json") | {"deploy": {"approve_hours": 1}}
    approved = RunConfig.check(raw, "test")
    nightly.run(approved)
    nightly.becomes(approved, "Paused")
    assert dataset.read_text() == published
    run = nightly.newest(approved)
    nightly.post(f"flow_runs/{run['id']}/resume", {"run_input": {"publish": True}})
    nightly.becomes(approved, "Completed")
    assert dataset.read_text() != published
    after = rows_of(config)
    assert len(after) > len(before)
    assert all(after[key] == row for key, row in before.items())

    assert run["name"] == "label math: problems.jsonl, 4 solutions each by policy"
    shown = nightly.artifacts()
    kinds = ("progress", "stages", "results", "trend", "summary", "dataset")
    assert {f"math-{kind}" for kind in kinds} <= shown.keys()
    assert float(shown["math-progress"]["data"]) == 100.0
    trend = json.loads(shown["math-trend"]["data"])
    assert [row["new solutions"] for row in trend] == [8, 16]
    stages = json.loads(shown["math-stages"]["data"])
    assert {"generate", "rollouts", "judge"} <= {row["stage"] for row in stages}
    results = json.loads(shown["math-results"]["data"])
    reasons = {row["detail"] for row in results if row["figure"] == "undecided"}
    assert reasons
    assert all(reason in nightly.logs() for reason in reasons), "one line a reason"
    return after


@pytest.mark.slow
def test_a_deployment_is_scheduled_queued_and_checked_by_its_schema(nightly: Up) -> None:
    made = nightly.deployment()
    (schedule,) = made["schedules"]
    assert schedule["schedule"]["cron"] == "0 2 1 1 *"
    assert schedule["schedule"]["timezone"] == "Europe/Berlin"
    assert made["global_concurrency_limit"]["limit"] == 1
    assert made["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    names = [a["name"] for a in nightly.ask("automations")]
    assert "steplabel/nightly: crashed, so started again" in names
    bad = small_batch(nightly.folder, "bad", problems=2).model_dump(mode="json")
    bad["generate"]["samples"] = "many"
    url = f"{nightly.api}/deployments/{made['id']}/create_flow_run"
    reply = httpx.post(url, json={"parameters": {"config": bad}}, timeout=30)
    assert reply.status_code == 409
    assert "many" in reply.text
    path = nightly.folder / "again.yaml"
    path.write_text(small_batch(nightly.folder, "nightly", problems=2).to_yaml())
    nightly.steplabel("deploy", str(path))
    assert nightly.deployment()["schedules"] == []
    assert len(nightly.ask("automations")) == len(names), "none twice"


@pytest.mark.parametrize(
    ("deploy", "told"),
    [
        ({"cron": "at night"}, "deploy.cron 'at night'"),
        ({"cron": "0 2 * * *", "timezone": "Mars"}, "deploy.timezone 'Mars'"),
    ],
)
def test_a_schedule_that_is_none_is_told(tmp_path: Path, deploy: dict, told: str) -> None:
    raw = small_batch(tmp_path).model_dump(mode="json") | {"deploy": deploy}
    with pytest.raises(ConfigError, match=told):
        _schedules(RunConfig.check(raw, "test"))


@pytest.mark.slow
def test_a_second_up_is_refused(nightly: Up) -> None:
    done = nightly.steplabel("up", check=False)
    assert done.returncode == 4
    assert "`steplabel down` stops it" in done.stderr


class _Echo(BaseHTTPRequestHandler):
    """A model server that fails, and quotes all it was sent."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "judge"}]}')

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        quoted = json.dumps({"error": "no", "key": self.headers["Authorization"], "sent": sent})
        self.send_response(500)
        self.end_headers()
        self.wfile.write(quoted.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


@pytest.mark.slow
def test_no_log_holds_a_secret_or_what_a_prompt_says(nightly: Up, echo: str) -> None:
    raw = slow_batch(nightly.folder, "telltale", problems=2).model_dump(mode="json")
    raw["engines"]["judge"] = {
        "kind": "openai",
        "model": "judge",
        "url": echo,
        "chat_api": True,
        "api_key_env": "TEST_JUDGE_KEY",
        "retries": 0,
    }
    config = RunConfig.check(raw, "test")
    nightly.run(config)
    nightly.becomes(config, "Failed")
    said = (
        nightly.logs() + json.dumps(nightly.newest(config)) + json.dumps(nightly.ask("artifacts"))
    )
    assert "status 500" in said, "the fault itself is told"
    assert KEY not in said
    assert "Step 1 of" not in said
    assert "Simulated problem" not in said


def test_what_prefect_yaml_deploys_is_a_good_configuration_of_our_flow() -> None:
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    file, _, name = deployment["entrypoint"].partition(":")
    assert (ROOT / file).is_file()
    assert isinstance(getattr(import_module("flows.annotate"), name), Flow)
    parameters = TypeAdapter(FormConfig).validate_python(deployment["parameters"]["config"])
    assert parameters.built_on == "agree"
    assert make_annotators(parameters)
