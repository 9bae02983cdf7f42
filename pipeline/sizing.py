"""What a run will take, from what a part of it was measured to take: tokens, hours and money.

What is measured is counted from the recorded calls and the rows' own costs, and grows with the rows; the
pilot of a search or a cascade is of a fixed size and does not. Where few solutions take most of the tokens
(a search that asks for rollouts of wrong ones only), a small sample says little: `spread` says how little.
Hours are rougher: the time that the engine was busy grows with the rows; the tail behind the last searches,
when most of its slots are free, comes once more and doesn't.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from pipeline.annotator import Annotator, LearningAnnotator
from pipeline.config import ColumnsConfig, DeployConfig, RunConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.money import dollars, recorded_costs
from pipeline.errors import RunError
from pipeline.files import make_folder, read_json, write_text
from pipeline.plan import Plan
from pipeline.progress import StageProgress, read_progress
from pipeline.records import Cost, Outcome, Problem, Solution, Verdict, content_hash
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import Inputs
from pipeline.stages import key_of

MOST_CALLS = 20_000
"""Of a stage, looked at for how busy its engine was."""
SAMPLE = "sample.jsonl"
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
    server's. `spread`: half the 95% interval of the sampled tokens by their figure, None where not known."""

    stages: Mapping[str, StageSize]
    basis: str
    gpus: Mapping[str, int]
    spread: float | None = None

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
    """The same run on `size` problems, short and long ones in their shares (the first `size` solutions, where
    they are brought along): in its own folder, so that the whole run goes on from there and pays nothing
    twice. Raises RunError where the folder holds more than a sample, made by other settings: a sample would
    take the place of its labels."""
    before = other_settings(config)
    if before is not None and before.problems.path != str(config.folder / SAMPLE):
        raise RunError(
            f"{config.folder}: was made with other settings than these; give the run another name "
            "(--set name=…) to measure them on a sample"
        )
    config = config.model_copy(update={"deploy": DeployConfig(), "remote": None})
    if config.solutions is not None:
        return config.model_copy(
            update={"solutions": config.solutions.model_copy(update={"limit": size})}
        )
    chosen = spread_out(inputs.problems, size)
    rows = ({n: v for n, v in p.to_row().items() if v is not None} for p in chosen)
    path = config.folder / SAMPLE
    make_folder(config.folder)
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
    held = {name for p in chosen for name, value in p.to_row().items() if value is not None}
    columns = ColumnsConfig(**{name: name for name in _COLUMNS if name in held})
    problems = {"path": str(path), "columns": columns, "limit": None}
    return config.model_copy(update={"problems": config.problems.model_copy(update=problems)})


def other_settings(config: RunConfig) -> RunConfig | None:
    """The configuration of what the run's folder holds, where a solution may have cost another amount by it;
    None where it says the same, or the folder holds nothing. Raises ConfigError where it can't be read."""
    file = config.folder / "config.yaml"
    before = RunConfig.load(file) if file.is_file() else config
    return None if before.cost_fingerprint == config.cost_fingerprint else before


