"""Shards that a Ray cluster's nodes make: the rows of a run without one, whatever dies on the way."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotators.arithmetic import ArithmeticAnnotator
from annotators.registry import make_annotators
from pipeline.annotator import Tools
from pipeline.batch import run_batch
from pipeline.config import ClusterConfig, RunConfig
from pipeline.errors import PrerequisiteError
from pipeline.records import Solution, Verdict
from tests.killing import rows_of
from tests.nightly import ROOT, until
from tests.ray_nodes import RayNodes

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs the extra `ray`: pip install '.[ray]'"
)
SOLUTIONS = 80
BEGUN = "STEPLABEL_TEST_BEGUN"


class Slow(ArithmeticAnnotator):
    """Arithmetic that takes a moment, and says on which node of a cluster a solution is begun."""

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        if BEGUN in os.environ:
            import ray

            node = ray.get_runtime_context().get_node_id()
            line = f"{node} {solution.id}\n".encode()
            os.write(os.open(os.environ[BEGUN], os.O_WRONLY | os.O_CREAT | os.O_APPEND), line)
            await asyncio.sleep(0.3)
        return await super().annotate(solution, tools)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayNodes]:
    """Nodes of one processor each."""
    nodes = RayNodes()
    nodes.environment[BEGUN] = str(nodes.folder / "begun")
    try:
        yield nodes
    finally:
        nodes.stop()


def brought(folder: Path, name: str, **changes: Any) -> RunConfig:
    """Solutions that were brought along, to be graded and checked: nothing needs a model."""
    problems = folder / "problems.jsonl"
    solutions = folder / "solutions.jsonl"
    if not problems.exists():
        ids = range(SOLUTIONS // 2)
        rows = [{"id": f"p{n}", "question": f"What is {n} + 1?", "answer": f"{n + 1}"} for n in ids]
        problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
        tries = [
            {
                "problem_id": f"p{n}",
                "steps": [f"{n} + 1 = {n + 1 + wrong}\n", f"So \\boxed{{{n + 1 + wrong}}}."],
            }
            for n in ids
            for wrong in (0, n % 3)
        ]
        solutions.write_text("".join(json.dumps(row) + "\n" for row in tries))
    return RunConfig.check(
        {
            "name": name,
            "runs_dir": str(folder / "runs"),
            "problems": {"path": str(problems)},
            "solutions": {
                "path": str(solutions),
                "columns": {"problem_id": "problem_id", "steps": "steps"},
            },
            "annotators": {"arithmetic": {"kind": f"{__name__}:Slow"}, "consistency": {}},
            "consensus": {"witnesses": ["arithmetic"], "vetoes": ["consistency"]},
            "shard_size": 8,
        }
        | changes,
        "test",
    )


def begin(config: RunConfig, cluster: RayNodes) -> subprocess.Popen[bytes]:
    """The run as its user starts it, in a process of its own."""
    (cluster.folder / "begun").unlink(missing_ok=True)
    path = Path(config.runs_dir).with_name(f"{config.name}.yaml")
    path.write_text(config.to_yaml())
    command = [sys.executable, "-m", "flows.cli", "run", str(path), "--no-prefect"]
    return subprocess.Popen(command, cwd=ROOT, env=cluster.environment)


def begun_by(cluster: RayNodes) -> list[list[str]]:
    """(node, solution) of each begin so far."""
    path = cluster.folder / "begun"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The rows of a run without a cluster."""
    config = brought(tmp_path_factory.mktemp("alone"), "alone")
    asyncio.run(run_batch(config, make_annotators(config)))
    rows = rows_of(config)
    assert len(rows) == SOLUTIONS * 4  # a solution, two verdicts and a label of each
    return rows


@pytest.mark.slow
def test_two_nodes_make_the_rows_of_one_machine(
    tmp_path: Path, cluster: RayNodes, alone: dict[str, dict[str, object]]
) -> None:
    config = brought(tmp_path, "shared", cluster={"ray": "auto"})
    cluster.start(2 - len(cluster.alive()))
    assert begin(config, cluster).wait(300) == 0
    begun = begun_by(cluster)
    assert len({node for node, _ in begun}) == 2
    assert len(begun) == SOLUTIONS
    assert rows_of(config) == alone


