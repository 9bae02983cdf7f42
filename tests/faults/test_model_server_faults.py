"""A model server that fails in every way a server can, in the middle of a run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pipeline.config import RunConfig
from pipeline.errors import EngineFaultError
from pipeline.run_folder import RunFolder
from tests.faults.conftest import Rows, Saw, run
from tests.faults.model_server import ModelServer, serving
from tests.killing import finished_calls, rows_of
from tests.nightly import solutions_made

FIRST = "every third request's first try"


@pytest.fixture(scope="module")
def alone(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows of the batch on a server that answers well."""
    config = server.batch(tmp_path_factory.mktemp("alone"), "well")
    run(config)
    return rows_of(config)


def warned(caplog: pytest.LogCaptureFixture, server: ModelServer) -> str:
    """The first warning, without what differs from run to run."""
    first = next(r.getMessage() for r in caplog.records if "next try" in r.getMessage())
    return first.partition("; next try")[0].replace(f"127.0.0.1:{server.port}", "HOST")


@pytest.mark.parametrize(
    ("mood", "fault"),
    [
        ("busy", f"a model server that answers 429 to {FIRST}"),
        ("broken", f"a model server that answers 500 to {FIRST}"),
        ("garbage", f"a model server that answers {FIRST} with garbage"),
        ("half", f"a model server that breaks off in the middle of its answer to {FIRST}"),
        pytest.param("never", f"a model server that never answers {FIRST}", marks=pytest.mark.slow),
        pytest.param(
            "flaky", "20% of calls fail at random, in these five ways", marks=pytest.mark.slow
        ),
    ],
)
def test_calls_that_fail_are_made_again_and_the_run_goes_on(
    server: ModelServer,
    alone: Rows,
    tmp_path: Path,
    saw: Saw,
    caplog: pytest.LogCaptureFixture,
    mood: str,
    fault: str,
) -> None:
    patience = 1.5 if mood in ("never", "flaky") else 60.0
    config = server.batch(tmp_path, mood, request_timeout_s=patience, retries=9)
    with caplog.at_level(logging.WARNING):
        summary = run(config)
    assert summary.faults == 0
    told = [r for r in caplog.records if "next try" in r.getMessage()]
    shown = (
        f"warnings, such as `{warned(caplog, server)}; next try in …`; the run ends as it should"
    )
    assert told
    saw(fault, shown, rows_of(config), alone)


def test_a_server_that_refuses_every_request_fails_the_run_until_it_is_cured(
    server: ModelServer, alone: Rows, tmp_path: Path, saw: Saw
) -> None:
    config = server.batch(tmp_path, "refuses")
    for _ in range(2):  # the second time too
        with pytest.raises(EngineFaultError, match="every one of 8 rows failed") as told:
            run(config)
        assert "max_tokens is too large" in str(told.value)
        assert told.value.exit_code == 6
        assert rows_of(config) == {}
    assert RunFolder(config.folder).info["state"] == "failed"
    raw = config.model_dump(mode="json")
    for engine in raw["engines"].values():
        engine["url"] = engine["url"].replace("refuses", "well")
    cured = RunConfig.check(raw, "test")
    run(cured)
    said = str(told.value).replace(f"127.0.0.1:{server.port}", "HOST")
    shown = f"exit code 6: `{said}`"
    saw(
        "a model server that refuses every request (400), then is cured",
        shown,
        rows_of(cured),
        alone,
    )


def test_a_judge_that_refuses_every_request_labels_nothing(
    server: ModelServer, tmp_path: Path
) -> None:
    config = server.batch(tmp_path, "well")
    judge = config.engines["judge"]
    refusing = judge.model_copy(update={"url": (judge.url or "").replace("well", "refuses")})
    broken = config.model_copy(update={"engines": config.engines | {"judge": refusing}})
    with pytest.raises(EngineFaultError, match="judge: every one of"):
        run(broken)
    kinds = {key.split()[0] for key in rows_of(broken)}
    assert {"solution", "rollouts"} <= kinds <= {"solution", "rollouts", "arithmetic"}


def in_its_middle(config: RunConfig, act: Callable[[], None]) -> threading.Thread:
    """`act` in a thread of its own, once the run is in its middle."""

    def wait() -> None:
        while not solutions_made(config):
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.faults
@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("killed", "SIGKILL of the engine's process, started again after two seconds"),
        ("hungry", "the engine's process runs out of memory and dies, and is started again"),
        ("gone", "SIGKILL of the engine's process, started again long after the last retry"),
    ],
)
def test_an_engine_that_dies_in_mid_run_and_comes_back_costs_no_row(
    tmp_path: Path, saw: Saw, caplog: pytest.LogCaptureFixture, how: str, fault: str
) -> None:
    server = ModelServer()
    server.start(most_bytes=4 << 30)
    try:
        retries, away_s = (2, 12.0) if how == "gone" else (6, 2.0)
        config = server.batch(tmp_path, "well", problems=60, retries=retries)

        def die() -> None:
            assert server.process is not None
            if how == "hungry":
                eat(server)
            else:
                server.process.kill()
            server.process.wait(30)
            time.sleep(away_s)
            server.start()

        dying = in_its_middle(config, die)
        with caplog.at_level(logging.WARNING):
            summary = run(config)
        dying.join()
        assert summary.faults == 0
        shown = f"warnings, such as `{warned(caplog, server)}; next try in …`; the run ends as it should"
        waited = [r for r in caplog.records if "waiting for it" in r.getMessage()]
        assert bool(waited) == (how == "gone")
        rows, calls = rows_of(config), finished_calls(config)
        undisturbed = server.batch(tmp_path / "alone", "well", problems=60)
        run(undisturbed)
        assert calls == finished_calls(undisturbed)
        saw(fault, shown, rows, rows_of(undisturbed))
    finally:
        server.end()


@pytest.mark.faults
def test_an_engine_that_stays_dead_fails_rows_and_the_same_command_goes_on(
    tmp_path: Path, saw: Saw
) -> None:
    with serving() as server:
        config = server.batch(tmp_path, "well", problems=60, retries=1, patience_s=3)
        assert server.process is not None
        in_its_middle(config, server.process.kill)
        with pytest.raises(EngineFaultError) as told:
            run(config)
        shown = str(told.value).replace(f"127.0.0.1:{server.port}", "HOST")
        server.process.wait()
        before = finished_calls(config)
        server.start()
        run(config)
        assert before < finished_calls(config)
        undisturbed = server.batch(tmp_path / "alone", "well", problems=60)
        run(undisturbed)
        saw(
            "SIGKILL of the engine's process, which nobody starts again for a while",
            f"exit code 6: `{shown}`; the same command goes on",
            rows_of(config),
            rows_of(undisturbed),
        )


def eat(server: ModelServer) -> None:
    """Have its process ask for more memory than it may have."""
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"http://127.0.0.1:{server.port}/hungry/v1/completions", json={}, timeout=30)
