"""The parts that a configuration names, found before any model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.annotator import (
    Annotator,
    AskingAnnotator,
    ExecutingAnnotator,
    Expectation,
    LearningAnnotator,
    ScoringAnnotator,
    hints_of,
)
from pipeline.config import RunConfig
from pipeline.consensus import LearningRule, Rule, make_rule
from pipeline.consensus.posterior import PosteriorRule
from pipeline.dataset import load_view
from pipeline.errors import ConfigError
from pipeline.grading import on_tables, queries
from pipeline.plan import Plan, make_plan
from pipeline.prompts import PromptTemplate, load_prompt
from pipeline.records import Problem
from pipeline.run_inputs import Inputs, check_inputs
from pipeline.sandbox import PACKAGES
from pipeline.selection import rules_of
from pipeline.steps import Splitter, make_splitter
from pipeline.summary import Oracle, make_oracle
from pipeline.urls import is_url

PROMPTS = Path(__file__).parent / "prompt_files"


def packages_of(
    problems: Iterable[Problem], annotators: Sequence[Annotator]
) -> tuple[str, ...] | None:
    """The packages that a run's sandbox is to load; None where no code is run. Raises PrerequisiteError
    where one isn't installed that the problems ask for."""
    problems = tuple(problems)
    executing = [one for one in annotators if isinstance(one, ExecutingAnnotator)]
    more = {name for one in executing for name in getattr(one, "packages", ())}
    if any(map(on_tables, problems)):
        queries.require_duckdb()
        more |= set(queries.PACKAGES)
    if not executing and not more and not any(problem.tests for problem in problems):
        return None
    return (*PACKAGES, *sorted(more))


def plan_of(config: RunConfig, inputs: Inputs, annotators: Sequence[Annotator]) -> Plan:
    """Raises InputError where the inputs lack what an annotator needs."""
    check_inputs(inputs, annotators)
    rule, order = check_consensus(config, annotators)
    cascaded = cascaded_of(config, order, rule)
    return make_plan(config, inputs.problems, inputs.solutions, annotators, cascaded)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration names, found. `order`: its annotators, those that take hints last; of them a
    cascade asks those that are `cascaded`."""

    splitter: Splitter
    prompt: PromptTemplate
    rule: Rule | LearningRule
    oracle: Oracle | None
    order: tuple[Annotator, ...]
    cascaded: tuple[Annotator, ...] = ()


def roles_of(config: RunConfig, annotators: Sequence[Annotator]) -> tuple[str, ...]:
    """Those whose engines a run asks, each once."""
    generating = () if config.solutions else ("generator",)
    return tuple(dict.fromkeys([*generating, *(one.role for one in annotators if one.role)]))


def check_parts(config: RunConfig, annotators: Sequence[Annotator]) -> Parts:
    """Find every part by its name; of models only folders are looked for. Raises ConfigError for the
    first that is none."""
    for role in roles_of(config, annotators):
        engine = config.engine_for(role)
        if engine.kind in ("vllm", "transformers", "replay") and _no_folder(engine.model):
            raise ConfigError(f"engines.{role}.model: no folder {engine.model}")
        if engine.tokenizer is not None and _no_folder(engine.tokenizer):
            raise ConfigError(f"engines.{role}.tokenizer: no folder {engine.tokenizer}")
        if engine.kind == "openai" and not engine.url:
            raise ConfigError(
                f"engines.{role}.url: missing; where is the server? (http://host:8000/v1)"
            )
    prompt = load_prompt(config.generate.prompt, PROMPTS)
    asked = [] if config.solutions else [("generator", prompt)]
    for annotator in annotators:
        if isinstance(annotator, AskingAnnotator) and annotator.role:
            asked += [(annotator.role, one) for one in annotator.prompts]
        _check_scoring(config, annotator)
    for role, one in asked:
        _check_prompt(config, role, one)
    rule, order = check_consensus(config, annotators)
    return Parts(
        make_splitter(config.steps.split),
        prompt,
        rule,
        make_oracle(config.oracle),
        order,
        cascaded_of(config, order, rule),
    )


def _check_scoring(config: RunConfig, annotator: Annotator) -> None:
    """Raises ConfigError where the annotator's server can't score the texts that it is to."""
    if not isinstance(annotator, ScoringAnnotator) or not annotator.scores_texts:
        return
    assert annotator.role is not None
    engine = config.engine_for(annotator.role)
    if engine.kind == "openai" and engine.chat_api:
        raise ConfigError(
            f"annotators.{annotator.name}: scores given texts, and /chat/completions can't "
            f"(engines.{annotator.role}.chat_api); take chat_api: false and tokenizer: the model's folder, "
            "at a server with /completions such as vLLM's, or kind: vllm"
        )


def _check_prompt(config: RunConfig, role: str, prompt: PromptTemplate) -> None:
    """Raises ConfigError where the role's server can't be asked in the prompt's style."""
    engine = config.engine_for(role)
    if engine.kind != "openai":
        return
    if engine.chat_api and prompt.style == "raw":
        raise ConfigError(
            f"engines.{role}.chat_api: prompt {prompt.name} is of style raw, which can't go through "
            "/chat/completions; set chat_api: false, or use a prompt of style chat"
        )
    knows_template = engine.chat_api or engine.tokenizer or Path(engine.model).is_dir()
    if prompt.style == "chat" and not knows_template:
        raise ConfigError(
            f"engines.{role}: prompt {prompt.name} is of style chat and needs the model's chat template; "
            "set chat_api: true, so that the server renders it, or tokenizer: to the model's folder"
        )


