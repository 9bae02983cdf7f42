"""What an error of a model server may say of the request."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.openai_client import _QUOTED, _unquoted
from pipeline.errors import ConfigError


@given(st.text("ab \n", max_size=80), st.text("ab", min_size=_QUOTED, max_size=60), st.text("ab "))
def test_no_long_stretch_of_the_request_is_left(before: str, sent: str, after: str) -> None:
    left = _unquoted(before + sent + after, sent)
    stretches = [sent[i : i + _QUOTED] for i in range(len(sent) - _QUOTED + 1)]
    assert not any(stretch in left for stretch in stretches)


@given(st.text(max_size=200))
def test_words_of_the_server_are_left_as_they_are(said: str) -> None:
    assert _unquoted(said, "x" * (_QUOTED - 1)) == said


@pytest.mark.parametrize(
    "url",
    [
        "http://me:HUNTER2@host/v1",
        "http://HUNTER2@host/v1",
        *(f"http://host/v1?a=b&{name}=HUNTER2" for name in ("key", "api_key", "api-key", "token")),
        *(f"http://host/v1?{name}=HUNTER2" for name in ("client_secret", "password", "sig")),
    ],
)
def test_a_url_with_a_key_is_refused_before_it_is_written_down_or_shown(url: str) -> None:
    engine = {"kind": "openai", "model": "m", "url": url}
    raw = {"problems": {"path": "p"}, "engines": {"judge": engine}}
    with pytest.raises(ConfigError, match=r"engines\.judge\.url.*api_key_env") as told:
        RunConfig.check(raw, "run.yaml")
    assert "HUNTER2" not in "".join(traceback.format_exception(told.value))


def test_a_url_may_ask_for_what_is_no_key() -> None:
    url = "http://host/v1?api-version=2024-06-01"
    assert EngineConfig(kind="openai", model="m", url=url).url == url
