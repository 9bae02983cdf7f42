"""The run configuration: typed, every field described, read from YAML with `--set a.b=c` on top.

`RunConfig.load(path, overrides)` refuses unknown keys with "did you mean"; `steplabel config`
prints the resolved configuration. It may build on a recipe (`pipeline.recipes`). What an annotator
takes is checked by the annotator itself (`annotators.registry`), so a new one needs no line here.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.errors import ConfigError
from pipeline.recipes import on_recipe, read_yaml
from pipeline.records import content_hash
from pipeline.urls import shown

if TYPE_CHECKING:
    from pipeline.engine.protocol import Sampling


LARGEST_SHARD = 4096


class Options(BaseModel):
    """Base of every part of the configuration: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def fingerprint(self) -> str:
        return content_hash(self.model_dump(mode="json"))


OptionsT = TypeVar("OptionsT", bound=Options)


class SamplingConfig(Options):
    max_tokens: int = Field(1024, ge=1, description="tokens a completion may have; longer is cut")
    temperature: float = Field(1.0, ge=0, description="sampling temperature; 0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus sampling")
    top_k: int = Field(0, ge=0, description="sample among the k likeliest tokens; 0 is all")
    stop: tuple[str, ...] = Field((), description="texts that end a completion")

    def sampling(self) -> Sampling:
        from pipeline.engine.protocol import Sampling  # engine/ itself reads this module

        return Sampling(self.max_tokens, self.temperature, self.top_p, self.top_k, self.stop)


class PriceConfig(Options):
    """Dollars for a million tokens."""

    input: float = Field(ge=0, description="of prompts")
    output: float = Field(ge=0, description="sampled")
    cached: float | None = Field(
        None, ge=0, description="of prompts, from the server's cache; default: as input"
    )


class EngineConfig(Options):
    """One model and how to reach it."""

    kind: Literal["vllm", "openai", "transformers", "simulated", "replay"] = Field(
        "vllm",
        description="vllm in process, an OpenAI-compatible server, transformers, the simulated "
        "policy, or the recorded calls of a run",
    )
    model: str = Field(description="folder or hub name of the model (replay: folder of a run)")
    revision: str | None = Field(None, description="revision of a hub model")
    url: str | None = Field(None, description="openai: base URL, such as http://127.0.0.1:8000/v1")
    api_key_env: str = Field(
        "OPENAI_API_KEY", description="openai: environment variable that holds the key"
    )
    chat_api: bool = Field(
        False, description="openai: use /chat/completions (a server without /completions)"
    )
    tokenizer: str | None = Field(None, description="openai: tokenizer folder, for token prefixes")
    template_args: dict[str, Any] = Field(
        default_factory=dict,
        description="values for the chat template, such as {enable_thinking: false}",
    )
    dtype: str = Field("auto", description="auto picks float32 on a CPU without native bfloat16")
    max_num_seqs: int = Field(256, ge=1, description="sequences the engine decodes at once")
    max_model_len: int | None = Field(None, ge=16, description="longest prompt and answer, tokens")
    memory_share: float = Field(
        0.9, gt=0, le=1, description="share of the GPU memory (CPU: of kv_cache_gib) it may take"
    )
    kv_cache_gib: float = Field(2.0, gt=0, description="CPU: memory for the prefix cache, GiB")
    request_timeout_s: float = Field(600.0, gt=0, description="a call that takes longer is a fault")
    retries: int = Field(4, ge=0, description="tries after a fault, with growing pauses")
    price: PriceConfig | None = Field(
        None, description="what its calls cost, such as {input: 0.15, output: 0.60}"
    )
    requests_per_minute: int | None = Field(None, ge=1, description="most that are sent")
    tokens_per_minute: int | None = Field(
        None, ge=1, description="most that are sent and asked for, counted by max_tokens beforehand"
    )
    trust_remote_code: bool = Field(False, description="run code that comes with the model")
    args: dict[str, Any] = Field(
        default_factory=dict, description="vllm: any further engine argument, passed on as it is"
    )