def check_consensus(
    config: RunConfig, annotators: Sequence[Annotator]
) -> tuple[Rule | LearningRule, tuple[Annotator, ...]]:
    """The rule, and the annotators in the order in which they run; of the dataset's views it is seen that
    they are there. Raises ConfigError."""
    for view in config.dataset.views:
        load_view(view)
    rules_of(config.dataset.select)
    consensus = config.consensus
    rule = make_rule(consensus)
    if consensus.gold is not None and not isinstance(rule, LearningRule):
        raise ConfigError(
            f"consensus.gold: the rule {consensus.rule} doesn't learn; `posterior` does"
        )
    if consensus.gold and not is_url(consensus.gold) and not Path(consensus.gold).exists():
        raise ConfigError(f"consensus.gold: no file {consensus.gold}")
    return rule, _ordered(config, annotators, weighed=isinstance(rule, LearningRule))


def cascaded_of(
    config: RunConfig, order: Sequence[Annotator], rule: Rule | LearningRule
) -> tuple[Annotator, ...]:
    """Witnesses that a cascade asks: those that sample from a model. The others are heard of every
    solution. Raises ConfigError for a cascade that can't be."""
    if config.cascade is None:
        return ()
    consensus = config.consensus
    if not isinstance(rule, PosteriorRule):
        raise ConfigError(
            f"cascade: the rule {consensus.rule} can't say what a witness would tell; set consensus.rule "
            "to posterior, or cascade to false"
        )
    names = set(consensus.witnesses) - set(consensus.vetoes)
    cascaded = tuple(one for one in order if one.name in names and _samples(one))
    if not cascaded:
        raise ConfigError(
            "cascade: none of consensus.witnesses samples from a model, so none is spared"
        )
    asked = {one.name for one in cascaded}
    for annotator in order:
        hinted = set(hints_of(annotator))
        if hinted & asked and annotator not in cascaded:
            raise ConfigError(
                f"annotators.{annotator.name}.hints: {', '.join(sorted(hinted & asked))} isn't asked of "
                f"every solution in a cascade; make {annotator.name} a witness, or leave out its hints"
            )
        size = annotator.pilot_size if isinstance(annotator, LearningAnnotator) else 0
        if annotator in cascaded and size > config.cascade.pilot:
            raise ConfigError(
                f"cascade.pilot: {config.cascade.pilot} solutions, and {annotator.name} learns from "
                f"{size} of them; raise it to {size}"
            )
    return cascaded


def _samples(annotator: Annotator) -> bool:
    an_average = Expectation(tokens=100, steps=5)
    return annotator.role is not None and annotator.expected_completion_tokens(an_average) > 0


def _ordered(
    config: RunConfig, annotators: Sequence[Annotator], weighed: bool
) -> tuple[Annotator, ...]:
    """Those that take hints after those that give them. Raises ConfigError for a hint of nobody's, and
    for a consensus that would count a hint twice; one that weighs the evidence itself (`weighed`)
    doesn't."""
    hinted = [annotator for annotator in annotators if hints_of(annotator)]
    others = [a for a in annotators if a not in hinted]
    names = {annotator.name for annotator in others}
    for annotator in hinted:
        where = f"annotators.{annotator.name}.hints"
        for name in hints_of(annotator):
            if name not in names:
                raise ConfigError(
                    f"{where}: {name!r} is none of the annotators without hints of their own: "
                    f"{', '.join(sorted(names)) or 'there are none'}"
                )
        twice = {annotator.name, *hints_of(annotator)} & set(config.consensus.witnesses)
        if annotator.name in twice and len(twice) > 1 and not weighed:
            raise ConfigError(
                f"consensus.witnesses: {annotator.name} takes hints of "
                f"{', '.join(sorted(twice - {annotator.name}))}, and they would agree for that reason "
                "alone; name one of them"
            )
    return (*others, *hinted)


def _no_folder(model: str) -> bool:
    """Whether a model names a folder that isn't there; else it may be a hub's name (`owner/model`)."""
    path = Path(model)
    is_folder = model.startswith((".", "/")) or (
        len(path.parts) > 1 and Path(path.parts[0]).is_dir()
    )
    return is_folder and not path.exists()
