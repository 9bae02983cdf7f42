"""Names in a configuration -> the class behind them, imported only when asked for."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import ConfigError


def load_named(kind: str, name: str, known: Mapping[str, str], has: Sequence[str] = ()) -> Any:
    """The object at `known[name]` ("module:attribute"); "module:attribute" itself works as a name,
    of a module that is installed or lies in the working folder. `has`: attributes it must have.

    Raises ConfigError with the nearest known name.
    """
    target = known.get(name, name if ":" in name else None)
    if target is None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        raise ConfigError(f"unknown {kind} {name!r}; {hint}")
    module, _, attribute = target.partition(":")
    if name not in known and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ConfigError(f"{kind} {name!r}: {target} can't be imported: {error}") from error
    for wanted in has:
        if not hasattr(found, wanted):
            raise ConfigError(f"{kind} {name!r}: {target} has no `{wanted}`; see CONTRIBUTING.md")
    return found