class ColumnsConfig(Options):
    """Which column of the file holds what; dots reach into objects (`meta.level`)."""

    id: str | None = Field(None, description="default: `id` where there is one, else a hash")
    question: str = Field("question", description="the problem's text")
    answer: str = Field("answer", description="the gold answer (a worked answer is reduced to it)")
    reference: str | None = Field(None, description="a worked solution")
    level: str | None = Field(None, description="difficulty, kept for the tables")
    tests: str | None = Field(
        None,
        description="Python (or a list of it) that raises where a program is wrong: the answer is then a "
        "program, and no `answer` is needed",
    )
    entry_point: str | None = Field(
        None, description="name of the function that tests with a check() are to check (HumanEval)"
    )
    tables: str | None = Field(
        None,
        description='what queries are run on: {"name": {"columns": [...], "rows": [[...]]}}, or JSON text of '
        "it; an `answer` that is a query is run on them too",
    )


class ProblemsConfig(Options):
    path: str = Field(
        description="JSONL, JSON, CSV or Parquet file, a folder of them, or a datasets folder"
    )
    columns: ColumnsConfig = Field(default_factory=ColumnsConfig)
    limit: int | None = Field(None, ge=1, description="take the first N good rows")
    license: str | None = Field(None, description="licence of the problems, named in the card")
    max_chars: int = Field(20_000, ge=1, description="longest question, in characters")
    strict: bool = Field(False, description="stop at the first bad row instead of setting it aside")


class SolutionColumnsConfig(Options):
    problem_id: str | None = Field(None, description="joins a row to its problem")
    question: str | None = Field(None, description="joins a row by the problem's text instead")
    text: str | tuple[str, ...] | None = Field(
        None,
        description="the whole solution as one text; a list of columns, such as `a.solution`, where "
        "a row holds several: the first part of each name (`a`) is then its generator",
    )
    steps: str | None = Field(None, description="or the solution as a list of steps")
    generator: str | None = Field(None, description="the model that wrote it")
    id: str | None = Field(None, description="default: a hash of problem and text")


class MutantsConfig(Options):
    """Reference programs with one line changed, as solutions (`pipeline.mutants`)."""

    per_line: int = Field(2, ge=1, description="mutants of a line at most")
    most: int = Field(64, ge=1, description="mutants of a problem at most")


class SolutionsConfig(Options):
    """Solutions that are there already: generation is skipped."""

    path: str | None = Field(
        None, description="JSONL, JSON, CSV or Parquet file, or a folder of them"
    )
    mutants: MutantsConfig | None = Field(
        None,
        description="where there is no path: each problem's reference program, and its mutants (PRLCoder); "
        "needs problems with tests",
    )
    form: str = Field(
        "processbench",
        description="how published rows hold problem and steps: processbench (columns as they stand), "
        "one_based, prm800k, stepwise, math_shepherd, rlhflow, critique or preference; their labels are "
        "not taken over, the solutions are labelled anew",
    )
    license: str | None = Field(None, description="licence of the solutions, named in the card")
    columns: SolutionColumnsConfig = Field(default_factory=SolutionColumnsConfig)
    limit: int | None = Field(None, ge=1)
    max_chars: int = Field(200_000, ge=1, description="longest solution, in characters")
    strict: bool = Field(False, description="stop at the first bad row instead of setting it aside")

    @model_validator(mode="after")
    def _from_somewhere(self) -> Self:
        if self.path is None and self.mutants is None:
            raise ValueError("name the file of the solutions under `path`")
        return self


