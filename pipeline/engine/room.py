"""The engines of a run: which are loaded, and when.

`in_turn` keeps one model in memory: asking for another role closes the one before, unless both have
the same engine. `side_by_side` keeps them all. A model is loaded at the first call that no record
answers, so a run that only resumes loads none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine import make_engine
from pipeline.engine.journal import CallJournal
from pipeline.engine.protocol import Engine
from pipeline.engine.recorded import RecordedEngine
from pipeline.records import Cost


class EngineRoom:
    def __init__(self, config: RunConfig, attempt: int) -> None:
        self._config = config
        self._attempt = attempt
        self._engines: dict[str, Engine] = {}

    def bare(self, role: str) -> Engine:
        """The role's engine, not yet opened; roles with the same configuration share it."""
        config: EngineConfig = self._config.engine_for(role)
        key = config.fingerprint
        if key not in self._engines:
            self._engines[key] = make_engine(config, self._config.seed, self._attempt)
        return self._engines[key]

    async def recorded(
        self, role: str, calls: Path, on_call: Callable[[Cost], None]
    ) -> RecordedEngine:
        """The role's engine behind the journal in folder `calls`. Close it when the stage ends."""
        engine = self.bare(role)
        if self._config.placement == "in_turn":
            for other in self._engines.values():
                if other is not engine:
                    await other.close()
        config = self._config.engine_for(role)
        return RecordedEngine(engine, CallJournal(calls), retries=config.retries, on_call=on_call)

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()
