"""What a run will take, from what a part of it was measured to take: tokens, hours and money.

What is measured is counted from the recorded calls and the rows' own costs, and grows with the rows; the
pilot of a search or a cascade is of a fixed size and does not. Hours are at the pace so far, and rougher:
a small sample doesn't fill an engine as the whole run does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from pipeline.annotator import Annotator, LearningAnnotator
from pipeline.config import ColumnsConfig, DeployConfig, RunConfig
from pipeline.engine.money import dollars, recorded_costs
from pipeline.files import make_folder, read_json, write_text
from pipeline.parts import Inputs
from pipeline.plan import Plan
from pipeline.progress import StageProgress, read_progress
from pipeline.records import Cost, Outcome, Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
from pipeline.stages import key_of

_COLUMNS = ("id", "question", "answer", "reference", "level", "tests", "tables")


@dataclass(frozen=True, slots=True)
class StageSize:
    """Of a whole stage. Hours are of the engine at work; None where nothing tells the pace. `calls` and
    `prompt_tokens` None: not known before some are made. `dollars` None: its engine has no price."""

    sampled_tokens: float
    rows: float | None = None
    calls: float | None = None
    prompt_tokens: float | None = None
    cached_tokens: float | None = None
    hours: float | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Sizing:
    """`basis`: where the figures come from, in words. `gpus` of each stage's engine; none where it is a
    server's."""

    stages: Mapping[str, StageSize]
    basis: str
    gpus: Mapping[str, int]

    @property
    def gpu_hours(self) -> float:
        return sum((s.hours or 0.0) * self.gpus.get(n, 0) for n, s in self.stages.items())

    @property
    def dollars(self) -> float:
        """For calls."""
        return sum(stage.dollars or 0.0 for stage in self.stages.values())

    @property
    def sampled_tokens(self) -> float:
        return sum(stage.sampled_tokens for stage in self.stages.values())


def sample_config(config: RunConfig, inputs: Inputs, size: int) -> RunConfig:
    """The same run on `size` problems chosen by content (the first `size` solutions, where they are
    brought along): in its own folder, so that the whole run goes on from there and pays nothing twice."""
    config = config.model_copy(update={"deploy": DeployConfig(), "remote": None})
    if config.solutions is not None:
        return config.model_copy(
            update={"solutions": config.solutions.model_copy(update={"limit": size})}
        )
    chosen = nsmallest(size, inputs.problems, key=lambda p: content_hash("sample", key_of(p)))
    rows = ({n: v for n, v in p.to_row().items() if v is not None} for p in chosen)
    path = config.folder / "sample.jsonl"
    make_folder(config.folder)
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
    held = {name for p in chosen for name, value in p.to_row().items() if value is not None}
    columns = ColumnsConfig(**{name: name for name in _COLUMNS if name in held})
    problems = {"path": str(path), "columns": columns, "limit": None}
    return config.model_copy(update={"problems": config.problems.model_copy(update=problems)})


def assumed_sizing(config: RunConfig, plan: Plan, annotators: Sequence[Annotator]) -> Sizing:
    """Before anything was measured."""
    roles = _roles(config, annotators)
    stages = {}
    for name, tokens in plan.by_stage.items():
        role = roles.get(name)
        price = config.engine_for(role).price if role else None
        paid = dollars(price, Cost(completion_tokens=tokens)) if price else None
        stages[name] = StageSize(tokens, dollars=paid)
    about = f"assumed, not measured: {plan.solution_tokens:.0f} tokens a solution, {plan.assumed}"
    return Sizing(stages, about, _gpus(config, roles))


