"""Engines: one small protocol for sampling and scoring text, and what stands behind it.

vLLM in process, any OpenAI-compatible server, transformers, the recorded calls of an earlier run,
or a simulated policy. `RecordedEngine` goes around any of them: it records every call through one
writer (`CallJournal`), answers known calls without a model, limits what is in flight, and tries
again after faults. A new engine is one file here and one line in `make_engine`.
"""

from __future__ import annotations

from pipeline.config import EngineConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.limits import EngineStats
from pipeline.engine.models import model_fingerprint
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.engine.protocol import Engine
from pipeline.engine.recorded import RecordedEngine
from pipeline.engine.rendering import TextRenderer, TokenRenderer
from pipeline.engine.replay import ReplayEngine
from pipeline.engine.simulated import SimulatedEngine
from pipeline.engine.transformers_engine import TransformersEngine
from pipeline.engine.vllm_engine import VllmEngine
from pipeline.records import content_hash

__all__ = [
    "CallJournal",
    "EngineStats",
    "OpenAIEngine",
    "RecordedEngine",
    "ReplayEngine",
    "SimulatedEngine",
    "TextRenderer",
    "TokenRenderer",
    "TransformersEngine",
    "VllmEngine",
    "make_engine",
    "model_fingerprint",
]


def make_engine(config: EngineConfig, seed: int, attempt: int) -> Engine:
    """The engine that `config` names, not yet opened.

    `attempt` counts the starts of a run: it is mixed into the sampling seed, or a resumed run would
    sample the same texts again and count them as new evidence. The simulated policy leaves it out:
    its answers hang on the call and `seed` alone. A replay answers with the calls of a run of the
    same `seed`. Raises ConfigError or PrerequisiteError.
    """
    if config.kind == "openai":
        return OpenAIEngine(config)
    if config.kind == "replay":
        return ReplayEngine(config, seed)
    if config.kind == "simulated":
        return SimulatedEngine(config, seed)
    sampling_seed = int(content_hash(seed, attempt, config.model), 16) % 2**31
    if config.kind == "transformers":
        return TransformersEngine(config, sampling_seed)
    return VllmEngine(config, sampling_seed)