@pytest.mark.faults
def test_shards_of_a_node_that_dies_are_made_again_and_once(
    tmp_path: Path, cluster: RayNodes, alone: dict[str, dict[str, object]]
) -> None:
    config = brought(tmp_path, "killed", cluster={"ray": "auto"})
    cluster.start(2 - len(cluster.alive()))
    work = begin(config, cluster)
    until("both nodes work", lambda: len({node for node, _ in begun_by(cluster)}) == 2)
    cluster.kill(cluster.alive()[-1])
    assert work.wait(300) == 0
    begun = [solution for _, solution in begun_by(cluster)]
    assert len(begun) > len(set(begun)) == SOLUTIONS
    assert rows_of(config) == alone


@pytest.fixture(scope="module")
def other_nodes() -> Iterator[RayNodes]:
    """A head without a processor, to which a test adds a node."""
    nodes = RayNodes()
    try:
        nodes.start(cpus=0)
        yield nodes
    finally:
        nodes.stop()


def said_by(nodes: RayNodes, folder: Path) -> str:
    """What a run with the cluster says, which ends with exit code 4. Ray would show the nodes the folder that
    it is begun in."""
    config = brought(folder, "run", annotators={"arithmetic": {}, "consistency": {}})
    path = folder / "run.yaml"
    path.write_text(config.model_copy(update={"cluster": ClusterConfig(ray="auto")}).to_yaml())
    patient = "import pipeline.cluster as c; c.PATIENCE_S = 2; from flows.cli import main; main()"
    command = [sys.executable, "-c", patient, "run", str(path), "--no-prefect"]
    done = subprocess.run(
        command, cwd=folder, env=nodes.environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_a_cluster_without_a_processor_is_told(tmp_path: Path, other_nodes: RayNodes) -> None:
    assert "has had a processor for 2 s; start one with `ray start" in said_by(
        other_nodes, tmp_path
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_there", "said"),
    [
        (True, "give every node the same software"),
        (False, "has no 'pipeline'; install this version of steplabel on every node"),
    ],
)
def test_a_node_with_other_software_or_without_any_is_refused(
    tmp_path: Path, other_nodes: RayNodes, is_there: bool, said: str
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for room in ("pipeline", "annotators"):
        if is_there:
            shutil.copytree(ROOT / room, code / room)
        else:  # the tests' own Python has steplabel
            missing = f"raise ModuleNotFoundError(\"No module named '{room}'\")\n"
            (code / f"{room}.py").write_text(missing)
    if is_there:
        (code / "pipeline" / "grading" / "other.py").write_text("")
    other_nodes.start(code=code)
    try:
        assert said in said_by(other_nodes, tmp_path)
    finally:
        other_nodes.kill(other_nodes.alive()[-1])


def test_a_run_without_the_cluster_it_names_says_how_to_start_one(tmp_path: Path) -> None:
    config = brought(tmp_path, "none", cluster={"ray": "127.0.0.1:1"})
    with pytest.raises(PrerequisiteError, match="ray start --head"):
        asyncio.run(run_batch(config, make_annotators(config)))


def test_what_follows_two_dashes_is_for_each_replica_s_vllm() -> None:
    spec = importlib.util.spec_from_file_location("serve_ray", ROOT / "docs/cluster/serve_ray.py")
    assert spec is not None
    assert spec.loader is not None
    serve_ray = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve_ray)
    words = ["MODEL", "--replicas", "3", "--gpus", "0"]
    for more in ([], ["--dtype", "float32", "--enforce-eager"]):
        chosen, further = serve_ray.read_words([*words, "--", *more])
        assert (chosen.model, chosen.replicas, chosen.gpus, further) == ("MODEL", 3, 0.0, more)
    assert serve_ray.read_words(words)[1] == []
