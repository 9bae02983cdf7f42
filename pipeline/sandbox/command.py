"""The command that starts a zygote, or another process of ours that reads what models wrote: what of this
machine it is shown, and under which roof."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import PrerequisiteError
from pipeline.sandbox.inside import seccomp

FIRST_USER = 60600
"""Where steplabel runs as root, zygotes become users from this one on, whom no system gives out."""
INSIDE = Path(__file__).resolve().parent / "inside"
_MODULE = "pipeline.sandbox.inside.zygote"
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
INSTALL = "apt-get install bubblewrap (or your system's own command)"
_OWN_PATH = {
    "PYTHONPATH": str(INSIDE.parents[2]),
    "PATH": os.defpath,
    "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
}
UNSAFE = "--unsafe-local runs the code without a sandbox, and the run records it"


def bubblewrap(number: int, packages: Sequence[str]) -> list[str]:
    """Start zygote `number` in its own namespaces with nothing but a read-only Python.

    Raises PrerequisiteError where bubblewrap is not installed, or the processor is not known.
    """
    if not seccomp.supported():
        raise PrerequisiteError(f"no sandbox for processors like {os.uname().machine}; {UNSAFE}")
    options = {"modules": list(packages), "user": user_of(number), "isolated": True}
    return [*python_within(packages), "-m", _MODULE, json.dumps(options)]


def user_of(number: int) -> int | None:
    """Who process `number` is to become where steplabel runs as root."""
    return FIRST_USER + number % 500 if os.geteuid() == 0 else None


def python_within(packages: Sequence[str], files: Mapping[str, Path] | None = None) -> list[str]:
    """Python in namespaces of its own, that sees itself, the packages and `files` (where they are seen:
    where they are), and can write nothing; its own arguments follow. Where steplabel runs as root so does
    it, until it becomes `user_of`.

    Raises PrerequisiteError where bubblewrap is not installed.
    """
    command = shutil.which("bwrap")
    if command is None:
        raise PrerequisiteError(f"bubblewrap is not installed; {INSTALL}; {UNSAFE}")
    root = os.geteuid() == 0
    # As root it needs no user namespace for its mounts. Each snippet gets a user namespace in either case.
    roof = (
        ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        if root
        else ["--unshare-user"]
    )
    return [
        command, *roof,
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--hostname", "sandbox",
        "--clearenv", *(word for pair in _environment().items() for word in ("--setenv", *pair)),
        *_runtime(packages, files or {}),
        "--proc", "/proc", "--remount-ro", "/", "--chdir", "/tmp",
        "--", "/python/bin/python3", "-s", "-P", "-B",
    ]  # fmt: skip


def unsafe(packages: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Start a zygote without any isolation but limits: command, and environment."""
    options = {"modules": list(packages), "user": None, "isolated": False}
    command = [sys.executable, "-s", "-P", "-B", "-m", _MODULE, json.dumps(options)]
    return command, _environment() | _OWN_PATH


def _environment() -> dict[str, str]:
    return {
        "PYTHONPATH": "/code:/packages",
        "LD_LIBRARY_PATH": "/python/lib",
        "PATH": "/python/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _runtime(packages: Sequence[str], files: Mapping[str, Path]) -> Iterator[str]:
    """Bind arguments: this Python, the libraries of the system, the packages, and our own few files."""
    binary = Path(sys.executable).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shown = {
        "/python/bin/python3": binary,
        f"/python/lib/{version}": Path(sysconfig.get_path("stdlib")).resolve(),
        f"/code/{INSIDE.parent.parent.name}/{INSIDE.parent.name}/{INSIDE.name}": INSIDE,
        "/etc/ld.so.cache": Path("/etc/ld.so.cache"),
    }
    library = sysconfig.get_config_var("INSTSONAME")
    if library and str(library).startswith("libpython") and ".so" in str(library):
        folder = Path(str(sysconfig.get_config_var("LIBDIR")))
        shown[f"/python/lib/{library}"] = folder / str(library)
    for name in packages:
        for path in _files_of(name):
            shown[f"/packages/{path.name}"] = path
    shown |= files
    targets = (*shown, *_LIBRARIES, *_DEVICES)
    parents = {str(parent) for target in targets for parent in Path(target).parents} - {"/"}
    for parent in sorted(parents | {"/tmp"}):
        yield from ("--perms", "0755", "--dir", parent)
    for place in _LIBRARIES:
        path = Path(place)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), place)
        elif path.is_dir():
            yield from ("--ro-bind", place, place)
    for target, source in shown.items():
        if source.exists():
            yield from ("--ro-bind", str(source), target)
    for device in _DEVICES:
        yield from ("--dev-bind", device, device)


def compile_once(packages: Sequence[str]) -> None:
    """Import the packages in a process that may keep their bytecode: without it a zygote takes 6 s to
    start instead of 1. Nothing is done where it is there, or can't be written."""
    wanting = []
    for name in packages:
        for path in _files_of(name):
            source = path / "__init__.py"
            if source.is_file() and not Path(importlib.util.cache_from_source(source)).exists():
                wanting += [name] * os.access(path, os.W_OK)
    if wanting:
        words = [sys.executable, "-P", "-c", f"import {', '.join(wanting)}"]
        subprocess.run(words, check=False, capture_output=True, env=_environment() | _OWN_PATH)


def _files_of(package: str) -> Iterator[Path]:
    """The folder or file of a package, and the libraries that its wheel brought."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise PrerequisiteError(
            f"the sandbox is to load {package}, which is not installed: pip install {package}"
        )
    origin = Path(found.origin)
    if origin.name != "__init__.py":
        yield origin
        return
    yield origin.parent
    libraries = origin.parent.with_name(f"{package}.libs")
    if libraries.is_dir():
        yield libraries