def measured_sizing(
    config: RunConfig, inputs: Inputs, annotators: Sequence[Annotator], run: RunFolder
) -> Sizing | None:
    """From what the run's folder holds so far; None where that is nothing yet."""
    progress = read_progress(run.folder / "progress.json")
    solutions = list(run.solutions.read(Solution))
    if not solutions or not progress:
        return None
    brought = inputs.solutions is not None
    have = len(solutions) if brought else len({key_of(s) for s in solutions})
    want = len(inputs.solutions) if inputs.solutions is not None else len(inputs.problems)
    grows = max(1.0, want / have)
    roles = _roles(config, annotators)
    stages: dict[str, StageSize] = {}
    if not brought:
        cost = _sum(recorded_costs(run.calls("generate")))
        stages["generate"] = _size(config, roles, progress, "generate", cost, len(solutions), grows)
    learned = read_json(run.learned("cascade")) or {}
    for annotator in annotators:
        name = annotator.name
        recorded = _sum(recorded_costs(run.calls(name)))
        if name in (read_json(run.chain) or {}).get("witnesses", ()):
            asked = len(list(run.panel(name).rows(["solution_id"])))
            of_pilot = _said(run.panel(name).read(Verdict))
            decided = sum(s.outcome is not Outcome.UNDECIDED for s in solutions)
            share = float(learned.get("expected_share", 1.0))
            assert config.cascade is not None
            pilot = min(config.cascade.pilot, decided * grows)
            rows = pilot + share * max(0.0, decided * grows - pilot)
            stages[name] = _size(
                config, roles, progress, name, of_pilot, asked, rows / max(1, asked), recorded
            )
            continue
        store = run.verdicts(name)
        done = sum(part.rows for part in store.parts())
        if not done:
            return None
        total = max(done, progress[name].rows_total) if name in progress else done
        extra = _less(recorded, _said(store.read(Verdict)))  # of a pilot; others are shared by rows
        said = _less(recorded, extra)
        more = grows * total / done
        stages[name] = _size(config, roles, progress, name, said, done, more, recorded)
        pilot_name = f"calibrate {name}"
        if isinstance(annotator, LearningAnnotator) and annotator.pilot_size and extra.calls:
            had = sum(part.rows for part in run.pilot(name).parts())
            grown = min(annotator.pilot_size, had * grows) / max(1, had)
            stages[pilot_name] = _size(
                config,
                roles | {pilot_name: roles[name]},
                progress,
                name,
                extra,
                had,
                grown,
                recorded,
            )
            roles = roles | {pilot_name: roles[name]}
    basis = (
        f"measured on {have:,} of {want:,} {'solutions' if brought else 'problems'} in {run.folder}"
    )
    return Sizing(stages, basis, _gpus(config, roles))


def _size(
    config: RunConfig,
    roles: Mapping[str, str | None],
    progress: Mapping[str, StageProgress],
    stage: str,
    cost: Cost,
    rows: int,
    grows: float,
    recorded: Cost | None = None,
) -> StageSize:
    """`cost` of `rows`, `grows` times. The pace is that of all calls that were `recorded`."""
    of_all = recorded or cost
    names = [name for name in (stage, f"calibrate {stage}") if name in progress]
    seconds = sum(max(0.0, progress[n].seconds - progress[n].load_seconds) for n in names)
    if of_all.completion_tokens:
        seconds *= cost.completion_tokens / of_all.completion_tokens
    role = roles.get(stage)
    price = config.engine_for(role).price if role else None
    return StageSize(
        sampled_tokens=cost.completion_tokens * grows,
        rows=rows * grows,
        calls=cost.calls * grows,
        prompt_tokens=cost.prompt_tokens * grows,
        cached_tokens=cost.cached_tokens * grows,
        hours=seconds * grows / 3600,
        dollars=dollars(price, cost) * grows if price else None,
    )


def _roles(config: RunConfig, annotators: Sequence[Annotator]) -> dict[str, str | None]:
    roles: dict[str, str | None] = {one.name: one.role for one in annotators}
    return roles if config.solutions is not None else {"generate": "generator", **roles}


def _gpus(config: RunConfig, roles: Mapping[str, str | None]) -> dict[str, int]:
    found = {}
    for name, role in roles.items():
        engine = config.engine_for(role) if role else None
        if engine is not None and engine.kind in ("vllm", "transformers"):
            found[name] = int(engine.args.get("tensor_parallel_size", 1))
    return found


def _said(verdicts: Any) -> Cost:
    return sum((verdict.cost for verdict in verdicts), Cost())


def _sum(costs: Mapping[str, Cost]) -> Cost:
    return sum(costs.values(), Cost())


def _less(cost: Cost, other: Cost) -> Cost:
    """What is left of it."""
    names = [field.name for field in Cost.SCHEMA]
    return Cost(*(max(0, getattr(cost, n) - getattr(other, n)) for n in names))
