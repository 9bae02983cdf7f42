"""Names in a configuration find their class, or say what was meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.registry import load_named

KNOWN = {"pure": "pathlib:PurePath"}


def test_a_known_name_and_a_module_of_the_working_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_splitter.py").write_text("def cut(text):\n    return [text]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_named("class", "pure", KNOWN).__name__ == "PurePath"
    assert load_named("class", "my_own_splitter:cut", KNOWN)("a") == ["a"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("puer", "did you mean 'pure'?"),
        ("zzz", "known are pure"),
        ("no_such_module:x", "can't be imported"),
        ("pathlib:NoSuchThing", "can't be imported"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_named("class", name, KNOWN)
