"""The page: whole, loading nothing, and deaf to what a model wrote."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.match import Example, Unmatched
from pipeline.evaluate.page import page
from pipeline.evaluate.panel import Panel, Said
from pipeline.evaluate.report import evaluate
from pipeline.inputs.rejected import Rejected

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style></svg><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' style='background:url(//evil.example)",
    "]]> --> <!-- <![CDATA[",
    "&lt;script&gt;&#x3c;",
    "javascript:alert(1)",
    "\x00\x1b[31m\u202e\u2066\ufeff\ud800\x7f",
    "a" * 5000,
]
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "div", "p"),
    *("h1", "h2", "h3", "h4", "b", "br", "small", "pre", "ul", "li", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
    *("svg", "rect", "line", "circle", "path", "text"),
}


class Seen(HTMLParser):
    """Tags, attributes and text of a page, as a reader of HTML finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.values: list[str] = []
        self.text = ""
        self.comments = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def evaluated(text: str, n: int = 60) -> Evaluation:
    """Every place of a page that shows foreign text holds `text`."""
    random = np.random.default_rng(0)
    gold = random.integers(-1, 3, n)
    named = np.where(random.random(n) < 0.7, gold, random.integers(-1, 3, n))
    said = Said(named, random.uniform(0.5, 1, n), np.full(n, 10.0))
    names = {text: said, text + "2": said}
    panel = Panel(gold, np.arange(n) // 2, names, said, [text] * n, [text] * n)
    return Evaluation(
        said=text,
        gold=text,
        report=evaluate(panel, draws=100),
        said_alone=(Unmatched(text, text),),
        gold_alone=(Unmatched(text, text),),
        filled=3,
        rejected=(Rejected(text, 1, text, text, text),),
        examples=(Example(text, text, -1, 1, text, text),),
    )


def assert_harmless(text: str) -> Seen:
    seen = Seen(text)
    assert seen.tags <= TAGS
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert not seen.attributes & {"href", "src", "style", "action", "xlink:href"}
    assert seen.comments == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]", text)
    text.encode("utf-8")
    return seen


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    seen = assert_harmless(page(evaluated(text)))
    if text.isprintable():
        assert text in seen.text


@settings(deadline=None, max_examples=25)
@given(st.text(max_size=60))
def test_any_text_is_harmless(text: str) -> None:
    assert_harmless(page(evaluated(text, n=8)))


def test_the_policy_allows_this_style_sheet_and_nothing_else() -> None:
    text = page(evaluated("a run"))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert style is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert "http://" not in text
    assert "https://" not in text


def test_all_pictures_and_figures_are_there() -> None:
    text = page(evaluated("a run"))
    for part in (
        "reliability curve",
        "share kept against exactness",
        "By final answer",
        "By level",
    ):
        assert part in text
    seen = Seen(text)
    assert "Fleiss" in seen.text
    assert "0.000 [" not in seen.text, "intervals stand under their figures"


def test_a_page_without_confidence_labels_or_problems_is_still_whole() -> None:
    said = Said.of([0, None, -1])
    report = evaluate(
        Panel(np.array([0, 1, 2]), np.zeros(3, dtype=int), {"judge": said}), draws=100
    )
    text = page(Evaluation("a", "b", report, (), (), 0, (), ()))
    assert text.endswith("</html>\n")
    assert "Is the confidence true" not in text
