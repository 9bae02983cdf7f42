"""What a finished run says of itself: counts, quality against the oracle where there is one, cost.

Everything is computed from the rows on disk, so the summary of a resumed run, or of one that was
made a year ago, is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple, cast

from pipeline.cascade.rounds import CascadeReport, report
from pipeline.columns import EVERYTHING, Reads
from pipeline.engine.money import recorded_costs
from pipeline.errors import ConfigError, StepLabelError
from pipeline.evaluate import Score, score
from pipeline.evaluate.pass_at_k import mean_pass_at
from pipeline.join import Join
from pipeline.mutants import GENERATOR as MUTANTS
from pipeline.progress import StageProgress
from pipeline.records import Cost, Outcome, Solution
from pipeline.registry import load_named
from pipeline.run_folder import RunFolder
from pipeline.stages import KEY_COLUMNS, key_of

KEPT = "kept labels"
CUT_WARNING = 0.05
READS = Reads(
    solution=frozenset({*KEY_COLUMNS, "generator", "outcome", "finish_reason", "given"}),
    label=frozenset({"first_error", "reason"}),
    verdict=frozenset({"first_error"}),
)
"""What is counted."""
SHOWN_TO_ORACLE = Reads(solution=EVERYTHING.solution)

Oracle = Callable[[Solution], "int | None"]
"""The true first error of a solution, None where it isn't known. It is never shown to annotators."""

ORACLES = {"tinymath": "pipeline.testbed.gold:first_error_of"}


class Named(NamedTuple):
    """A first error as named by someone, beside the true one."""

    problem: str
    first_error: int | None
    gold: int
    wrong_outcome: bool


class Quality(NamedTuple):
    """Score of an annotator, or of the kept labels, over all solutions or the wrong-outcome ones."""

    who: str
    over: str
    score: Score