class TreeConfig(Options):
    """OmegaPRM's tree of rollouts (`pipeline.search.tree`), with the paper's parameters."""

    searches: int = Field(
        100, ge=1, description="wrong rollouts a problem that are searched for their first error"
    )
    rollouts: int = Field(8, ge=1, description="k: rollouts of each prefix that a search visits")
    wave: int | None = Field(
        None,
        ge=1,
        description="sample a prefix so many at a time, until some are right and some wrong, which "
        "costs less and names fewer first errors exactly; default: all k, as published",
    )
    alpha: float = Field(
        0.5, gt=0, le=1, description="the lower, the more a search prefers states of high value"
    )
    beta: float = Field(
        0.9, gt=0, le=1, description="the lower, the more it prefers short rollouts"
    )
    length: int = Field(500, ge=1, description="L: tokens at which a rollout's weight is beta")
    c_puct: float = Field(
        0.125, ge=0, description="the higher, the more it prefers states selected seldom"
    )
    spare: int = Field(2, ge=0, description="extra rollouts a prefix may spend on undecided ones")
    budget: int | None = Field(
        None, ge=1, description="rollouts a problem after which no search begins"
    )


class GenerateConfig(Options):
    samples: int = Field(4, ge=1, description="solutions a problem")
    prompt: str = Field("boxed", description="a shipped prompt's name, or the path of a YAML file")
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    tree: TreeConfig | None = Field(
        None,
        description="grow a tree from the solutions: the wrong ones are searched for their first "
        "error, and the rollouts that this takes are searched in turn (OmegaPRM); false: not the "
        "recipe's",
    )

    @field_validator("tree", mode="before")
    @classmethod
    def _false_is_none(cls, tree: Any) -> Any:
        return None if tree is False else tree  # an empty key leaves the recipe's

    @model_validator(mode="after")
    def _tree_can_grow(self) -> Self:
        if self.tree is not None and self.samples < 2:
            raise ValueError(
                "a tree needs samples of 2 or more: it grows where some are right and some wrong"
            )
        if self.tree is not None and self.sampling.temperature == 0:
            raise ValueError(
                "a tree needs sampling.temperature above 0: greedy rollouts are all the same"
            )
        return self


class StepsConfig(Options):
    split: str = Field(
        "auto",
        description="newline, blank_line, numbered, auto, or module:function of a splitter of yours",
    )
    max_steps: int = Field(200, ge=1, description="solutions with more steps are undecided")


class ProgramsConfig(Options):
    """How a program is run against its problem's tests, and a query on its tables (`sandbox`)."""

    cpu_s: int = Field(10, ge=1, le=600, description="longest run, seconds of processor time")
    memory_mb: int = Field(512, ge=64, le=65536, description="memory that it may have, MiB")
    slow: Literal["undecided", "incorrect"] = Field(
        "undecided",
        description="what a program counts as that takes longer than cpu_s: incorrect where the problems "
        "state this limit, as HumanEval and contests do",
    )
    dialect: Literal["any", "duckdb"] = Field(
        "any",
        description="of the queries; duckdb: what DuckDB can't read or make sense of is wrong; any: only a "
        "table or column that there is not, since the rest may be right elsewhere",
    )


class GradingConfig(Options):
    cut: Literal["undecided", "incorrect"] = Field(
        "undecided", description="what a text cut by the length limit counts as"
    )
    decimals: int = Field(
        4,
        ge=1,
        le=30,
        description="an exact value and a decimal that is rounded rightly are the same answer where this "
        "many decimals are shown; with fewer they are undecided (at 4, 0.6667 is 2/3, and 0.67 may be)",
    )
    timeout_s: float = Field(5.0, gt=0, description="longest comparison of two answers")
    workers: int = Field(1, ge=1, description="worker processes for the comparisons")
    programs: ProgramsConfig = Field(default_factory=ProgramsConfig)


class SandboxConfig(Options):
    """Where code that models wrote is run, for annotators that run it (`pipeline.sandbox`)."""

    workers: int | None = Field(
        None, ge=1, description="snippets that run at once; default: one a core"
    )
    unsafe_local: bool = Field(
        False,
        description="run it as plain processes of this user, without isolation (--unsafe-local)",
    )


