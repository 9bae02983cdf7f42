"""The dataset's card (README.md): what it holds, how it was made, how far to trust it.

Written for someone who has never seen the project. Text that a user or a model wrote is made inert.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from pipeline.dataset.facts import CardFacts
from pipeline.dataset.layout import Layout, metadata
from pipeline.dataset.markdown import inert, table
from pipeline.dataset.tally import Tally
from pipeline.dataset.view import View
from pipeline.records import NO_ERROR, Outcome
from pipeline.review.witness import REVIEW
from pipeline.selection import Selection

_REASONS_SHOWN = 20
_BAR = 30


def card(
    facts: CardFacts, licence: str, tally: Tally, layout: Layout, chosen: Selection | None = None
) -> str:
    """The whole README.md. `chosen`: what the selection left out."""
    head = yaml.safe_dump(metadata(licence, tally, layout), sort_keys=False, allow_unicode=True)
    sections = [
        f"# {inert(facts.name)}: step-labelled solutions",
        inert(facts.about, 1000),
        _what(tally),
        _meaning(),
        _how(facts, tally),
        _merged(facts),
        _counts(facts, tally),
        _selection(chosen or Selection()),
        _quality(facts),
        _limits(facts, tally),
        _views(layout),
        _cost(facts),
        _provenance(facts, tally),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(section for section in sections if section) + "\n"


def _what(tally: Tally) -> str:
    writers = ", ".join(inert(name) for name, _ in tally.generators.most_common(10))
    who = (
        "People decided on some of them, and their word goes before all else."
        if REVIEW in tally.seen
        else "No human labelled anything here."
    )
    return f"""## What this is

{tally.solutions:,} step-by-step solutions of {tally.problems:,} problems whose answers are known, \
written by {writers or "nobody"}. For {tally.kept:,} of them this dataset says which step is the \
**first wrong one**, or that every step is right. It is meant for training and testing process \
reward models (PRMs), which score each step of a solution.

