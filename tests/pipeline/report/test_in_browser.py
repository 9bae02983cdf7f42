"""The page in a real browser: what it shows, how it is driven, and that nothing in it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.join import Annotated
from pipeline.records import Check, ProbeCount, Status, Verdict, Vote
from tests.browser import Tab, needs_browser
from tests.pipeline.dataset.items import batch, item
from tests.pipeline.report.hostile import TEXTS, hostile_texts
from tests.pipeline.report.rows import hostile_item, page_of

pytestmark = [needs_browser, pytest.mark.slow]

ROWS = "[...document.querySelectorAll('.item')].map(e => e.innerText)"
COUNT = "document.getElementById('count').textContent"
SOLUTION = "document.getElementById('solution').innerText"
SELECTED = "document.querySelector('.item[aria-selected=true] .id')?.textContent"
HEADING = "document.querySelector('#solution h1 .id')?.textContent"


def showing(tab: Tab, solution: str) -> None:
    tab.wait(f"{HEADING} === {solution!r}")


def set_field(tab: Tab, name: str, value: str) -> None:
    tab.run(
        f"{{ const f = document.querySelector('#tools [name=\"{name}\"], #{name}'); f.value = {value!r};"
        "f.dispatchEvent(new Event('input', {bubbles: true})); }"
    )


def test_it_opens_with_the_overview_and_lists_every_solution(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(20)))
    assert tab.run("document.getElementById('browse').hidden") is True
    assert "labels kept" in tab.run("document.getElementById('overview').innerText")
    tab.press("s")
    tab.wait("!document.getElementById('browse').hidden")
    assert tab.run(COUNT) == "80 solutions"
    assert 5 < len(tab.run(ROWS)) < 60, "only the rows in view are in the page"


def test_it_asks_nothing_of_any_network(tab: Tab, tmp_path: Path) -> None:
    page = page_of(tmp_path, batch(3))
    tab.events.clear()
    tab.open(page, "#s0-0")
    showing(tab, "s0-0")
    asked = {one["request"]["url"] for one in tab.told("Network.requestWillBeSent")}
    assert {url.split("#")[0] for url in asked} <= {page.as_uri(), "about:blank"}
    assert tab.told("Runtime.exceptionThrown") == []
    assert tab.told("Log.entryAdded") == []


def test_a_link_opens_its_solution(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(5)), "#s3-2")
    showing(tab, "s3-2")
    assert tab.run(SELECTED) == "s3-2"


def test_a_link_to_no_solution_says_so(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(5)), "#%3Cb%3Enone")
    assert "no solution <b>none" in tab.run(SOLUTION)


def test_keys_move_search_and_clear(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(5)), "#!browse")
    showing(tab, "s0-0")
    tab.press("j")
    showing(tab, "s0-1")
    tab.press("k")
    showing(tab, "s0-0")
    tab.wait("document.documentElement.dataset.ready === 'texts'")
    tab.press("/")
    assert tab.run("document.activeElement.id") == "search"
    for key in "(3)":
        tab.press(key)
    tab.wait(f"{COUNT} === '4 of 20 solutions'")
    tab.press("Escape")
    tab.press("x")
    tab.wait(f"{COUNT} === '20 solutions'")
    tab.press("?")
    assert tab.run("document.getElementById('help').open") is True


@pytest.mark.parametrize(
    ("name", "value", "is_so"),
    [
        ("label", "kept", lambda one: one.label.kept),
        ("label", "step-1", lambda one: one.label.first_error == 1),
        ("label", "clean", lambda one: one.label.first_error == -1),
        ("label", "aside", lambda one: one.label.first_error is None),
        ("reason", "disagree: rollouts and judge", lambda one: not one.label.kept),
        ("outcome", "incorrect", lambda one: one.solution.outcome == "incorrect"),
        ("by.rollouts", "silent", lambda one: one.verdicts["rollouts"].first_error is None),
        ("by.judge", "same", lambda one: one.label.kept),
        ("agree", "silent", lambda one: not one.label.kept),
    ],
)
def test_a_filter_keeps_what_is_so(
    tab: Tab, tmp_path: Path, name: str, value: str, is_so: object
) -> None:
    assert callable(is_so)
    items = batch(10)
    tab.open(page_of(tmp_path, items), "#!browse")
    set_field(tab, name, value)
    wanted = sum(bool(is_so(one)) for one in items)
    assert 0 < wanted < len(items)
    assert tab.run(COUNT) == f"{wanted} of 40 solutions"
    assert tab.run("location.hash").startswith("#!browse?")


def test_each_kind_of_evidence_stands_at_its_step(tab: Tab, tmp_path: Path) -> None:
    one = item(0, 0, 1)
    checks = (Check(1, 0, 4, "make 4", Status.CONTRADICTED, "5"),)
    verdicts = one.verdicts | {
        "rollouts": Verdict(
            one.solution.id, "rollouts", 1, probes=(ProbeCount(0, 7, 8), ProbeCount(2, 0, 8, 1))
        ),
        "judge": Verdict(
            one.solution.id,
            "judge",
            1,
            votes=(Vote(1, "wrong <sum>"), Vote(-1, "fine"), Vote(None, "", "cut")),
        ),
        "sums": Verdict(one.solution.id, "sums", 1, checks=checks),
        "scorer": Verdict(one.solution.id, "scorer", None, "none", scores=(0.9, 0.25, None)),
        "likely": Verdict(one.solution.id, "likely", 1, log_likelihood=(-9.0, -9.0, 0.0, -9.0)),
    }
    tab.open(page_of(tmp_path, [replace(one, verdicts=verdicts)]), "#s0-0")
    showing(tab, "s0-0")
    rows = tab.run("[...document.querySelectorAll('.steps tbody tr')].map(e => e.textContent)")
    start, first, second, third, none, missing = rows
    assert "7/8" in start
    assert "0.90" in first
    for told in ("0/8 +1?", "1/3", "wrong <sum>", "make 4 does not hold, it is 5", "0.25", "1.00"):
        assert told in second
    assert "named by judge, likely, rollouts, sums" in second
    assert "first error" in second
    assert "Answer: 4" in third
    assert "fine" in none
    assert "missing: cut" in missing
    assert tab.run("document.querySelector('.claim.contradicted').textContent") == "make"


def test_an_annotator_that_the_page_never_heard_of_shows_up(tab: Tab, tmp_path: Path) -> None:
    """Its name is new, and so are a field of numbers for each step and one of text."""
    tab.open(page_of(tmp_path, batch(2)), "#s0-0")
    told = tab.run(
        """(() => {
        const verdict = {annotator: "prover", first_error: 1, reason: null, cost: null,
          entropy: [0.5, 2.5, 1.0], proof_state: "unfinished <b>",
          beliefs: [0.1, 0.2, 0.6, 0.1]};
        const found = evidenceOf([verdict], 3);
        return [found.lanes.map(l => [l.who, l.what, [...l.cells.keys()]]), found.messages];
        })()"""
    )
    lanes, messages = told
    assert lanes == [
        ["prover", "entropy", [0, 1, 2]],
        ["prover", "first error?", ["none", 0, 1, 2]],
    ]
    assert messages == [["prover", "proof state", "unfinished <b>"]]


def test_claims_after_astral_characters_are_underlined_in_their_place(
    tab: Tab, tmp_path: Path
) -> None:
    one = item(0, 0, -1, ("💥 𝑥 so 2 + 2 = 4 holds", "Answer: 4"))
    checks = (Check(0, 7, 16, "2 + 2 = 4", Status.EXACT, "4"),)
    verdicts = {"sums": Verdict(one.solution.id, "sums", None, "none", checks=checks)}
    tab.open(page_of(tmp_path, [replace(one, verdicts=verdicts)]), "#s0-0")
    showing(tab, "s0-0")
    assert tab.run("document.querySelector('.claim').textContent") == "2 + 2 = 4"


def test_hidden_characters_are_shown(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(1)))
    for text, shown in (
        ("a\\u202eb", "aU+202Eb"),
        ("\\u0000\\u0000\\u0000", "U+0000 ×3"),
        ("x\\ud800y", "xU+D800y"),
        ("\\udfff\\ud800", "U+DFFFU+D800"),
        ("one\\r\\ntwo\\tthree", "one\ntwo\tthree"),
        ("\\u{e0041}\\ufeff", "U+E0041U+FEFF"),
    ):
        assert tab.run(f'el("p", {{}}, foreign("{text}")).textContent') == shown
    long = tab.run('el("p", {}, foreign("\\u0001\\u0002".repeat(20000))).childNodes.length')
    assert long < 1000, "a text of marks alone doesn't become as many elements"


def _problems(hashes: list[str], first: int) -> str:
    """A script that opens these solutions, numbered from `first`, and returns what their problems say."""
    return f"""(async () => {{
      const shown = [];
      for (const [at, hash] of {json.dumps(hashes)}.entries()) {{
        location.hash = hash;
        while (!document.querySelector("#solution h1 .id")?.textContent.startsWith(`${{at + {first}}}:`))
          await new Promise(done => setTimeout(done, 1));
        // a browser that shows nobody a page may draw no frame
        await new Promise(done => {{ requestAnimationFrame(done); setTimeout(done, 100); }});
        shown.push(document.querySelector(".problem").textContent);
      }}
      return shown;
    }})()"""


def test_such_texts_do_run_where_they_are_markup(tab: Tab, tmp_path: Path) -> None:
    """Else the next test would show nothing."""
    page = tmp_path / "markup.html"
    page.write_text(f"<!DOCTYPE html><body>{hostile_texts()[len(TEXTS)]}</body>", encoding="utf-8")
    tab.call("Page.navigate", url=page.as_uri())
    tab.wait("window.hit === 1 || document.title === 'hit'")


def test_nothing_that_a_model_wrote_is_run(tab: Tab, tmp_path: Path) -> None:
    texts = hostile_texts()
    items: list[Annotated] = [hostile_item(number, text) for number, text in enumerate(texts)]
    tab.events.clear()
    tab.open(page_of(tmp_path, items), "#!browse")
    tags = tab.run("[...new Set([...document.querySelectorAll('main *')].map(e => e.localName))]")
    for start in range(0, len(items), 10):
        hashes = [f"#{quote(one.solution.id, safe='')}" for one in items[start : start + 10]]
        for text, shown in zip(texts[start:], tab.run(_problems(hashes, start)), strict=False):
            assert text.isprintable() <= (text[:20_000] in shown)
    tab.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    tab.run("dispatchEvent(new Event('beforeprint'))")
    tab.wait("document.documentElement.dataset.ready === 'texts'")
    after = tab.run("[...new Set([...document.querySelectorAll('main *')].map(e => e.localName))]")
    assert set(after) - set(tags) <= {
        "details",
        "summary",
        "article",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "br",
        "small",
        "h1",
        "b",
        "p",
        "a",
        "section",
        "h2",
    }
    assert tab.run("window.hit") is None
    assert tab.run("document.title") == "run · steplabel"
    assert (
        tab.run(
            "document.querySelectorAll('img, iframe, svg script, base, link, object, embed').length"
        )
        == 0
    )
    assert tab.told("Page.javascriptDialogOpening") == []
    assert tab.told("Runtime.exceptionThrown") == []
    assert tab.told("Log.entryAdded") == []


def test_paper_shows_what_is_folded_away(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(2)), "#s0-0")
    showing(tab, "s0-0")
    folded = "document.querySelectorAll('#solution details:not([open])').length"
    assert tab.run(folded) > 0
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert tab.run(folded) == 0
    assert len(tab.call("Page.printToPDF")["data"]) > 1000


def test_dark_and_light_can_be_chosen(tab: Tab, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, batch(1)))
    colour = "getComputedStyle(document.body).backgroundColor"
    tab.call(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    dark = tab.run(colour)
    tab.press("t")
    light = tab.run(colour)
    assert (dark, light) == ("rgb(21, 25, 30)", "rgb(255, 255, 255)")
    tab.press("t")
    assert tab.run(colour) == dark
