"""A prompt file says what it holds, and a new key changes no prompt that doesn't have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.prompts import PromptTemplate, load_prompt
from pipeline.records import content_hash


def load(folder: Path, text: str) -> PromptTemplate:
    (folder / "mine.yaml").write_text(text)
    return load_prompt(str(folder / "mine.yaml"), folder)


def test_a_prompt_without_the_judges_keys_keeps_its_fingerprint() -> None:
    prompt = PromptTemplate("p", "chat", "Q: {{question}}", "Solve.")
    assert prompt.fingerprint == content_hash(
        "chat", "Solve.", "Q: {{question}}", None, "{{step}}\n"
    )


@pytest.mark.parametrize("key", ["order: reversed", "index_from: 1", "schema: {type: object}"])
def test_each_of_the_judges_keys_is_part_of_the_fingerprint(tmp_path: Path, key: str) -> None:
    plain = load(tmp_path, "user: judge {{steps}}")
    assert load(tmp_path, f"user: judge {{{{steps}}}}\n{key}").fingerprint != plain.fingerprint


def test_reversed_steps_keep_their_numbers(tmp_path: Path) -> None:
    prompt = load(tmp_path, "user: x\norder: reversed\nstep: '{{index}}/{{number}} {{step}} '")
    assert prompt.show_steps(["a\n", "b\n"], {}) == "1/2 b 0/1 a "


def test_a_schema_keeps_the_order_in_which_it_is_written(tmp_path: Path) -> None:
    prompt = load(tmp_path, "user: x\nschema: {required: [b], a: 1}")
    assert prompt.schema == '{"required": ["b"], "a": 1}'


def test_slots_are_those_of_every_part(tmp_path: Path) -> None:
    prompt = load(tmp_path, "user: '{{a}}'\nsystem: '{{b}}'\nstep: '{{c}}'")
    assert prompt.slots == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("order: backwards", "should be forward or reversed"),
        ("index_from: 2", "should be 0 or 1"),
        ("index_from: true", "should be 0 or 1"),
        ("schema: text", "a JSON schema"),
        ("shema: {}", "unknown keys"),
    ],
)
def test_a_key_that_is_wrong_is_told(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, f"user: x\n{line}")
