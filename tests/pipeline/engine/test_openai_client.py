"""What an error of a model server may say of the request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import EngineConfig
from pipeline.engine.openai_client import _QUOTED, OpenAIClient, _unquoted
from pipeline.errors import ConfigError


@given(st.text("ab \n", max_size=80), st.text("ab", min_size=_QUOTED, max_size=60), st.text("ab "))
def test_no_long_stretch_of_the_request_is_left(before: str, sent: str, after: str) -> None:
    left = _unquoted(before + sent + after, sent)
    stretches = [sent[i : i + _QUOTED] for i in range(len(sent) - _QUOTED + 1)]
    assert not any(stretch in left for stretch in stretches)


@given(st.text(max_size=200))
def test_words_of_the_server_are_left_as_they_are(said: str) -> None:
    assert _unquoted(said, "x" * (_QUOTED - 1)) == said


def test_a_url_with_a_password_is_refused() -> None:
    config = EngineConfig(kind="openai", model="m", url="http://me:secret@host/v1")
    with pytest.raises(ConfigError, match="api_key_env") as told:
        OpenAIClient(config, 1)
    assert "secret" not in str(told.value)
