"""Places by URL: whatever fsspec opens. `s3://` needs s3fs (`pip install 'steplabel[s3]'`), `gs://` gcsfs;
`hf://` and `file://` are there. Keys come from the environment, as each of them documents."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, InputError, PrerequisiteError, RunError, StepLabelError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "huggingface_hub", "httpx")
"""Libraries behind fsspec whose errors are no OSError, such as one for keys that are not there."""
_SECRET = re.compile(r"(?<=://)[^/]*@")


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def shown(text: str) -> str:
    """A URL, or a text that holds some, without the user and password of any."""
    return _SECRET.sub("***@", text)


def opened(url: str, **options: Any) -> tuple[Any, str]:
    """fsspec's file system, and the path in it. Raises ConfigError, PrerequisiteError, or RunError where
    it can't be reached."""
    from fsspec.core import url_to_fs

    try:
        with told(url):
            file_system, root = url_to_fs(url, **options)
    except ValueError as error:
        raise ConfigError(f"{shown(url)}: no URL that fsspec knows: {shown(str(error))}") from None
    except ImportError as error:
        raise PrerequisiteError(f"{shown(url)}: {shown(str(error))}") from None
    return file_system, str(root)


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
                    path = place / name.removeprefix(root).lstrip("/")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    store.get_file(name, str(path))
            else:
                raise InputError(f"{shown(url)}: no such file or folder; check the address")
        yield place