@dataclass(frozen=True, slots=True)
class StageCost:
    rows: int
    cost: Cost
    seconds: float
    load_seconds: float
    planned_tokens: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts are of the annotated solutions; `left_out` problems were filtered; `solve_rate`: right
    share of the decided solutions that were written from the bare problem; `learned`: by consensus;
    `not_selected`: labelled solutions that the dataset's selection leaves out, by reason.
    `cascade`: what it asked, by its verdicts' own costs. `pass_at`: pass@k of problems with tests, by k.
    `dollars`: paid for all calls so far, None where no engine has a price; `unpaid`: rows that wait for a
    larger budget."""

    problems: int
    solutions: int
    outcomes: Mapping[str, int]
    solve_rate: float | None
    cut: int
    kept: int
    kept_wrong_outcome: int
    reasons: Mapping[str, int]
    first_errors: Mapping[int, int]
    quality: tuple[Quality, ...]
    stages: Mapping[str, StageCost]
    faults: int
    rejected: int
    left_out: int
    dataset: str
    report: str
    warnings: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()
    not_selected: Mapping[str, int] = field(default_factory=dict)
    cascade: CascadeReport | None = None
    pass_at: Mapping[int, float] = field(default_factory=dict)
    dollars: float | None = None
    unpaid: int = 0

    @property
    def kept_share(self) -> float:
        return self.kept / self.solutions if self.solutions else 0.0

    @property
    def kept_share_wrong_outcome(self) -> float | None:
        wrong = self.outcomes.get(Outcome.INCORRECT, 0)
        return self.kept_wrong_outcome / wrong if wrong else None

    @property
    def cost(self) -> Cost:
        return sum((stage.cost for stage in self.stages.values()), Cost())

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages.values())


def make_summary(
    run: RunFolder,
    planned: Mapping[str, int],
    stages: Mapping[str, StageProgress],
    rejected: int,
    problems: int,
    left_out: int,
    oracle: Oracle | None,
    names: Sequence[str] | None = None,
) -> Summary:
    """Read the run's rows once and count. `planned`: tokens by stage; `stages` gives wall times and
    faults; `names`: the annotators that count, by default all that have verdicts."""
    outcomes: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    programs: Counter[str] = Counter()
    passing: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    first_errors: Counter[int] = Counter()
    kept_wrong = cut = solutions = 0
    rows: Counter[str] = Counter()
    verdicts: dict[str, list[Named]] = {}
    first_stage = next(iter(stages))
    for item in Join(run, names).items(READS if oracle is None else READS | SHOWN_TO_ORACLE):
        solution, label = item.solution, item.label
        rows[first_stage] += 1
        rows.update(item.verdicts.keys())
        if label is None:
            continue
        solutions += 1
        problem = key_of(solution)  # ids repeat where runs were merged
        outcomes[solution.outcome] += 1
        if not solution.given:
            alone[solution.outcome] += 1
            if solution.tests is not None and solution.generator != MUTANTS:
                programs[problem] += 1
                passing[problem] += solution.outcome is Outcome.CORRECT
        cut += solution.finish_reason == "length"
        wrong = solution.outcome is Outcome.INCORRECT
        if label.first_error is None:
            reasons[label.reason or "unknown"] += 1
        else:
            first_errors[label.first_error] += 1
            kept_wrong += wrong
        gold = oracle(solution) if oracle else None
        if gold is None or solution.outcome is Outcome.UNDECIDED:
            continue
        for name, verdict in item.verdicts.items():
            verdicts.setdefault(name, []).append(Named(problem, verdict.first_error, gold, wrong))
        verdicts.setdefault(KEPT, []).append(Named(problem, label.first_error, gold, wrong))
    warnings = []
    if solutions and cut / solutions > CUT_WARNING:
        warnings.append(
            f"{cut} of {solutions} solutions were cut by the length limit; bad prefixes are cut more "
            "often, so leaving them out biases the labels: raise generate.sampling.max_tokens, or set "
            "grading.cut to incorrect"
        )
    faults = sum(stage.faults for stage in stages.values())
    if faults:
        warnings.append(
            f"{faults} rows failed and are not in the dataset; run the same command again"
        )
    decided = alone[Outcome.CORRECT] + alone[Outcome.INCORRECT]
    return Summary(
        problems=problems,
        solutions=solutions,
        outcomes=dict(outcomes),
        solve_rate=alone[Outcome.CORRECT] / decided if decided else None,
        cut=cut,
        kept=sum(first_errors.values()),
        kept_wrong_outcome=kept_wrong,
        reasons=dict(reasons.most_common()),
        first_errors=dict(sorted(first_errors.items())),
        quality=tuple(quality_rows(verdicts)),
        stages={
            name: StageCost(
                rows.get(name, stage.rows_done),
                spent(run.calls(name)),
                stage.seconds,
                stage.load_seconds,
                planned.get(name),
            )
            for name, stage in stages.items()
        },
        faults=faults,
        rejected=rejected,
        left_out=left_out,
        dataset=str(run.dataset.resolve()),
        report=str(run.report.resolve()),
        warnings=tuple(warnings),
        cascade=report(run, stages),
        pass_at=mean_pass_at(programs, passing),
    )


def paid(summary: Summary, dollars: float | None, unpaid: int) -> Summary:
    """The summary with what the run has cost, and what it could not pay for."""
    told = (
        f"the budget is spent: {unpaid} rows wait, and a larger budget.dollars goes on with them",
    )
    warnings = summary.warnings + (told if unpaid else ())
    return replace(summary, dollars=dollars, unpaid=unpaid, warnings=warnings)


def spent(calls: Path) -> Cost:
    """What was paid for the calls recorded in a folder: each once, whichever rows share it."""
    return sum(recorded_costs(calls).values(), Cost())


def quality_rows(verdicts: Mapping[str, list[Named]]) -> Iterator[Quality]:
    """Each annotator's rows, then the kept labels', over all solutions and over the wrong ones."""
    for name in sorted(verdicts, key=lambda name: (name == KEPT, name)):
        for over, chosen in (
            ("all", verdicts[name]),
            ("wrong outcome", [named for named in verdicts[name] if named.wrong_outcome]),
        ):
            pairs = [(n.first_error, n.gold) for n in chosen]
            yield Quality(name, over, score(pairs, [n.problem for n in chosen]))


def make_oracle(name: str | None) -> Oracle | None:
    """The oracle a configuration names. Raises ConfigError, and what is made of a user's function raises it
    where that one fails or says what is no first error."""
    if name is None:
        return None
    oracle = load_named("oracle", name, ORACLES)
    if name in ORACLES:
        return cast(Oracle, oracle)

    def checked(solution: Solution) -> int | None:
        try:
            first_error = oracle(solution)
        except StepLabelError:
            raise
        except Exception as error:  # the user's code may raise anything
            raise ConfigError(f"oracle: {name} failed on {solution.id!r}: {error!r}") from error
        if first_error is None:
            return None
        is_step = isinstance(first_error, Integral) and -1 <= int(first_error) < len(solution.steps)
        if not is_step:
            raise ConfigError(
                f"oracle: {name} should return None or an index of the solution's {len(solution.steps)} "
                f"steps, -1 for no error, not {first_error!r:.60}"
            )
        return int(first_error)

    return checked


def to_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain data, with its derived figures."""
    plain = asdict(summary)
    plain["first_errors"] = {str(step): n for step, n in summary.first_errors.items()}
    plain["pass_at"] = {str(k): share for k, share in summary.pass_at.items()}
    plain["quality"] = [
        {"who": q.who, "over": q.over, **q.score._asdict()} for q in summary.quality
    ]
    return plain | {
        "kept_share": summary.kept_share,
        "kept_share_wrong_outcome": summary.kept_share_wrong_outcome,
        "cost": asdict(summary.cost),
        "seconds": summary.seconds,
    }
