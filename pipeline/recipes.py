"""Recipes: methods of labelling, apart from the problems and models they are used on.

A recipe (`flows/recipes/<name>.yaml`, or a file of yours) says which annotators there are, how they
search and vote, and which labels are kept. A run's own configuration says the rest: `recipe: NAME`
puts its keys on top of the recipe's. Only the recipe's annotators run; what the configuration says of
another one is for another recipe.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError

SHIPPED = Path(__file__).parents[1] / "flows" / "recipes"


def shipped() -> dict[str, str]:
    """Names of the methods that come with the project, and what each is."""
    return {name: str(raw.get("about", "")) for name, raw in _shipped().items()}


def _shipped() -> dict[str, dict[str, Any]]:
    found = {file.stem: read_yaml(file) for file in sorted(SHIPPED.glob("*.yaml"))}
    return {name: raw for name, raw in found.items() if _is_recipe(raw)}


def on_recipe(raw: Any, folder: Path) -> Any:
    """A configuration on top of the recipe that it names, if any: `built_on` then says which, and
    nothing is left to look up. `folder`: where recipe files of its own are looked for.

    Raises ConfigError.
    """
    name = raw.get("recipe") if isinstance(raw, dict) else None
    if name is None:
        return raw
    file = _find(str(name), folder)
    recipe = read_yaml(file)
    if not _is_recipe(recipe):
        raise ConfigError(f"{file}: a recipe names annotators, and neither problems nor engines")
    merged = _on_top(recipe, raw)
    merged["recipe"], merged["built_on"] = None, str(name)
    kinds = merged["annotators"]
    if isinstance(kinds, dict):
        merged["annotators"] = {kind: of for kind, of in kinds.items() if _runs(kind, of, recipe)}
        merged["left_out"] = [kind for kind in kinds if kind not in merged["annotators"]]
    return merged


def _runs(kind: str, options: Any, recipe: dict[str, Any]) -> bool:
    """Whether an annotator of the configuration is one of the recipe's, or one beside them, which
    says its kind. What is said of another recipe's annotator is no mistake."""
    if kind in recipe["annotators"] or (isinstance(options, dict) and "kind" in options):
        return True
    known = {name for of in _shipped().values() for name in of["annotators"]}
    if kind in known:
        return False
    near = difflib.get_close_matches(kind, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "one of your own says its `kind`"
    raise ConfigError(f"annotators.{kind}: the recipe has no such annotator; {hint}")


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: of two the last would count, and nobody would be told."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add((key.tag, key.value))
        return node


def read_yaml(path: Path) -> Any:
    """Raises ConfigError naming the file and what is wrong with it."""
    try:
        return _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read as UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        tabs = "; indent with spaces, not tabs" if "'\\t'" in str(error) else ""
        told = " ".join(str(error).split())
        raise ConfigError(f"{path}: not valid YAML: {told}{tabs}") from error


def _is_recipe(raw: Any) -> bool:
    return (
        isinstance(raw, dict)
        and isinstance(raw.get("annotators"), dict)
        and not {"problems", "engines"} & raw.keys()
    )


def _find(name: str, folder: Path) -> Path:
    if name.endswith((".yaml", ".yml")):
        return next((f for f in (folder / name, Path(name)) if f.is_file()), Path(name))
    known = shipped()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"recipe: no recipe named {name!r}; {hint}")
    return SHIPPED / f"{name}.yaml"


def _on_top(below: Any, above: Any) -> Any:
    """Mappings key by key; of anything else the one above. Nothing above a mapping leaves it."""
    if isinstance(below, dict) and above is None:
        return below
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{k: _on_top(below[k], v) if k in below else v for k, v in above.items()}}
