"""`steplabel doctor` ends with its exit code and a cure, and speaks JSON."""

from __future__ import annotations

import json

import pytest

from flows.commands.doctor import doctor
from pipeline.errors import PrerequisiteError


def test_something_missing_raises_with_the_cure_and_prints_all_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with pytest.raises(PrerequisiteError, match="prefect server start") as raised:
        doctor(as_json=True)
    assert raised.value.exit_code == 4
    states = {one["what"]: one["state"] for one in json.loads(capsys.readouterr().out)}
    assert states["python"] == "ok"
    assert states["prefect"] == "missing"