class FilterConfig(Options):
    """Which problems are annotated, by the share of their solutions that are right."""

    min_pass_rate: float = Field(0.0, ge=0, le=1)
    max_pass_rate: float = Field(1.0, ge=0, le=1)
    drop_never_right: bool = Field(False, description="leave out problems with no right solution")
    drop_always_right: bool = Field(False, description="leave out problems with only right ones")


class ConsensusConfig(Options):
    rule: str = Field(
        "agree",
        description="how verdicts become a label: agree, majority, veto (the first witness decides), "
        "posterior (each is weighed by how it errs), or module:name of yours",
    )
    precision: float = Field(
        0.95, gt=0, lt=1, description="share of right labels that `posterior` is to keep to"
    )
    gold: str | None = Field(
        None,
        description="rows with known first errors of some of the solutions, in ProcessBench's form (id, "
        "problem, steps, label), for `posterior` to learn from",
    )
    reviews: bool = Field(
        True,
        description="take what people decided by `steplabel review`: it labels those solutions, and "
        "`posterior` learns from it",
    )
    witnesses: tuple[str, ...] = Field(
        ("rollouts", "judge"), description="annotators whose verdicts the rule fuses"
    )
    vetoes: tuple[str, ...] = Field(
        ("arithmetic",), description="annotators whose contradiction sets a solution aside"
    )

    @field_validator("witnesses")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("name each witness once: one that is named twice agrees with itself")
        return names


class DecontaminateConfig(Options):
    """Leave out problems that share words in a row with test sets."""

    against: tuple[str, ...] = Field(
        min_length=1, description="files or folders of the test sets: JSONL, JSON, CSV or Parquet"
    )
    columns: tuple[str, ...] = Field(
        ("question", "problem", "prompt"), description="the test problem: the first that a row has"
    )
    ngram: int = Field(
        13, ge=1, description="words in a row that count; shorter test problems are compared whole"
    )


class DeduplicateConfig(Options):
    """Of solutions that are the same, keep one."""

    exact: bool = Field(True, description="the same problem and steps, blank space and case apart")
    near: float | None = Field(
        None, gt=0, le=1, description="also a Jaccard similarity from here on, by MinHash"
    )
    ngram: int = Field(5, ge=1, description="words in a row that the similarity is of")
    permutations: int = Field(128, ge=16, le=1024, description="of MinHash: more is finer")
    across_problems: bool = Field(
        False,
        description="compare solutions to different problems too, the problem's text with them",
    )


class ConsistencyConfig(Options):
    """PROF (arXiv 2509.03403): of a problem's right solutions those with high step values stay, of its
    wrong ones those with low values, until as many are right as wrong."""

    keep: float = Field(0.5, gt=0, le=1, description="share of a problem's solutions to keep")
    scores: str | None = Field(
        None,
        description="annotator whose step scores are the process reward; default: rollouts' values",
    )
    penalty: float = Field(
        0.0, ge=0, description="lambda, off the mean of one step or of long ones"
    )
    long_steps: int = Field(30, ge=2, description="H: so many steps are long")


class DisagreementConfig(Options):
    """ActPRM (arXiv 2504.10559): only solutions of which the witnesses are not all sure."""

    confidence: float = Field(
        0.95, gt=0.5, le=1, description="a mean chance below this, and above 1 less this, is unsure"
    )
    deviation: float = Field(
        0.005, ge=0, description="a standard deviation of the chances above this is unsure"
    )


class BalancedInformationConfig(Options):
    """BIS (arXiv 2602.04145): the solutions that mix right and wrong steps and are right reliably."""

    share: float = Field(0.25, gt=0, le=1, description="share of the solutions to keep")
    alpha: float = Field(
        0.05, ge=0, description="what a solution of one kind of steps still scores"
    )


