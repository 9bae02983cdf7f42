"""Criteria that a user gives a judge, as the text that its prompt shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError


def read_rubric(path: str) -> str:
    """A text file as it is; a YAML file's list of criteria, or its mapping of names to criteria, one a
    line. Raises ConfigError."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"rubric: {path} can't be read as UTF-8 text: {error}") from error
    if file.suffix in (".yaml", ".yml"):
        try:
            text = "\n".join(_criteria(yaml.safe_load(text), path))
        except yaml.YAMLError as error:
            raise ConfigError(f"rubric: {path} is not valid YAML: {error}") from error
    if not text:
        raise ConfigError(f"rubric: {path} holds no criteria")
    return text


def _criteria(raw: Any, path: str) -> list[str]:
    if isinstance(raw, dict):
        raw = [f"{name}: {text}" for name, text in raw.items() if isinstance(text, str)]
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise ConfigError(f"rubric: {path} should be a list of criteria, or names with a text each")
    return [f"- {' '.join(item.split())}" for item in raw]
