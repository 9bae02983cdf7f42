"""A recipe is a method; a configuration puts its own problems, models and changes on top."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from annotators.registry import make_annotators
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.parts import check_parts
from pipeline.recipes import on_recipe, read_yaml, shipped

TINYMATH = Path(__file__).parents[2] / "flows" / "recipes" / "tinymath.yaml"
README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_runs_the_quickstart_s_problems(name: str) -> None:
    config = RunConfig.load(TINYMATH, [f"recipe={name}"])
    check_parts(config, make_annotators(config))
    named = {*config.consensus.witnesses, *config.consensus.vetoes}
    assert named <= config.annotators.keys()
    for kind, tokens in (("rollouts", 512), ("judge", 640)):
        if kind in config.annotators:
            assert config.annotators[kind]["sampling"]["max_tokens"] == tokens


def test_recipes_say_what_they_are_and_the_quickstart_is_none() -> None:
    assert all(about for about in shipped().values())
    assert {"agree", "steplabel-fast", "math-shepherd", "omegaprm"} <= shipped().keys()
    assert "tinymath" not in shipped()


def test_a_configuration_s_own_keys_lie_on_top(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("annotators: {rollouts: {strategy: bisection, search: {rollouts: 4}}}")
    own = {
        "recipe": "mine.yaml",
        "annotators": {"rollouts": {"search": {"wave": 1}}, "judge": {"votes": 9}},
    }
    merged = on_recipe(own, tmp_path)
    assert merged["annotators"] == {
        "rollouts": {"strategy": "bisection", "search": {"rollouts": 4, "wave": 1}}
    }


def test_annotators_beside_the_recipe_s_say_their_kind_and_slips_are_told(tmp_path: Path) -> None:
    own = {"recipe": "omegaprm", "annotators": {"second": {"kind": "judge"}}}
    assert on_recipe(own, tmp_path)["annotators"].keys() == {"rollouts", "second"}
    with pytest.raises(ConfigError, match="did you mean 'rollouts'"):
        on_recipe({"recipe": "omegaprm", "annotators": {"rolouts": {}}}, tmp_path)


@pytest.mark.parametrize("nothing", [None, {"rollouts": None}])
def test_an_empty_key_leaves_the_recipe_s(tmp_path: Path, nothing: object) -> None:
    merged = on_recipe({"recipe": "agree", "annotators": nothing}, tmp_path)
    assert merged["annotators"]["rollouts"]["strategy"] == "bisection"


def test_a_recipe_in_plain_data_is_refused() -> None:
    raw = {"name": "a", "recipe": "agree", "problems": {"path": "p.jsonl"}}
    with pytest.raises(ConfigError, match=r"RunConfig\.load"):
        RunConfig.check(raw, "here")


@pytest.mark.parametrize("name", shipped())
def test_the_readme_s_example_runs_every_recipe(name: str, tmp_path: Path) -> None:
    text = README.read_text()
    example = text[text.index("name: my-batch") :].partition("```")[0]
    (tmp_path / "my.yaml").write_text(example)
    config = RunConfig.load(tmp_path / "my.yaml", [f"recipe={name}"])
    make_annotators(config)
    recipe = yaml.safe_load((TINYMATH.parent / f"{name}.yaml").read_text())
    for kind, options in recipe["annotators"].items():
        for key in ("strategy", "search", "votes"):
            assert config.annotators[kind].get(key) == options.get(key)


def test_without_a_recipe_nothing_is_changed(tmp_path: Path) -> None:
    raw = {"annotators": {"judge": {}}}
    assert on_recipe(raw, tmp_path) is raw


def test_what_a_run_wrote_down_loads_as_the_same_configuration(tmp_path: Path) -> None:
    config = RunConfig.load(TINYMATH, ["recipe=scan"])
    written = tmp_path / "config.yaml"
    written.write_text(config.to_yaml())
    assert RunConfig.load(written) == config
    assert config.built_on == "scan"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("recipe: omegapmr", "did you mean 'omegaprm'"),
        ("recipe: nothing-like-it", "known: agree"),
        ("recipe: absent.yaml", "absent.yaml: no such file"),
        ("recipe: broken.yaml", "not valid YAML"),
        ("recipe: whole.yaml", "neither problems nor engines"),
        ("recipe: list.yaml", "a recipe names annotators"),
        ("recipe: tinymath", "no recipe named 'tinymath'"),
    ],
)
def test_a_recipe_that_is_none_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "broken.yaml").write_text("annotators: [")
    (tmp_path / "whole.yaml").write_text("annotators: {}\nproblems: {path: p.jsonl}")
    (tmp_path / "list.yaml").write_text("- annotators")
    config = tmp_path / "run.yaml"
    config.write_text(text)
    with pytest.raises(ConfigError, match=told):
        RunConfig.load(config)


def test_keys_that_are_merged_stand_once(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  <<: *b\n")
    assert read_yaml(path)["c"] == {"x": 1, "y": 3}


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("name: a\nannotators: {judge: {votes: 9, votes: 1}}\n")
    with pytest.raises(ConfigError, match="'votes' stands twice"):
        read_yaml(path)
