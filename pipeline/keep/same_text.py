"""What several runs say of one text (problem and steps), and whether they contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import RunError
from pipeline.keep.diff import named
from pipeline.keep.standing import rows_of_run
from pipeline.records import Outcome
from pipeline.run_folder import RunFolder

CONFLICT = "runs disagree"


class Said(NamedTuple):
    """What a run, by its number, says of a text."""

    run: int
    label: int | None
    outcome: str | None


Text = tuple[Said, ...]
"""All that is said of a text, once each. Equal ones are one object: there are few."""


def texts_of(runs: Sequence[RunFolder], names: Sequence[str], refuse: bool) -> dict[bytes, Text]:
    """Of each text, by the key of its content, what the `runs` say. Raises RunError at the first
    contradiction, if those are refused."""
    texts: dict[bytes, Text] = {}
    known: dict[Text, Text] = {}
    for number, run in enumerate(runs):
        for key, standing in rows_of_run(run, heard=False):
            content = standing.content or key.encode()
            said = Said(number, standing.label, standing.outcome)
            text = texts.get(content, ())
            if said not in text:
                text = texts[content] = known.setdefault((*text, said), (*text, said))
            if refuse and disagree(text):
                raise RunError(
                    f"solution {key} of {names[number]}: {reason_of(text, names)}; without --refuse it is "
                    "set aside"
                )
    return texts


def run_of(text: Text) -> int:
    """The run that it is taken from."""
    return next((said.run for said in text if said.label is not None), text[0].run)


def _labels(text: Text) -> dict[int, set[int]]:
    """The first errors that each run names that labels it."""
    found: dict[int, set[int]] = {}
    for said in text:
        if said.label is not None:
            found.setdefault(said.run, set()).add(said.label)
    return found


def _outcomes(text: Text) -> dict[int, set[str]]:
    """What each run calls its final answer that could tell."""
    found: dict[int, set[str]] = {}
    for said in text:
        if said.outcome in (Outcome.CORRECT, Outcome.INCORRECT):
            found.setdefault(said.run, set()).add(str(said.outcome))
    return found


def disagree(text: Text) -> bool:
    """Whether several runs label it, or grade it, and not all alike."""
    return any(
        len(found) > 1 and len(set().union(*found.values())) > 1
        for found in (_labels(text), _outcomes(text))
    )


def is_filled(text: Text) -> bool:
    labelled = _labels(text)
    return bool(labelled) and any(said.run not in labelled for said in text)


def reason_of(text: Text, names: Sequence[str]) -> str:
    labels = _labels(text)
    if len(labels) > 1 and len(set().union(*labels.values())) > 1:
        told = [f"{names[n]} names {' and '.join(map(named, sorted(labels[n])))}" for n in labels]
    else:
        graded = _outcomes(text)
        told = [f"{names[n]} calls its answer {' and '.join(sorted(graded[n]))}" for n in graded]
    return f"{CONFLICT}: {', '.join(told)}"
