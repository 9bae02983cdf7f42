"""Places by URL: whatever fsspec opens. `s3://` needs s3fs (`pip install 'steplabel[s3]'`), `gs://` gcsfs;
`hf://` and `file://` are there. Keys come from the environment, as each of them documents."""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import ConfigError, InputError, PrerequisiteError, RunError, StepLabelError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "huggingface_hub", "httpx")
"""Libraries behind fsspec whose errors are no OSError, such as one for keys that are not there."""
_SECRET = re.compile(r"(?<=://)[^/]*@")
_SIGNED = re.compile(
    r"(?i)([?&][\w-]{0,40}(?:sig|token|key|secret|passw|credential)[\w-]{0,40}=)[^&\s]+"
)


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def shown(text: str) -> str:
    """A URL, or a text that holds some, without the user and password of any, and without what signs it."""
    return _SIGNED.sub(r"\1***", _SECRET.sub("***@", text))


def without_secret(url: str) -> str:
    """The URL itself, for a configuration. Raises ValueError where it holds a password or key."""
    if shown(url) != url:
        raise ValueError(
            "holds a password or key, which config.yaml and logs would show; those come from the environment"
        )
    return url


def is_inside(name: str) -> bool:
    """Whether a name from a store, joined to a folder here, lies in that folder."""
    path = PurePosixPath(name)
    return (
        not path.is_absolute() and ".." not in path.parts and "\0" not in name and bool(path.parts)
    )


def opened(url: str, **options: Any) -> tuple[Any, str]:
    """fsspec's file system, and the path in it. Raises ConfigError, PrerequisiteError, or RunError where
    it can't be reached."""
    from fsspec.core import url_to_fs

    scheme, _, path = url.partition("://")
    if scheme in ("file", "local") and not path.startswith("/"):
        raise ConfigError(f"{url}: should be a whole path, such as file://{Path.cwd() / path}")
    try:
        with told(url):
            file_system, root = url_to_fs(url, **options)
    except ValueError as error:
        raise ConfigError(f"{shown(url)}: no URL that fsspec knows: {shown(str(error))}") from None
    except ImportError as error:
        raise PrerequisiteError(f"{shown(url)}: {shown(str(error))}") from None
    return file_system, str(root)


class Place:
    """A folder at a URL, and small JSON files in it. As text it is the URL without a password."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` go to fsspec. Raises as `opened`."""
        self.url = url.rstrip("/")
        self.fs, self._root = opened(self.url, **options)

    def __str__(self) -> str:
        return shown(self.url)

    def path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def read(self, name: str) -> dict[str, Any] | None:
        """None where there is no such file. Raises RunError for one that is damaged."""
        with told(str(self)):
            self.fs.invalidate_cache()
            try:
                raw = self.fs.cat_file(self.path(name))
            except FileNotFoundError:
                return None
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise RunError(f"{self}/{name}: damaged: {error}; delete it") from error
        if not isinstance(value, dict):
            raise RunError(f"{self}/{name}: damaged: no JSON object; delete it")
        return value

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Whole or not at all, also where a store is a folder."""
        with told(str(self)):
            self.fs.makedirs(self._root, exist_ok=True)
            half = self.path(f"{name}.{uuid.uuid4().hex}.half")  # two may write at once
            self.fs.pipe_file(half, json.dumps(value, indent=1).encode())
            self.fs.mv(half, self.path(name))


@contextmanager
def told(
    url: str,
    error_of: Callable[[str], StepLabelError] = RunError,
    cure: str = "check address, keys and rights",
) -> Iterator[None]:
    """The store's errors as ours, without a password."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in _CLIENTS:
            raise
        raise error_of(f"{shown(url)}: {shown(str(error))}; {cure}") from None


@contextmanager
def fetched(url: str, wanted: Callable[[str], bool] = lambda name: True) -> Iterator[Path]:
    """The file or folder at a URL, here for as long as this is entered; of a folder, files whose name is
    `wanted`. Raises InputError where there is none."""
    store, root = opened(url)
    with tempfile.TemporaryDirectory(prefix="steplabel-") as temporary:
        with told(url, InputError):
            store.invalidate_cache()
            if store.isfile(root):
                place = Path(temporary) / Path(root).name
                store.get_file(root, str(place))
            elif names := store.find(root):
                place = Path(temporary)
                for name in filter(wanted, names):
                    below = name.removeprefix(root).lstrip("/")
                    if not is_inside(
                        below
                    ):  # a store's keys are no paths: any text may stand there
                        raise InputError(f"{shown(url)}: {below!r} is no name of a file; rename it")
                    path = place / below
                    path.parent.mkdir(parents=True, exist_ok=True)
                    store.get_file(name, str(path))
            else:
                raise InputError(f"{shown(url)}: no such file or folder; check the address")
        yield place
