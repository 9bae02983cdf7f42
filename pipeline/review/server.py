"""The page of a review, on 127.0.0.1 alone.

Other users of this machine, and pages in its browser, are kept out by a random token: without it nothing
is shown and nothing is taken. It stands in the address that is printed; the page sends it on in a header
of its own, which another site's page can't. Requests that name another host are refused, so that no name
that is made to point here (DNS rebinding) gets through. What models wrote is data that the page's script
turns into text nodes; its policy runs this one script and loads nothing else.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipeline.errors import InputError, PrerequisiteError, StepLabelError
from pipeline.evaluate.markup import el, head_of, to_html, verbatim
from pipeline.evaluate.page_style import STYLE
from pipeline.review.session import Session

HOST = "127.0.0.1"
TOKEN = "X-Steplabel-Token"
MOST_BYTES = 10_000
"""Of a request."""
_SCRIPTS = (
    ("pipeline.report", "dom.js"),
    ("pipeline.report", "words.js"),
    ("pipeline.report", "evidence.js"),
    ("pipeline.report", "solution.js"),
    ("pipeline.review", "review.js"),
)
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def app(session: Session, name: str, token: str) -> Starlette:
    """`name` is the run's; `token` is what a request must have."""
    page = page_of(name)

    def allowed(given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), token.encode())

    async def index(request: Request) -> Response:
        if not allowed(request.query_params.get("token")):
            return _refused()
        return HTMLResponse(page, headers=_HEADERS)

    def answering(act: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        async def answer(request: Request) -> Response:
            if not allowed(request.headers.get(TOKEN)):
                return _refused()
            try:
                return _json(act(await _body(request)))
            except InputError as error:
                return _json({"error": str(error)}, 422)
            except (StepLabelError, OSError) as error:
                return _json({"error": str(error)}, 500)

        return answer

    return Starlette(
        routes=[
            Route("/", index),
            Route("/state", answering(lambda _: session.state())),
            Route("/evidence", answering(lambda raw: session.evidence(_id(raw))), methods=["POST"]),
            Route("/decide", answering(session.decide), methods=["POST"]),
            Route("/undo", answering(session.undo), methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


def _id(raw: dict[str, Any]) -> str:
    return str(raw.get("id"))


def _refused() -> Response:
    text = "403: open the address that `steplabel review` printed, with its token\n"
    return PlainTextResponse(text, 403, headers=_HEADERS)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(value, status, headers=_HEADERS)


async def _body(request: Request) -> dict[str, Any]:
    """A JSON object, or an empty one. Raises InputError."""
    text = b""
    async for chunk in request.stream():
        text += chunk
        if len(text) > MOST_BYTES:
            raise InputError(f"the request: more than {MOST_BYTES} bytes")
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"the request: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError("the request: should be a JSON object")
    return found


def page_of(name: str) -> str:
    """The page, which holds no row of the run: those come with its requests."""
    style = (
        STYLE + _asset("pipeline.report", "report.css") + _asset("pipeline.review", "review.css")
    )
    script = '"use strict";\n' + "".join(_asset(*one) for one in _SCRIPTS)
    head = head_of(f"{name} · review · steplabel", style, script, connect="'self'")
    main = el("main", el("h1", "Review", class_="unseen"), id="review", tabindex="-1")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        to_html(head),
        "<body>",
        _asset("pipeline.review", "frame.html"),
        to_html(main),
        to_html(verbatim("script", script)),
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _asset(package: str, name: str) -> str:
    return (files(package) / "page" / name).read_text(encoding="utf-8")


def serve(session: Session, name: str, port: int, told: Callable[[str], None]) -> None:
    """Until it is interrupted. `port` 0 takes a free one; `told` the address. Raises PrerequisiteError
    where the port is taken."""
    token = secrets.token_urlsafe(24)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen(128)  # else another may have the port until the server is ready
        except OSError as error:
            raise PrerequisiteError(
                f"--port {port}: {error.strerror}; leave it out, and a free one is taken"
            ) from error
        told(f"http://{HOST}:{listening.getsockname()[1]}/?token={token}")
        config = uvicorn.Config(
            app(session, name, token), log_level="warning", access_log=False, lifespan="off"
        )
        with suppress(KeyboardInterrupt):  # the way to end it; the server has let go by then
            uvicorn.Server(config).run(sockets=[listening])