def spread_out(problems: Sequence[Problem], size: int) -> list[Problem]:
    """So many of them, evenly over the lengths of their questions, on which the cost of a solution hangs."""
    size = min(size, len(problems))
    ordered = sorted(problems, key=lambda p: (len(p.question), content_hash("sample", key_of(p))))
    return [ordered[(2 * i + 1) * len(ordered) // (2 * size)] for i in range(size)]


def assumed_sizing(config: RunConfig, plan: Plan, annotators: Sequence[Annotator]) -> Sizing:
    """Before anything was measured."""
    roles = _roles(config, annotators)
    stages = {}
    for name, tokens in plan.by_stage.items():
        role = roles.get(name)
        price = config.engine_for(role).price if role else None
        paid = dollars(price, Cost(completion_tokens=tokens)) if price else None
        stages[name] = StageSize(tokens, dollars=paid)
    about = f"assumed, not measured: {plan.solution_tokens:.0f} tokens a solution ({plan.assumed})"
    if other_settings(config) is not None:
        about += f"; {config.folder} was made with other settings"
    return Sizing(stages, about, _gpus(config, roles))


def measured_sizing(
    config: RunConfig, inputs: Inputs, annotators: Sequence[Annotator], run: RunFolder
) -> Sizing | None:
    """From what the run's folder holds so far by these settings; None where that is nothing yet."""
    if other_settings(config) is not None:
        return None
    progress = read_progress(run.folder / "progress.json")
    solutions = list(run.solutions.read(Solution))
    if not solutions or not progress:
        return None
    brought = inputs.solutions is not None
    have = len(solutions) if brought else len({key_of(s) for s in solutions})
    want = len(inputs.solutions) if inputs.solutions is not None else len(inputs.problems)
    grows = want / have
    roles = _roles(config, annotators)
    stages: dict[str, StageSize] = {}
    if not brought:
        n, calls = len(solutions), run.calls("generate")
        recorded = _sum(recorded_costs(calls))
        cost = _less(recorded, _less(recorded, _said(solutions)))  # what other settings took aside
        stages["generate"] = _size(
            config, roles, progress, "generate", cost, n, grows, calls, recorded
        )
    learned = read_json(run.learned("cascade")) or {}
    for annotator in annotators:
        name = annotator.name
        recorded = _sum(recorded_costs(run.calls(name)))
        asked_in_turn = (read_json(run.chain) or {}).get("witnesses", ())
        if config.cascade is not None and name in asked_in_turn:
            asked = len(list(run.panel(name).rows(["solution_id"])))
            of_pilot = _said(run.panel(name).read(Verdict))
            decided = sum(s.outcome is not Outcome.UNDECIDED for s in solutions)
            share = float(learned.get("expected_share", 1.0))
            pilot = min(config.cascade.pilot, decided * grows)
            rows = pilot + share * max(0.0, decided * grows - pilot)
            stages[name] = _size(
                config,
                roles,
                progress,
                name,
                of_pilot,
                asked,
                rows / max(1, asked),
                run.calls(name),
                recorded,
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
        calls = run.calls(name)
        stages[name] = _size(config, roles, progress, name, said, done, more, calls, recorded)
        pilot_name = f"calibrate {name}"
        if isinstance(annotator, LearningAnnotator) and annotator.pilot_size and extra.calls:
            had = int((read_json(run.learned(name)) or {}).get("pilot", annotator.pilot_size))
            grown = min(annotator.pilot_size, had * grows) / max(1, had)
            stages[pilot_name] = _size(
                config,
                roles | {pilot_name: roles[name]},
                progress,
                name,
                extra,
                had,
                grown,
                calls,
                recorded,
            )
            roles = roles | {pilot_name: roles[name]}
    basis = (
        f"measured on {have:,} of {want:,} {'solutions' if brought else 'problems'} in {run.folder}"
    )
    spread = None
    if config.cascade is None:
        verdicts = [run.verdicts(annotator.name).read(Verdict) for annotator in annotators]
        sampled = sum(stage.sampled_tokens for stage in stages.values())
        written = stages["generate"].sampled_tokens if "generate" in stages else 0.0
        if sampled:
            of_verdicts = _spread_of(solutions, itertools.chain(*verdicts), have / want)
            spread = None if of_verdicts is None else of_verdicts * (1 - written / sampled)
    return Sizing(stages, basis, _gpus(config, roles), spread)


def _spread_of(
    solutions: Sequence[Solution], verdicts: Iterable[Verdict], share: float
) -> float | None:
    """Half the 95% interval of the verdicts' tokens, by these, from such a share of the problems, each of
    which is one draw. What is written to a problem differs little beside what labelling it takes."""
    tokens = {key_of(solution): 0 for solution in solutions}
    problems = {solution.id: key_of(solution) for solution in solutions}
    for verdict in verdicts:
        if (problem := problems.get(verdict.solution_id)) is not None:
            tokens[problem] += verdict.cost.completion_tokens
    n, total = len(tokens), sum(tokens.values())
    if n < 2 or not total:
        return None
    mean = total / n
    variance = sum((t - mean) ** 2 for t in tokens.values()) / (n - 1)
    return 1.96 * sqrt(variance / n * max(0.0, 1 - share)) / mean


def busy_share(spans: Sequence[tuple[float, float, int]]) -> float:
    """Of the engine's slots, while any was in use: as many slots as ever were. Each call is (begin, end,
    sequences); 1.0 where nothing tells."""
    changes = sorted([(b, n) for b, _, n in spans] + [(e, -n) for _, e, n in spans])
    now = most = 0
    used = active = before = 0.0
    for at, change in changes:
        if now:
            used += now * (at - before)
            active += at - before
        before, now = at, now + change
        most = max(most, now)
    return used / (most * active) if active else 1.0


def _spans(calls: Path) -> list[tuple[float, float, int]]:
    if not calls.is_dir():
        return []
    journal = CallJournal(calls, read_only=True)
    try:
        records = itertools.islice(journal.records(), MOST_CALLS)
        return [(r.at - r.cost.seconds, r.at, r.n) for r in records]
    finally:
        journal.close()


def _size(
    config: RunConfig,
    roles: Mapping[str, str | None],
    progress: Mapping[str, StageProgress],
    stage: str,
    cost: Cost,
    rows: int,
    grows: float,
    calls: Path,
    recorded: Cost | None = None,
) -> StageSize:
    """`cost` of `rows`, `grows` times. The pace is that of all `calls`, which cost what was `recorded`."""
    of_all = recorded or cost
    names = [name for name in (stage, f"calibrate {stage}") if name in progress]
    seconds = sum(progress[n].working_seconds for n in names)
    if of_all.completion_tokens:
        seconds *= cost.completion_tokens / of_all.completion_tokens
    busy = busy_share(_spans(calls)) if grows > 1 else 1.0
    role = roles.get(stage)
    price = config.engine_for(role).price if role else None
    return StageSize(
        sampled_tokens=cost.completion_tokens * grows,
        rows=rows * grows,
        calls=cost.calls * grows,
        prompt_tokens=cost.prompt_tokens * grows,
        cached_tokens=cost.cached_tokens * grows,
        hours=seconds * (busy * grows + (1 - busy) * min(2.0, grows)) / 3600,
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


def _said(rows: Iterable[Solution | Verdict]) -> Cost:
    return sum((row.cost for row in rows), Cost())


def _sum(costs: Mapping[str, Cost]) -> Cost:
    return sum(costs.values(), Cost())


def _less(cost: Cost, other: Cost) -> Cost:
    """What is left of it."""
    names = [field.name for field in Cost.SCHEMA]
    return Cost(*(max(0, getattr(cost, n) - getattr(other, n)) for n in names))
