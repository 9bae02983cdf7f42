"""Prompts are data: one YAML file each, filled with a problem's and a solution's text.

A file holds `style: chat` (or `raw`, for a completion model), `user:`, maybe `system:`, `about:`,
and for a judge `parse:` (the parser its answers go through), `step:` (how each step is shown),
`order:` (`reversed` shows the last step first), `index_from:` (0 or 1: the number by which answers
name the first step) and `schema:` (the JSON schema of an answer). Slots are written `{{name}}`.
A slot's value is put in once and never read again, so braces in a problem are just text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipeline.engine.protocol import Turns
from pipeline.errors import ConfigError
from pipeline.records import content_hash

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_KEYS = {"about", "style", "system", "user", "parse", "step", "order", "index_from", "schema"}


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    name: str
    style: str
    user: str
    system: str | None = None
    parse: str | None = None
    step: str = "{{step}}\n"
    reversed: bool = False
    index_from: int = 0
    schema: str | None = None

    @property
    def fingerprint(self) -> str:
        parts = [self.style, self.system, self.user, self.parse, self.step]
        if self.reversed or self.index_from or self.schema:
            return content_hash(*parts, self.reversed, self.index_from, self.schema)
        return content_hash(*parts)  # as before there were these keys: nothing is made anew

    @property
    def slots(self) -> frozenset[str]:
        """Names that the template fills in."""
        return frozenset(_SLOT.findall(f"{self.system or ''}{self.user}{self.step}"))

    def fill(self, values: Mapping[str, str]) -> Turns:
        """Raises ConfigError when the template has a slot that `values` does not fill."""
        system = None if self.system is None else self._put(self.system, values)
        own = (self.system or "") + self.user
        return Turns(self._put(self.user, values), system, raw=self.style == "raw", own=own)

    def show_steps(self, steps: Sequence[str], values: Mapping[str, str]) -> str:
        """Each step by the `step:` template, which may use {{step}}, {{index}} (from 0), {{number}}
        (from 1) and `values`; the line break at a step's end is the template's business. Steps keep
        their numbers where they are shown in reversed order."""
        shown = [
            self._put(
                self.step,
                {**values, "step": step.rstrip(), "index": str(i), "number": str(i + 1)},
            )
            for i, step in enumerate(steps)
        ]
        return "".join(shown[::-1] if self.reversed else shown)

    def _put(self, template: str, values: Mapping[str, str]) -> str:
        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                raise ConfigError(
                    f"prompt {self.name}: no value for {{{{{match[1]}}}}}; it may use "
                    + ", ".join(f"{{{{{key}}}}}" for key in sorted(values))
                )
            return values[match[1]]

        return _SLOT.sub(value, template)


def load_prompt(name: str, shipped: Path) -> PromptTemplate:
    """The prompt file at path `name` (ends in .yaml), or the shipped one of that name."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else shipped / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in shipped.glob("*.yaml")))
        raise ConfigError(f"prompt {name!r}: no such file; shipped prompts are: {known}")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read as UTF-8 text: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("user"), str):
        raise ConfigError(f"{path}: a prompt is a mapping with a text under `user:`")
    if unknown := set(raw) - _KEYS:
        raise ConfigError(f"{path}: unknown keys {sorted(unknown)}; known are {sorted(_KEYS)}")
    for key in ("system", "parse", "step"):
        if not isinstance(raw.get(key, ""), str):
            raise ConfigError(f"{path}: {key}: should be a text; leave the key out for none")
    style = raw.get("style", "chat")
    if style not in ("chat", "raw"):
        raise ConfigError(f"{path}: style is {style!r}, should be chat or raw")
    for key, allowed in (("order", ("forward", "reversed")), ("index_from", (0, 1))):
        if key in raw and (isinstance(raw[key], bool) or raw[key] not in allowed):
            raise ConfigError(
                f"{path}: {key} is {raw[key]!r}, should be {allowed[0]} or {allowed[1]}"
            )
    schema = raw.get("schema")
    if schema is not None and not isinstance(schema, dict):
        raise ConfigError(f"{path}: schema: should be a JSON schema, written as a mapping")
    return PromptTemplate(
        path.stem,
        style,
        raw["user"],
        raw.get("system"),
        raw.get("parse"),
        raw.get("step", "{{step}}\n"),
        raw.get("order") == "reversed",
        raw.get("index_from", 0),
        None if schema is None else json.dumps(schema),
    )