class BalanceConfig(Options):
    """No kind of solution outnumbers the others."""

    by: tuple[Literal["outcome", "first_error", "difficulty", "level"], ...] = Field(
        ("outcome",),
        min_length=1,
        description="kinds: final answer right or wrong, index of the first error, quarter of the "
        "problem's pass rate, the problem's level; several are crossed",
    )
    ratio: float = Field(
        1.0,
        ge=1,
        description="a kind has at most so many times the rows of the (lower) median kind",
    )


class SelectConfig(Options):
    """Which labelled solutions trainers get; done in this order, and none by default. `evidence` keeps
    all, with the reason."""

    decontaminate: DecontaminateConfig | None = None
    deduplicate: DeduplicateConfig | None = None
    disagreement: DisagreementConfig | None = None
    consistency: ConsistencyConfig | None = None
    balanced_information: BalancedInformationConfig | None = None
    balance: BalanceConfig | None = None


class CascadeConfig(Options):
    """Cheap witnesses first, until a solution's first error is sure enough (`pipeline.consensus.cascade`)."""

    confidence: float = Field(
        0.98, gt=0, lt=1, description="posterior at which no further witness is asked of a solution"
    )
    worth: float = Field(
        0.05,
        ge=0,
        description="bits that the price of the whole panel must be expected to tell, or no more is asked",
    )
    pilot: int = Field(
        1000,
        ge=20,
        description="solutions of which every witness is asked, to learn how each errs and what it costs",
    )
    budget_tokens: int | None = Field(
        None, ge=1, description="most tokens that witnesses may sample, the pilot's among them"
    )
    gpu_hours: float | None = Field(
        None, gt=0, description="the same in hours of a GPU, at the pace that the pilot had"
    )

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.budget_tokens is not None and self.gpu_hours is not None:
            raise ValueError("name budget_tokens or gpu_hours, not both")
        return self


class DatasetConfig(Options):
    views: tuple[str, ...] = Field(
        ("stepwise", "first_error", "evidence"),
        description="stepwise, first_error, soft, math_shepherd, rlhflow, prm800k, critique, preference, "
        "evidence, or module:attribute of yours",
    )
    select: SelectConfig = Field(default_factory=SelectConfig)
    test_share: float = Field(0.1, ge=0, lt=1, description="share of problems in the test split")
    license: str = Field("other", description="licence named in the card")
    rows_per_file: int = Field(50_000, ge=1)


class BudgetConfig(Options):
    """What a run may cost, over all its attempts; what the engines without a price do is free."""

    dollars: float = Field(
        gt=0,
        description="no call begins that might cost more than is left; what waits for one stays undecided, "
        "and a larger budget goes on",
    )


class DeployConfig(Options):
    """When a deployment of this configuration runs, and what is done about a run that goes wrong. No
    label depends on it."""

    cron: str | None = Field(None, description="when it runs, such as `0 2 * * *`; none: by hand")
    timezone: str = Field("UTC", description="of the cron expression, such as Europe/Berlin")
    max_hours: float | None = Field(
        None, gt=0, description="a run that takes longer is stopped; the next one goes on"
    )
    approve_hours: float | None = Field(
        None,
        gt=0,
        description="wait so long for approval in the Prefect UI before the dataset is written; "
        "without it the run fails, keeps its labels, and the next one asks again",
    )
    notify_env: str | None = Field(
        None,
        description="environment variable with a URL that is sent a message when a run fails, is "
        "late or takes too long (a chat's incoming webhook)",
    )


class ClusterConfig(Options):
    """Other machines that share the work (`pipeline.cluster`). No label depends on it."""

    ray: str = Field(
        "auto",
        description="a Ray cluster that grades and checks: its address (host:port), or auto for the one "
        "that this machine belongs to",
    )


