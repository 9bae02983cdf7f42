"""The page's server: who may ask, and that what is answered is on the disk."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipeline.errors import PrerequisiteError
from pipeline.review.decisions import Decisions, Kind, standing
from pipeline.review.order import Drawn
from pipeline.review.server import MOST_BYTES, TOKEN, app, serve
from pipeline.review.session import Session, shared
from pipeline.run_folder import RunFolder
from tests.pipeline.dataset.items import batch
from tests.pipeline.review.test_decisions import decision

SECRET = "a-token"
HEADERS = {TOKEN: SECRET}
ITEMS = batch(5)
ORDER = [Drawn(item.solution.id, 2.0) for item in ITEMS]


def session(folder: Path, reviewer: str = "ann", count: int = 5) -> Session:
    return Session(RunFolder(folder), reviewer, ITEMS, ORDER, count)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(app(session(tmp_path), "run", SECRET), base_url="http://127.0.0.1:8300")


def rows(folder: Path, reviewer: str = "ann") -> Decisions:
    return Decisions(folder / "reviews" / f"{reviewer}.jsonl")


@pytest.mark.parametrize("headers", [{}, {TOKEN: ""}, {TOKEN: "another"}, {"Cookie": "a-token"}])
@pytest.mark.parametrize("path", ["/state", "/decide", "/undo", "/evidence"])
def test_without_the_token_nothing_is_told_or_taken(
    client: TestClient, tmp_path: Path, path: str, headers: dict[str, str]
) -> None:
    method = "GET" if path == "/state" else "POST"
    said = {"id": ITEMS[0].solution.id, "first_error": 1}
    answer = client.request(method, path, headers=headers, json=said)
    assert answer.status_code == 403
    assert ITEMS[0].solution.question not in answer.text
    assert rows(tmp_path).rows() == []


def test_the_page_itself_wants_the_token_in_its_address(client: TestClient) -> None:
    assert client.get("/").status_code == 403
    assert client.get("/?token=b").status_code == 403
    page = client.get(f"/?token={SECRET}")
    assert page.status_code == 200
    assert SECRET not in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src 'sha256-" in page.text
    assert "unsafe" not in page.text.partition("</head>")[0].partition("<style>")[0]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8300", "127.0.0.1.evil.example"])
def test_another_host_s_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/state", headers=HEADERS | {"Host": host})
    assert answer.status_code == 400


def test_a_decision_is_on_the_disk_when_it_is_answered(client: TestClient, tmp_path: Path) -> None:
    first = client.get("/state", headers=HEADERS).json()
    assert (first["done"], first["count"]) == (0, 5)
    said = {"id": first["solution"]["id"], "first_error": 1, "shown": True, "seconds": 3.5}
    after = client.post("/decide", headers=HEADERS, json=said).json()
    (row,) = rows(tmp_path).rows()
    assert (row.solution_id, row.kind, row.first_error) == (said["id"], Kind.NAMED, 1)
    assert (row.drawn, row.shown, row.seconds) == (2.0, True, 3.5)
    assert after["done"] == 1
    assert after["solution"]["id"] != said["id"]


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1, 10**400, "2", None])
def test_a_time_that_can_t_be_harms_no_decision(
    client: TestClient, tmp_path: Path, seconds: object
) -> None:
    said = json.dumps({"id": "s0-0", "first_error": 1, "seconds": seconds})
    assert client.post("/decide", headers=HEADERS, content=said).status_code == 200
    assert rows(tmp_path).rows()[0].seconds == 3600


def test_what_is_sent_twice_is_kept_once(client: TestClient, tmp_path: Path) -> None:
    first = client.get("/state", headers=HEADERS).json()
    said = {"id": first["solution"]["id"], "first_error": 1, "rows": first["rows"]}
    once, twice = (client.post("/decide", headers=HEADERS, json=said).json() for _ in range(2))
    assert (once["stale"], twice["stale"], twice["done"]) == (False, True, 1)
    assert len(rows(tmp_path).rows()) == 1
    back = {"rows": once["rows"]}
    once, twice = (client.post("/undo", headers=HEADERS, json=back).json() for _ in range(2))
    assert (once["stale"], twice["stale"]) == (False, False)
    assert standing(rows(tmp_path).rows()) == {}


def test_of_two_windows_of_one_reviewer_the_second_decides_nothing_unseen(tmp_path: Path) -> None:
    one, two = session(tmp_path), session(tmp_path)
    seen = one.state()
    assert two.state()["rows"] == seen["rows"]
    one.decide({"id": seen["solution"]["id"], "first_error": 1, "rows": seen["rows"]})
    after = two.decide({"id": seen["solution"]["id"], "first_error": -1, "rows": seen["rows"]})
    assert after["stale"]
    assert after["solution"]["id"] != seen["solution"]["id"]
    assert two.undo({"rows": seen["rows"]})["stale"]
    (row,) = rows(tmp_path).rows()
    assert row.first_error == 1


def test_a_file_that_can_t_be_written_is_told(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "ann.jsonl").mkdir(parents=True)
    answer = client.post("/decide", headers=HEADERS, json={"id": "s0-0", "first_error": 1})
    assert answer.status_code == 500
    assert "directory" in answer.json()["error"]


def test_a_port_that_is_taken_is_told_and_one_that_is_told_is_ours(tmp_path: Path) -> None:
    def told(address: str) -> None:
        port = int(address.split(":")[2].split("/")[0])
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        with pytest.raises(PrerequisiteError, match="a free one is taken"):
            serve(session(tmp_path), "run", port, print)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        serve(session(tmp_path), "run", 0, told)


def test_an_undo_shows_the_solution_again(client: TestClient, tmp_path: Path) -> None:
    first = client.get("/state", headers=HEADERS).json()["solution"]["id"]
    client.post("/decide", headers=HEADERS, json={"id": first, "first_error": None})
    back = client.post("/undo", headers=HEADERS, json={}).json()
    assert back["solution"]["id"] == first
    assert standing(rows(tmp_path).rows()) == {}
    assert client.post("/undo", headers=HEADERS).json()["can_undo"] is False


@pytest.mark.parametrize(
    "said",
    [
        {"id": "nowhere", "first_error": 1},
        {"id": ["s0-0"], "first_error": 1},
        {"first_error": 1},
        {"id": "s0-0", "first_error": 3},
        {"id": "s0-0", "first_error": -2},
        {"id": "s0-0", "first_error": True},
        {"id": "s0-0", "first_error": "1"},
        {"id": "s0-0", "first_error": 1.0},
        {"id": "s0-0", "first_error": 1, "rows": "0"},
        [],
    ],
)
def test_what_is_no_decision_is_refused(client: TestClient, tmp_path: Path, said: object) -> None:
    assert client.post("/decide", headers=HEADERS, json=said).status_code == 422
    assert rows(tmp_path).rows() == []


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 9000, b" " * (MOST_BYTES + 1)])
def test_a_body_that_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/decide", headers=HEADERS, content=body).status_code == 422


def test_what_the_witnesses_say_comes_only_when_asked_for(client: TestClient) -> None:
    state = client.get("/state", headers=HEADERS)
    assert "because" not in state.text
    one = state.json()["solution"]["id"]
    told = client.post("/evidence", headers=HEADERS, json={"id": one}).json()
    assert {verdict["annotator"] for verdict in told["verdicts"]} == {
        "rollouts",
        "judge",
        "arithmetic",
    }


def test_what_others_decided_is_left_to_them_but_for_what_all_get(tmp_path: Path) -> None:
    for item in ITEMS[:10]:
        rows(tmp_path, "ben").append(decision(item.solution.id, 1))
    rows(tmp_path, "ben").append(decision(ITEMS[12].solution.id))  # unsure: another may know
    mine = session(tmp_path, count=20)
    asked = []
    while (solution := mine.state()["solution"]) is not None:
        asked.append(solution["id"])
        mine.decide({"id": solution["id"], "first_error": 1})
    ids = [item.solution.id for item in ITEMS]
    assert asked == [one for one in ids if one in ids[10:] or shared(one)]


def test_agreement_is_over_what_both_named(tmp_path: Path) -> None:
    for one, (ann, ben) in {"a": (1, 1), "b": (-1, -1), "c": (0, 2), "d": (1, None)}.items():
        rows(tmp_path).append(decision(one, ann))
        rows(tmp_path, "ben").append(decision(one, ben))
    (found,) = session(tmp_path).state()["agreement"]
    assert (found["who"], found["both"], found["same"]) == (("ann", "ben"), 3, 2)
    assert found["kappa"] == pytest.approx((2 / 3 - 2 / 9) / (1 - 2 / 9))
