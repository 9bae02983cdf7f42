"""Are the model servers there? Looked at before anything is sampled: the stage of a judge may begin hours
later, and a wrong address or key would be found only then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.errors import StepLabelError

LOOK_S = 10.0


async def server_faults(config: RunConfig, roles: Iterable[str]) -> list[str]:
    """What is wrong with the servers of these roles, one line each: nobody answers, the model isn't there,
    the key is refused. Nothing is sampled. Raises nothing: a server may come up later, and what is on record
    needs none."""
    servers: dict[str, tuple[str, EngineConfig]] = {}
    for role in sorted(roles):
        engine = config.engine_for(role)
        if engine.kind == "openai":
            servers.setdefault(engine.fingerprint, (role, engine))
    found = await asyncio.gather(*(_fault_of(*server) for server in servers.values()))
    return [fault for fault in found if fault is not None]


async def _fault_of(role: str, config: EngineConfig) -> str | None:
    try:
        engine = OpenAIEngine(config)
        try:
            async with asyncio.timeout(LOOK_S):
                await engine.open()
        finally:
            await engine.close()
    except (StepLabelError, TimeoutError) as error:
        told = f"{config.url} hasn't answered for {LOOK_S:.0f} s"
        return f"engines.{role}: {str(error) or told}"
    return None
