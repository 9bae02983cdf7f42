"""One solution in a terminal: its steps, and under each what every annotator saw there.

It knows the kinds of evidence (probes, votes, checks, scores), and no annotator by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.shown import line, plain, styled
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Check, ProbeCount, Status, Verdict, Vote

_STEP_STYLES = {1: "green", -1: "bold red", 0: "yellow", None: "dim"}
_STEP_MARKS = {1: "right", -1: "WRONG", 0: "neutral", None: "unknown"}
_CHECK_STYLES = {Status.EXACT: "green", Status.CONTRADICTED: "bold red", Status.UNCHECKED: "dim"}
_INDENT = "      "


def say(first_error: int | None) -> str:
    if first_error is None:
        return "?"
    return "no error" if first_error == NO_ERROR else f"step {first_error}"


def print_solution(console: Console, item: Annotated) -> None:
    """Problem, verdicts, steps with their evidence, label."""
    solution, label = item.solution, item.label
    console.print(styled(f"solution {solution.id}, by {solution.generator}", "bold"))
    console.print(styled(solution.question))
    why = f" ({solution.outcome_reason})" if solution.outcome_reason else ""
    console.print(
        styled(f"known answer {solution.gold}; found {solution.answer}: {solution.outcome}{why}")
    )
    console.print(_verdicts(item.verdicts))
    for text in _before_first(item.verdicts):
        console.print(text)
    for index in range(len(solution.steps)):
        for text in _step(item, index):
            console.print(text)
    for text in _votes_without_step(item.verdicts, len(solution.steps)):
        console.print(text)
    if label is None:
        console.print("label: none yet, or left out by the filter")
    elif label.first_error is None:
        console.print(styled(f"label: undecided; {label.reason}", "bold yellow"))
    else:
        agreed = f", named by {', '.join(label.agreed)}" if label.agreed else ""
        sure = "" if label.confidence is None else f", confidence {label.confidence:.2f}"
        style = "bold green" if label.first_error == NO_ERROR else "bold red"
        console.print(styled(f"label: {say(label.first_error)}{agreed}{sure}", style))


def _verdicts(verdicts: dict[str, Verdict]) -> Table:
    table = Table(
        "annotator", "first error", "why none", "calls", "sampled tokens", header_style="bold"
    )
    for name, verdict in sorted(verdicts.items()):
        table.add_row(
            line(name),
            say(verdict.first_error),
            Text(line(verdict.reason or "")),
            str(verdict.cost.calls),
            f"{verdict.cost.completion_tokens:,}",
        )
    return table


def _before_first(verdicts: dict[str, Verdict]) -> Iterator[Text]:
    for name, verdict in sorted(verdicts.items()):
        for probe in verdict.probes:
            if probe.prefix == 0:
                yield Text(
                    f"{_INDENT}{line(name)}: from the problem alone, {_rollouts(probe)}", "cyan"
                )


def _step(item: Annotated, index: int) -> Iterator[Text]:
    label = item.label.step_labels[index] if item.label and item.label.step_labels else None
    head = Text(f"{index:>4}  ", style="bold")
    body = Text(plain(item.solution.steps[index]), style=_STEP_STYLES[label])
    for verdict in item.verdicts.values():
        for check in verdict.checks:
            if check.step == index:
                body.stylize("underline", check.start, check.end)
    body.rstrip()
    yield head + body + Text(f"   [{_STEP_MARKS[label]}]", style="dim")
    for name, verdict in sorted(item.verdicts.items()):
        yield from _evidence(line(name), verdict, index)


def _evidence(name: str, verdict: Verdict, index: int) -> Iterator[Text]:
    for probe in verdict.probes:
        if probe.prefix == index + 1:
            yield Text(f"{_INDENT}{name}: after this step, {_rollouts(probe)}", "cyan")
    for vote in verdict.votes:
        if vote.first_error == index:
            yield _vote(name, vote, "votes for this step")
    for check in verdict.checks:
        if check.step == index:
            yield _check(name, check)
    if index < len(verdict.scores):
        score = verdict.scores[index]
        yield Text(f"{_INDENT}{name}: score {'none' if score is None else f'{score:.3f}'}", "blue")


def _rollouts(probe: ProbeCount) -> str:
    undecided = f", {probe.undecided} undecided" if probe.undecided else ""
    return f"{probe.right} of {probe.decided} rollouts right{undecided}"


def _check(name: str, check: Check) -> Text:
    expected = f", it is {line(check.expected)}" if check.expected else ""
    text = f"{_INDENT}{name}: {line(check.claim)}: {check.status}{expected}"
    return Text(text, style=_CHECK_STYLES[check.status])


def _votes_without_step(verdicts: dict[str, Verdict], n_steps: int) -> Iterator[Text]:
    for name, verdict in sorted(verdicts.items()):
        for vote in verdict.votes:
            if vote.first_error is None:
                yield _vote(line(name), vote, f"a vote that is missing ({vote.reason})")
            elif not 0 <= vote.first_error < n_steps:
                yield _vote(line(name), vote, f"votes for {say(vote.first_error)}")


def _vote(name: str, vote: Vote, what: str) -> Text:
    rationale = plain(vote.rationale).strip().replace("\n", f"\n{_INDENT}  ")
    text = Text(f"{_INDENT}{name}: {line(what)}", style="magenta")
    if rationale:
        text.append(f"\n{_INDENT}  {rationale}", style="dim")
    return text
