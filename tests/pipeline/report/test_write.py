"""The page of a run: whole, deaf to what a model wrote, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from pipeline.config import RunConfig
from pipeline.records import Label, Verdict
from pipeline.report import report_stands, write, write_report
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import batch, item
from tests.pipeline.report.hostile import hostile_texts
from tests.pipeline.report.rows import details, hostile_item, page_of, page_of_run, unpack


class Seen(HTMLParser):
    """Scripts, styles, attributes and text of a page, as a reader of HTML finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.scripts: list[tuple[str | None, str]] = []
        self.text = ""
        self._script: str | None = None
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.attributes |= given.keys()
        if "href" in given:
            self.links.add(str(given["href"]))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((given.get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        else:
            self.text += data


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_its_policy_allows_its_own_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    text = page_of(tmp_path, batch(4)).read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy is not None
    assert style is not None
    run = [script for kind, script in Seen(text).scripts if kind is None]
    assert len(run) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'{digest(style[1])}'",
        "script-src": f"'{digest(run[0])}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    for outside in (
        "http://",
        "https://",
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ):
        assert outside not in text


def test_no_hostile_text_becomes_markup(tmp_path: Path) -> None:
    items = [hostile_item(number, text) for number, text in enumerate(hostile_texts())]
    text = page_of(tmp_path, items).read_text(encoding="utf-8")
    plain = Seen(page_of(tmp_path, batch(4), "plain").read_text(encoding="utf-8"))
    seen = Seen(text)
    assert len(items) == 300
    assert seen.tags <= plain.tags | {"ul", "li"}
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert all(link.startswith("#") for link in seen.links)
    assert [kind for kind, _ in seen.scripts].count(None) == 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", text)
    assert len(details(text)) == 300


def test_the_index_says_of_each_solution_what_its_rows_say(tmp_path: Path) -> None:
    items = batch(5)
    text = page_of(tmp_path, items).read_text(encoding="utf-8")
    index = unpack(text, "index")
    rows = index["rows"]
    assert rows["id"] == [one.solution.id for one in items]
    for at, one in enumerate(items):
        assert one.label is not None
        named = one.label.first_error
        assert rows["label"][at] == (-2 if named is None else named)
        assert rows["outcome"][at] == one.solution.outcome
        for name, said in zip(index["witnesses"], index["said"], strict=True):
            heard = one.verdicts[name].first_error
            assert said[at] == (-2 if heard is None else heard)
        if named is None:
            assert index["reasons"][rows["reason"][at]] == one.label.reason
    assert [row["solution"]["id"] for row in details(text)] == rows["id"]
    assert sorted(index["order"]) == list(range(len(items)))


def test_written_twice_it_is_the_same(tmp_path: Path) -> None:
    page = page_of(tmp_path, batch(6))
    before = page.read_bytes()
    run = RunFolder(page.parent)
    config = RunConfig.load(run.folder / "config.yaml")
    assert report_stands(config, run, run.annotators())
    page_of_run(run)
    assert page.read_bytes() == before


def test_other_labels_ask_for_another_page(tmp_path: Path) -> None:
    run = write_run(tmp_path, "run", batch(6))
    config = RunConfig.load(run.folder / "config.yaml")
    assert not report_stands(config, run, run.annotators())
    page_of_run(run)
    run.labels.replace_all("v2", [Label("s0-0", 0, (-1, None, None))], Label)
    assert not report_stands(config, run, run.annotators())


def test_other_verdicts_ask_for_another_page_though_the_labels_are_alike(tmp_path: Path) -> None:
    run = write_run(tmp_path, "run", items := batch(6))
    config = RunConfig.load(run.folder / "config.yaml")
    page_of_run(run)
    run.verdicts("judge").drop({"s0-0"}, Verdict)
    run.labels.replace_all("v2", [one.label for one in items if one.label is not None], Label)
    assert not report_stands(config, run, run.annotators())


def test_where_a_model_lies_on_this_machine_is_not_told(tmp_path: Path) -> None:
    run = write_run(tmp_path, "run", batch(1))
    raw = yaml.safe_load((run.folder / "config.yaml").read_text())
    raw["engines"] = {"policy": {"kind": "vllm", "model": "/home/ann/models/small"}}
    write_report(RunConfig.check(raw, "test"), run, run.report, run.annotators())
    page = run.report.read_text()
    assert "vllm: small" in page
    assert "/home/ann" not in page


def test_a_run_without_labels_or_verdicts_has_a_page(tmp_path: Path) -> None:
    bare = [item(n) for n in range(3)]
    bare = [type(one)(one.solution, {}, None) for one in bare]
    text = page_of(tmp_path, bare).read_text(encoding="utf-8")
    assert unpack(text, "index")["rows"]["label"] == [-3, -3, -3]
    assert page_of(tmp_path, [], "empty").exists()


def test_of_a_larger_run_a_part_is_shown_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MOST", 10)
    text = page_of(tmp_path, batch(10)).read_text(encoding="utf-8")
    index = unpack(text, "index")
    assert len(index["rows"]["id"]) == len(details(text)) == 10
    assert index["total"] == 40
    assert "The browser holds 10 of 40 solutions" in text
    assert '<dd>40</dd><dd class="note">of 10 problems</dd>' in text


def test_where_the_truth_is_known_the_page_says_how_good_the_labels_are(tmp_path: Path) -> None:
    from pipeline.evaluate.gold import OracleGold

    run = write_run(tmp_path, "run", batch(10))
    config = RunConfig.load(run.folder / "config.yaml")
    gold = OracleGold("the truth", lambda solution: 1)
    write_report(config, run, run.report, run.annotators(), gold)
    text = run.report.read_text(encoding="utf-8")
    assert "Against the known first errors" in text
    assert "How often is it right?" in text
    assert text.count("sampled tokens a solution</title>") == 3  # rollouts, judge and the label
    index = unpack(text, "index")
    assert set(index["rows"]["truth"]) == {1}
    unknown = OracleGold("the truth", lambda solution: None)
    write_report(config, run, run.report, run.annotators(), unknown)
    assert "Against the known first errors" not in run.report.read_text(encoding="utf-8")