class RunConfig(Options):
    """Everything a run depends on."""

    name: str = Field(
        "run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="the run's folder"
    )
    runs_dir: str = Field("runs", description="folder that holds the runs")
    remote: str | None = Field(
        None,
        description="URL of a folder, such as s3://bucket/runs, that keeps the run too: where its folder is "
        "not on this machine, or is behind, it is fetched from there; the dataset lies in <name>/dataset",
    )
    seed: int = Field(0, ge=0)
    about: str = Field("", description="paper or purpose, shown in the tables")
    recipe: str | None = Field(
        None,
        description="a method to build on: a name that `steplabel recipes` lists, or a YAML file",
    )
    built_on: str | None = Field(
        None, description="written by a run: the recipe, already put below"
    )
    left_out: tuple[str, ...] = Field(
        (), description="written by a run: annotators of the file that the recipe doesn't have"
    )
    problems: ProblemsConfig
    solutions: SolutionsConfig | None = None
    engines: dict[str, EngineConfig] = Field(
        default_factory=dict,
        description="an engine for each role: generator, policy (rollouts), judge, or your own",
    )
    placement: Literal["in_turn", "side_by_side"] = Field(
        "in_turn", description="load engines one after the other, or together (see memory_share)"
    )
    generate: GenerateConfig = Field(default_factory=GenerateConfig)
    steps: StepsConfig = Field(default_factory=StepsConfig)
    grading: GradingConfig = Field(default_factory=GradingConfig)
    sandbox: SandboxConfig = Field(default_factory=SandboxConfig)
    filter: FilterConfig = Field(default_factory=FilterConfig)
    annotators: dict[str, dict[str, Any]] = Field(default_factory=dict)
    consensus: ConsensusConfig = Field(default_factory=ConsensusConfig)
    cascade: CascadeConfig | None = Field(
        None,
        description="ask the witnesses one after another, of each solution no more than it needs; false: "
        "not the recipe's",
    )
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    shard_size: int = Field(
        128,
        ge=1,
        le=LARGEST_SHARD,
        description="solutions a shard; of a batch with more than 500 such shards more, up to 4096",
    )
    oracle: str | None = Field(
        None,
        description="who knows the true first error, for the quality table only: tinymath, or "
        "module:function of yours (Solution -> int or None)",
    )
    budget: BudgetConfig | None = None
    budget_tokens: int | None = Field(None, ge=1, description="planned tokens; shown against used")
    deploy: DeployConfig = Field(default_factory=DeployConfig)
    cluster: ClusterConfig | None = Field(
        None, description="machines that do the work which needs no model; default: this one alone"
    )
    processes: int | None = Field(
        None,
        ge=1,
        description="how many this machine may give to a large run's end (dataset, report); default: as many "
        "as it has cores; no file depends on it",
    )

    @property
    def fingerprint(self) -> str:
        """Of all that a label or the dataset depends on."""
        return self._fingerprint({})

    @property
    def growing_fingerprint(self) -> str:
        """The same of a batch that grows: how many rows are taken aside."""
        return self._fingerprint({"problems": {"limit"}, "solutions": {"limit"}})

    def _fingerprint(self, aside: dict[str, Any]) -> str:
        paid = {"price", "requests_per_minute", "tokens_per_minute"}
        exclude: dict[str, Any] = {"engines": {"__all__": paid}} | aside
        exclude |= dict.fromkeys(("deploy", "remote", "budget", "cluster", "processes"), True)
        return content_hash(self.model_dump(mode="json", exclude=exclude))

    @property
    def folder(self) -> Path:
        return Path(self.runs_dir) / self.name

    def engine_for(self, role: str) -> EngineConfig:
        """The role's engine; generator and policy stand in for each other."""
        stand_in = {"generator": "policy", "policy": "generator"}.get(role, role)
        config = self.engines.get(role) or self.engines.get(stand_in)
        if config is None:
            raise ConfigError(f"engines.{role}: missing; name a model under engines: {role}:")
        return config

    @model_validator(mode="after")
    def _budget_has_prices(self) -> Self:
        if self.budget is not None and not any(one.price for one in self.engines.values()):
            raise ValueError(
                "budget.dollars needs what an engine costs: engines: judge: {price: {input: 0.15, "
                "output: 0.60}}, dollars for a million tokens"
            )
        return self

    @field_validator("cascade", mode="before")
    @classmethod
    def _false_is_none(cls, cascade: Any) -> Any:
        return None if cascade is False else cascade  # an empty key leaves the recipe's

    @field_validator("remote")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        if url is not None and shown(url) != url:
            raise ValueError(
                "holds a password, which config.yaml would show; keys come from the environment"
            )
        return url.rstrip("/") if url else None

    @field_validator("recipe")
    @classmethod
    def _is_put_below(cls, name: str | None) -> None:
        if name is not None:
            raise ValueError("a recipe is put below a configuration by RunConfig.load alone")

    @model_validator(mode="before")
    @classmethod
    def _not_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("the configuration is a mapping; see `steplabel config --help`")
        return data

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Self:
        """Read YAML, put `a.b=value` overrides on top (values are YAML too), and check it.

        Raises ConfigError naming file, key and what would be right.
        """
        path = Path(path)
        raw = read_yaml(path)
        try:
            raw = _unshared(raw)
        except RecursionError as error:
            raise ConfigError(f"{path}: an alias that holds itself, or far too deep") from error
        for override in overrides:
            _set(raw, override)
        return cls.check(on_recipe(raw, path.parent), str(path))

    @classmethod
    def check(cls, raw: Any, where: str) -> Self:
        """A configuration from plain data; errors are told of `where`."""
        return check_options(cls, raw, where)

    def strict(self) -> Self:
        """The same, but the first bad input row stops the run."""
        changes: dict[str, Any] = {"problems": self.problems.model_copy(update={"strict": True})}
        if self.solutions is not None:
            changes["solutions"] = self.solutions.model_copy(update={"strict": True})
        return self.model_copy(update=changes)

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def check_options(kind: type[OptionsT], raw: Any, where: str) -> OptionsT:
    """`raw` as options of `kind`; raises ConfigError with each bad key, and the nearest right one."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        lines = [_explain(kind, dict(problem)) for problem in error.errors()]
        raise ConfigError(f"{where}: " + "; ".join(lines)) from error


def _explain(kind: type[BaseModel], problem: dict[str, Any]) -> str:
    place = tuple(problem["loc"])
    key = ".".join(str(part) for part in place) or "configuration"
    if problem["type"] == "extra_forbidden":
        known = sorted(_fields_at(kind, place[:-1]))
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"{key!r} is missing; add it as `{key}: …`"
    got = repr(problem.get("input"))
    return f"{key}: {problem['msg']} (got {got if len(got) < 80 else got[:77] + '...'})"


def _fields_at(kind: Any, place: tuple[Any, ...]) -> set[str]:
    parts = iter(place)
    for part in parts:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
            options = [
                a for a in get_args(kind) if isinstance(a, type) and issubclass(a, BaseModel)
            ]
            if options and get_origin(kind) is dict:
                next(parts, None)  # the mapping's own key; below it lies its value type
            kind = options[-1] if options else kind
    return (
        set(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else set()
    )


def _unshared(raw: Any) -> Any:
    """YAML's aliases (`policy: *generator`) as copies, so that changing one leaves the other."""
    if isinstance(raw, dict):
        return {key: _unshared(value) for key, value in raw.items()}
    return [_unshared(item) for item in raw] if isinstance(raw, list) else raw


def _set(raw: Any, override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: write it as key.subkey=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML: {error}") from error
    *parents, last = key.strip().split(".")
    at = raw
    for parent in parents:
        if not isinstance(at, dict):
            raise ConfigError(f"--set {override}: {parent!r} is not below a mapping")
        if at.get(parent) is None:
            at[parent] = {}
        at = at[parent]
    if not isinstance(at, dict):
        raise ConfigError(f"--set {override}: {last!r} is not below a mapping")
    at[last] = value
