"""One POST to an OpenAI-compatible server, and what each way of failing means."""

from __future__ import annotations

import json
import os
import time
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

import httpx

from pipeline.config import EngineConfig
from pipeline.errors import (
    BadRequestError,
    ConfigError,
    EngineFaultError,
    PrerequisiteError,
    StepLabelError,
)

_REFUSED = (400, 413, 415, 422)
_LOCKED = (401, 403)
_UNPAID = 402
_MISSING = (404, 405)
_LATER = (429, 503)
_BUSY = 429
_NO_CREDIT = "insufficient_quota"
"""OpenAI's word for it, which it says with the status of a busy server."""
_AWAY = (502, 503)
"""What a router says that has no server."""
MOST_PATIENCE_S = 300.0
"""However long a server asks to be left alone."""
_SHOWN = 300
_QUOTED = 24


class NoSuchPathError(PrerequisiteError):
    """Status 404 or 405: the server has no such path, or no such model."""


class OpenAIClient:
    """What is wrong with one request (400, 413, 415, 422) raises BadRequestError. What is wrong
    with the way to the server for every request raises PrerequisiteError: 401 and 403 the key, 402 its
    account, 404 and 405 the address or the model. 408, 429, 5xx, timeouts, broken connections and answers
    that are not JSON raise EngineFaultError. An error that is told with status 200 is read by its own
    code. The key comes from the environment variable
    `config.api_key_env` and stands in no message, and neither does what a server quotes of the
    prompt."""

    def __init__(self, config: EngineConfig, connections: int) -> None:
        if not config.url:
            raise ConfigError(
                "url: missing for an engine of kind openai; the server's base URL, such as "
                "http://127.0.0.1:8000/v1"
            )
        _check_url(config.url)
        self._key_name = config.api_key_env
        self._key = os.environ.get(config.api_key_env, "").strip()
        self.url = config.url.rstrip("/")
        try:
            self._http = httpx.AsyncClient(
                timeout=httpx.Timeout(
                    config.request_timeout_s, connect=min(30.0, config.request_timeout_s / 2)
                ),
                limits=httpx.Limits(max_connections=connections, max_keepalive_connections=64),
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            )
        except (ValueError, UnicodeError) as error:
            raise ConfigError(
                f"{config.api_key_env}: the key holds characters that can't be sent"
            ) from error

    async def get(self, path: str) -> Any:
        return await self._send("GET", path, None)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._send("POST", path, body)

    async def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        where = f"{self.url}{path}"
        try:
            response = await self._http.request(method, where, json=body)
        except httpx.TimeoutException as error:
            raise EngineFaultError(
                f"{where}: no answer in time ({type(error).__name__}); see request_timeout_s",
                away=isinstance(error, httpx.ConnectTimeout),
            ) from error
        except httpx.HTTPError as error:
            detail = self._hide(str(error)) or type(error).__name__
            away = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
            raise EngineFaultError(
                f"{where}: {detail}; is the server running?", away=away
            ) from error
        if response.status_code != 200:
            raise self._failure(where, response.status_code, response, body)
        try:
            answer = response.json()
        except (ValueError, RecursionError) as error:
            raise EngineFaultError(
                f"{where}: the answer is not JSON: {self._hide(response.text, body)!r}"
            ) from error
        if not isinstance(answer, dict):
            raise EngineFaultError(f"{where}: the answer is not a JSON object")
        if method == "POST" and answer.get("error") and not answer.get("choices"):
            raise self._failure(where, _code_of(answer["error"]), response, body)
        return answer

    def _failure(
        self, where: str, status: int, response: httpx.Response, body: dict[str, Any] | None
    ) -> StepLabelError:
        message = f"{where}: status {status}: {self._hide(response.text, body)}"
        if status in _LOCKED:
            state = "set, and refused" if self._key else "not set"
            return PrerequisiteError(
                f"{message} (the key is read from {self._key_name}, which is {state})"
            )
        if status == _UNPAID or (status == _BUSY and _NO_CREDIT in response.text):
            return PrerequisiteError(
                f"{message} (the account of the key in {self._key_name} has no credit left)"
            )
        if status in _MISSING:
            return NoSuchPathError(
                f"{message} (no such path or model there; check this engine's url, which for most "
                "servers ends in /v1, its model, and chat_api)"
            )
        if status in _REFUSED:
            return BadRequestError(message)
        later = response.headers.get("Retry-After") if status in _LATER else None
        after = retry_after(later, time.time())
        return EngineFaultError(message, after, away=status in _AWAY, busy=status == _BUSY)

    def _hide(self, text: str, body: dict[str, Any] | None = None) -> str:
        """What may be logged of a server's words: neither the key nor what it quotes of the prompt."""
        shown = text.replace(self._key, "***") if self._key else text
        shown = " ".join(shown.split())[:_SHOWN]
        return _unquoted(shown, json.dumps(body, ensure_ascii=False)) if body else shown

    async def close(self) -> None:
        await self._http.aclose()


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds from `now` (Unix time), of a header that gives seconds or a date (RFC 9110, 10.2.3);
    None where it says neither."""
    if value is None or len(value) > 100:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MOST_PATIENCE_S) if isfinite(seconds) else None


def _code_of(error: Any) -> int:
    """The status that an error stands for, by its own code."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _unquoted(text: str, sent: str) -> str:
    """`text` with every stretch of QUOTED characters or more that is in `sent` cut out."""
    kept, at = [], 0
    while at < len(text):
        end = at + _QUOTED
        if end > len(text) or text[at:end] not in sent:
            kept.append(text[at])
            at += 1
            continue
        while end < len(text) and text[at : end + 1] in sent:
            end += 1
        kept.append("[…]")
        at = end
    return "".join(kept)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise ConfigError(
            f"url: {url!r} is not a server's base URL; it looks like http://127.0.0.1:8000/v1"
        )
