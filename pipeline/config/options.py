"""What every part of the configuration is built on, and how a mistake in one is told."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import ConfigError
from pipeline.records import content_hash
from pipeline.urls import shown


class Options(BaseModel):
    """Base of every part of the configuration: unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    @property
    def fingerprint(self) -> str:
        return content_hash(self.model_dump(mode="json"))


OptionsT = TypeVar("OptionsT", bound=Options)


def check_options(kind: type[OptionsT], raw: Any, where: str) -> OptionsT:
    """`raw` as options of `kind`; raises ConfigError with each bad key, and the nearest right one."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        lines = [_explain(kind, dict(problem)) for problem in error.errors()]
        raise ConfigError(f"{where}: " + "; ".join(lines)) from error


def _explain(kind: type[BaseModel], problem: dict[str, Any]) -> str:
    place = tuple(problem["loc"])
    key = ".".join(str(part) for part in place) or "configuration"
    if problem["type"] == "extra_forbidden":
        known = sorted(_fields_at(kind, place[:-1]))
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"{key!r} is missing; add it as `{key}: …`"
    value = problem.get("input")
    got = repr(shown(value)) if isinstance(value, str) else shown(repr(value))
    said = problem["msg"].replace("valid tuple", "valid list")  # what YAML calls it
    return f"{key}: {said} (got {got if len(got) < 80 else got[:77] + '...'})"


def _fields_at(kind: Any, place: tuple[Any, ...]) -> set[str]:
    parts = iter(place)
    for part in parts:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
            options = [
                a for a in get_args(kind) if isinstance(a, type) and issubclass(a, BaseModel)
            ]
            if options and get_origin(kind) is dict:
                next(parts, None)  # the mapping's own key; below it lies its value type
            kind = options[-1] if options else kind
    return (
        set(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else set()
    )