{who} Annotators, each with another kind of evidence, named the first \
wrong step; a rule fused what they said into one label, or set the solution aside as undecided. \
Labels are therefore estimates; how good they are is told below where it was measured."""


def _meaning() -> str:
    """What each label says, of the steps after a first error above all."""
    rows = [
        ("right", "no step up to and with this one is wrong", "`true`, `+`, `1`"),
        ("wrong", "this is the first wrong step: all before it are right", "`false`, `-`, `-1`"),
        ("unknown", "a step after the first wrong one, or of an undecided solution", "`null`"),
    ]
    lines = ["| a step is | which means | written as |", "|---|---|---|"]
    lines += [f"| {name} | {means} | {written} |" for name, means, written in rows]
    return "\n\n".join(
        (
            "## What a label means",
            "\n".join(lines),
            "**A step after the first wrong one has no label.** It may be sound in itself, build on the "
            "error, or mend it; nobody looked. So no step after a first error is ever labelled right (1) "
            "or wrong: in `evidence` it is null, and the views for trainers end, or stop judging, at the "
            "first wrong step. "
            "If you meet a 1 behind an error, it is not from this dataset.",
            "The *first error* of a solution (`label` in `first_error` and `evidence`) is a 0-based index, "
            "and -1 means that every step is right. A solution whose final answer is wrong is never "
            "labelled -1; one whose answer is right may have a first error.",
        )
    )


def _views(layout: Layout) -> str:
    parts = [
        "## Views",
        "Each view is a configuration of `load_dataset`, with the columns that one kind of reader wants. "
        "All solutions of a problem are in the same split; which one is decided by a hash of the question, "
        "so the test problems are never seen in training.",
    ]
    for made in layout:
        view, splits = made.view, made.splits
        if not splits:
            parts.append(
                f"`{view.name}` has no rows, so it is not here. {_none(made.none)}".strip()
            )
            continue
        rows = ", ".join(f"{split}: {facts.rows:,} rows" for split, facts in splits.items())
        use = f"\n\n{view.use}" if view.use else "\nprint(rows[0])"
        parts.append(
            f"### `{view.name}` ({rows})\n\n{view.about} {_none(made.none)}".rstrip()
            + f"\n\n{table_of_columns(view)}\n\n"
            "```python\nfrom datasets import load_dataset\n\n"
            f'rows = load_dataset("path/to/this/folder", "{view.name}", split="{next(iter(splits))}")'
            f"{use}\n```"
        )
    return "\n\n".join(parts)


def _none(reasons: Mapping[str, int]) -> str:
    """Of which labelled solutions a view has no row."""
    if not reasons:
        return ""
    told = "; ".join(f"{count:,} where {inert(reason)}" for reason, count in reasons.items())
    return f"Labelled solutions that are not in it: {told}."


def table_of_columns(view: View) -> str:
    lines = ["| column | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {view.columns.get(name, '')} |" for name in view.features]
    return "\n".join(lines)


def _how(facts: CardFacts, tally: Tally) -> str:
    rows = []
    for name in sorted(tally.seen):
        kinds = ", ".join(sorted(tally.evidence[name])) or "no evidence beside its verdict"
        told = facts.annotators.get(name, "")
        share = f"{tally.decided[name]:,} of {tally.seen[name]:,}"
        rows.append((name, f"{told} ({kinds})" if told else kinds, share))
    parts = [
        "## How the labels were made",
        "1. Models wrote solutions, or solutions were imported; each was cut into steps, and its "
        "final answer compared with the known one: correct, incorrect, or undecided (no answer "
        "found, a text that was cut, a timeout).\n"
        "2. Each annotator named the first wrong step from its own evidence alone, or said that it "
        "can't tell. A fault or a timeout is never evidence against a step.\n"
        f"3. A rule fused the verdicts: {inert(facts.rule, 1000) or 'see the run configuration'}",
        table(("annotator", "evidence", "solutions decided"), rows),
    ]
    if facts.engines:
        parts.append(table(("role", "model"), facts.engines.items()))
    return "\n\n".join(parts)


def _merged(facts: CardFacts) -> str:
    """Which runs it is made of, and how they differ."""
    if not facts.merged:
        return ""
    rows = [
        (one.run, f"{one.solutions:,}", f"{one.labelled:,}", one.config_fingerprint)
        for one in facts.merged
    ]
    names = [one.run for one in facts.merged]
    parts = [
        "## Merged of several runs",
        "A solution that several runs have (the same problem and steps) is here once, from the first run "
        "that labels it; where runs name different first errors, or grade its answer differently, it is "
        f"undecided. {facts.filled:,} that one run labels another has without a label. `run` in `evidence` "
        "says which run a row is from.",
        table(("run", "solutions taken", "labelled", "configuration fingerprint"), rows),
    ]
    if facts.differences:
        differing = [(key, *values) for key, values in facts.differences.items()]
        parts += ["Their configurations differ in:", table(("key", *names), differing)]
    else:
        parts.append("Their configurations say the same.")
    return "\n\n".join(parts)


def _counts(facts: CardFacts, tally: Tally) -> str:
    undecided = tally.solutions - tally.kept
    total = max(1, tally.solutions)
    wrong = max(1, tally.outcomes[Outcome.INCORRECT])
    rows: list[tuple[object, ...]] = [
        ("problems", f"{tally.problems:,}", ""),
        ("solutions", f"{tally.solutions:,}", ""),
        ("steps", f"{tally.steps:,}", ""),
        *((f"outcome {name}", f"{n:,}", _percent(n, total)) for name, n in tally.outcomes.items()),
        ("labelled", f"{tally.kept:,}", _percent(tally.kept, total)),
        (
            "labelled, of those with a wrong answer",
            f"{tally.wrong_kept:,}",
            _percent(tally.wrong_kept, wrong),
        ),
        ("undecided", f"{undecided:,}", _percent(undecided, total)),
        ("input rows rejected", f"{facts.rejected:,}", ""),
    ]
    parts = ["## Counts", table(("", "count", "of solutions"), rows)]
    if tally.reasons:
        shown = tally.reasons.most_common(_REASONS_SHOWN)
        rest = undecided - sum(count for _, count in shown)
        others = [("other reasons", f"{rest:,}")] if rest else []
        rows = [(reason, f"{count:,}") for reason, count in shown]
        parts.append(table(("why undecided", "solutions"), [*rows, *others]))
    if tally.first_errors:
        parts += ["First wrong step of the labelled solutions:", _histogram(tally.first_errors)]
    return "\n\n".join(parts)


def _selection(chosen: Selection) -> str:
    if not chosen.seen:
        return ""
    left_out = sum(chosen.counts.values())
    rows = [
        (reason, f"{count:,}", _percent(count, chosen.seen))
        for reason, count in chosen.counts.items()
    ]
    return (
        "## Selection\n\nOf the labelled solutions a selection left some out of the views for trainers: "
        f"{left_out:,} of {chosen.seen:,}. `evidence` has all of them, with the reason in `left_out`.\n\n"
        + table(("left out because", "solutions", "of labelled"), rows)
    )


def _histogram(first_errors: Mapping[int, int]) -> str:
    """A text table; steps past the twentieth are one line."""
    lines: dict[str, int] = {}
    for index, count in sorted(first_errors.items()):
        name = "none" if index == NO_ERROR else f"step {index}" if index < 20 else "step 20 and on"
        lines[name] = lines.get(name, 0) + count
    most = max(lines.values())
    text = "\n".join(
        f"{name:<14} {count:>9,}  {'#' * max(1, round(_BAR * count / most))}"
        for name, count in lines.items()
    )
    return f"```text\n{text}\n```"


def _quality(facts: CardFacts) -> str:
    if not facts.quality:
        return (
            "## Measured quality\n\nNot measured: the true first errors of these solutions are not "
            "known. Look at a sample of `evidence` before you trust the labels."
        )
    rows = [
        (
            row.who,
            row.over,
            f"{row.decided:,} of {row.n:,}",
            "-" if row.exact is None else f"{row.exact:.3f} [{row.low:.3f}, {row.high:.3f}]",
            "-" if row.f1 is None else f"{row.f1:.3f}",
        )
        for row in facts.quality
    ]
    head = ("who", "over", "decided", "exact of decided [95%]", "ProcessBench F1")
    gold = inert(facts.gold) or "the true first errors"
    return (
        f"## Measured quality\n\nAgainst {gold}; whoever labels never sees them. F1 counts an "
        f"undecided solution as a miss.\n\n{table(head, rows)}"
    )


def _cost(facts: CardFacts) -> str:
    if not facts.costs:
        return ""
    rows = [
        (
            row.stage,
            f"{row.cost.calls:,}",
            f"{row.cost.prompt_tokens:,}",
            f"{row.cost.cached_tokens:,}",
            f"{row.cost.completion_tokens:,}",
            f"{row.seconds:,.0f}",
        )
        for row in facts.costs
    ]
    head = ("stage", "calls", "prompt tokens", "of these cached", "sampled tokens", "seconds")
    paid = "" if facts.dollars is None else f"\n\nPaid for calls: {facts.dollars:,.2f} US dollars."
    return f"## Cost\n\n{table(head, rows)}{paid}"


def _limits(facts: CardFacts, tally: Tally) -> str:
    but = f", but for what people decided (`{REVIEW}`)" if REVIEW in tally.seen else ""
    lines = [
        f"- Labels are made by machines{but}. A rule that keeps only what annotators agree on prefers "
        "easy solutions: the undecided ones differ from the labelled ones.",
        "- Rollouts see only errors that the answer depends on, and depend on the model that made "
        "them; a judge has blind spots of its own. Both can agree and be wrong.",
        "- The known answers are taken as right. Where one is wrong, so are its labels.",
        "- The first error alone is labelled. How many errors follow it, and how bad they are, is not known.",
    ]
    if tally.kept:
        with_error = tally.kept - tally.first_errors[NO_ERROR]
        lines.append(
            f"- {_percent(with_error, tally.kept)} of the labelled solutions have a wrong step. Weigh or "
            "balance them if your trainer needs as many of both."
        )
    if facts.cut:
        lines.append(
            f"- {facts.cut:,} solutions were cut by the length limit "
            f"({_percent(facts.cut, max(1, tally.solutions))}); wrong solutions are cut more often."
        )
    return "## Limits\n\n" + "\n".join(lines)


def _provenance(facts: CardFacts, tally: Tally) -> str:
    rows = [
        *((f"licence of {what}", licence) for what, licence in facts.licences.items()),
        ("solutions written by", ", ".join(name for name, _ in tally.generators.most_common(10))),
        ("code", f"git commit {facts.git_commit}" if facts.git_commit else "not from a checkout"),
        ("configuration fingerprint", facts.config_fingerprint or "-"),
        ("input fingerprint", facts.input_fingerprint or "-"),
        ("versions", ", ".join(f"{name} {number}" for name, number in facts.versions.items())),
    ]
    return f"## Provenance\n\nMade with steplabel.\n\n{table(('what', 'which'), rows)}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%"
