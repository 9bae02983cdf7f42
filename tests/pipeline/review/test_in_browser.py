"""The page of a review in a real browser, on a real server: keys decide, and nothing a model wrote runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from pipeline.join import Annotated
from pipeline.review.decisions import Decisions, standing
from pipeline.review.order import Drawn
from pipeline.review.server import app
from pipeline.review.session import Session
from pipeline.run_folder import RunFolder
from tests.browser import Tab, needs_browser
from tests.pipeline.dataset.items import item
from tests.pipeline.report.hostile import hostile_texts
from tests.pipeline.report.rows import hostile_item
from tests.pipeline.review.test_decisions import decision

pytestmark = [needs_browser, pytest.mark.slow]

TOKEN = "a-token"
ASKED = "document.querySelector('.problem')?.textContent"
SAVED = "document.getElementById('saved')?.textContent"


@contextmanager
def served(folder: Path, items: list[Annotated]) -> Iterator[str]:
    """The address of a review of `items`, in this order."""
    order = [Drawn(one.solution.id, 1.0) for one in items]
    session = Session(RunFolder(folder), "ann", items, order, len(items))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app(session, "run", TOKEN), log_level="warning", lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/?token={TOKEN}"
        finally:
            server.should_exit = True
            thread.join()


def open_page(tab: Tab, address: str) -> None:
    tab.call("Page.navigate", url="about:blank")
    tab.events.clear()
    tab.call("Page.navigate", url=address)
    tab.wait("document.documentElement?.dataset.ready !== undefined")


def press(tab: Tab, key: str) -> None:
    """A key, and what it asks of the server done."""
    before = tab.run("document.documentElement.dataset.ready")
    tab.press(key)
    tab.wait(f"document.documentElement.dataset.ready !== {before!r}")


def decided(folder: Path) -> dict[str, int | None]:
    rows = Decisions(folder / "reviews" / "ann.jsonl").rows()
    return {one: of.first_error for one, of in standing(rows).items()}


def test_keys_decide_undo_and_look_at_the_witnesses(tab: Tab, tmp_path: Path) -> None:
    long = tuple(f"step {n}\n" for n in range(12))
    items = [item(0), item(1), item(2, steps=long), item(3)]
    with served(tmp_path, items) as address:
        open_page(tab, address)
        assert tab.run(ASKED) == items[0].solution.question
        assert "because" not in tab.run("document.body.innerText")
        press(tab, "w")
        assert "because" in tab.run("document.getElementById('review').textContent")
        press(tab, "w")
        press(tab, "2")
        assert "saved: step 2" in tab.run(SAVED)
        assert tab.run(ASKED) == items[1].solution.question
        press(tab, "c")
        press(tab, "z")
        assert tab.run(ASKED) == items[1].solution.question
        press(tab, "0")
        press(tab, "d")  # the twelfth: after 1 to 9, a and b
        tab.press("7")  # there is no seventh of three
        press(tab, "u")
        assert "All of them are decided" in tab.run("document.body.innerText")
        assert tab.run("document.getElementById('count').textContent") == "4 of 4, 1 unsure"
        press(tab, "z")
        tab.run("document.querySelectorAll('.steps tr[data-place]')[1].click()")
        tab.wait("document.querySelector('.done') !== null")
    assert decided(tmp_path) == {"s0-0": 1, "s1-0": -1, "s2-0": 11, "s3-0": 1}
    rows = Decisions(tmp_path / "reviews" / "ann.jsonl").rows()
    assert [row.shown for row in rows if row.kind != "undo"][:2] == [True, False]
    assert tab.told("Runtime.exceptionThrown") == []
    assert tab.told("Log.entryAdded") == []


def test_what_is_not_saved_is_told_and_stays(tab: Tab, tmp_path: Path) -> None:
    with served(tmp_path, [item(0), item(1)]) as address:
        open_page(tab, address)
    press(tab, "1")
    assert "not saved" in tab.run(SAVED)
    assert tab.run(ASKED) == item(0).solution.question
    assert decided(tmp_path) == {}


def test_a_window_that_another_one_overtook_saves_nothing_and_shows_the_newest(
    tab: Tab, tmp_path: Path
) -> None:
    with served(tmp_path, [item(0), item(1)]) as address:
        open_page(tab, address)
        Decisions(tmp_path / "reviews" / "ann.jsonl").append(decision("s0-0", 2))
        press(tab, "1")
        assert "nothing was saved just now" in tab.run(SAVED)
        assert tab.run(ASKED) == item(1).solution.question
    assert decided(tmp_path) == {"s0-0": 2}


def test_nothing_that_a_model_wrote_is_run(tab: Tab, tmp_path: Path) -> None:
    items = [hostile_item(number, text) for number, text in enumerate(hostile_texts()[::12])]
    with served(tmp_path, items) as address:
        open_page(tab, address)
        for number in range(len(items)):
            press(tab, "w")
            assert tab.run("window.hit") is None
            press(tab, "1" if number % 2 else "0")
    assert len(decided(tmp_path)) == len(items)
    assert tab.run("document.title") == "run · review · steplabel"
    hostile = "document.querySelectorAll('img, iframe, svg, base, link, object, embed').length"
    assert tab.run(hostile) == 0
    assert tab.told("Page.javascriptDialogOpening") == []
    assert tab.told("Runtime.exceptionThrown") == []
    assert tab.told("Log.entryAdded") == []
