"""Are the model servers there? Looked at before anything is sampled: the stage of a judge may begin hours
later, and a wrong address or key would be found only then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.errors import PrerequisiteError, StepLabelError

LOOK_S = 10.0


class ServerFault(NamedTuple):
    """What is wrong with the server of these roles. `final`: it answered, and won't serve them."""

    roles: tuple[str, ...]
    told: str
    final: bool


async def server_faults(config: RunConfig, roles: Iterable[str]) -> list[ServerFault]:
    """Servers of these roles that don't answer, lack the model or refuse the key. Nothing is sampled. Raises
    nothing: a server may come up later, and what is on record needs none."""
    servers: dict[str, tuple[EngineConfig, list[str]]] = {}
    for role in sorted(set(roles)):
        engine = config.engine_for(role)
        if engine.kind == "openai":
            servers.setdefault(engine.fingerprint, (engine, []))[1].append(role)
    found = await asyncio.gather(*(_fault_of(*server) for server in servers.values()))
    return [fault for fault in found if fault is not None]


async def _fault_of(config: EngineConfig, roles: list[str]) -> ServerFault | None:
    try:
        engine = OpenAIEngine(config)
        try:
            async with asyncio.timeout(LOOK_S):
                await engine.open()
        finally:
            await engine.close()
    except (StepLabelError, TimeoutError) as error:
        told = str(error) or f"{config.url} hasn't answered for {LOOK_S:.0f} s"
        final = isinstance(error, PrerequisiteError)
        return ServerFault(tuple(roles), f"engines.{roles[0]}: {told}", final)
    return None
