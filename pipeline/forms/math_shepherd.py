"""Math-Shepherd's rows (Wang et al. 2023, arXiv 2312.08935; `peiyi9979/Math-Shepherd`): `input` is the
problem and its numbered steps, each ending in a step tag; `label` is the same text with + or - for each tag.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.forms.fields import MAX_STEPS, a_text, with_fields
from pipeline.forms.numbered import bare, numbered, split_first
from pipeline.inputs.rows import FieldFault, Row

TAG = "ки"
"""The step tag of the published rows; one token of Mistral's and Llama 2's vocabularies."""
RIGHT, WRONG = "+", "-"


def tagged(problem: str, steps: Sequence[str], tags: Sequence[str]) -> str:
    """The text of a row: as distilabel's FormatPRM joins it."""
    lines = (f"{step} {tag}" for step, tag in zip(numbered(steps), tags, strict=True))
    return f"{problem} " + "\n".join(lines)


def read_math_shepherd(row: Row) -> Row:
    """`labels` are the signs, one for each step."""
    tagged_text, label = a_text(row, "input"), a_text(row, "label")
    segments, signs = _segments(tagged_text, label)
    problem, first = split_first(segments[0], "input")
    steps = [bare(step.strip("\n").removesuffix(" ")) for step in (first, *segments[1:])]
    return with_fields(row, problem=problem, steps=steps, labels=signs)


def _segments(tagged_text: str, label: str) -> tuple[list[str], list[str]]:
    """The texts before the tags, and the sign that the label has for each: a tag is where the input has
    one and the label a sign, and both are the same text everywhere else."""
    segments: list[str] = []
    signs: list[str] = []
    done = at = 0
    ahead = 0
    """How much further the input is than the label, whose signs are shorter than tags."""
    while (at := tagged_text.find(TAG, at)) >= 0:
        sign = label[at - ahead : at - ahead + 1]
        if sign not in (RIGHT, WRONG):
            at += len(TAG)
            continue
        if label[done - ahead : at - ahead] != tagged_text[done:at]:
            raise FieldFault("label", "differs from input in more than its signs", label)
        segments.append(tagged_text[done:at])
        signs.append(sign)
        ahead += len(TAG) - len(sign)
        done = at = at + len(TAG)
        if len(signs) > MAX_STEPS:
            raise FieldFault("input", f"has more than {MAX_STEPS:,} steps")
    if not signs:
        raise FieldFault("input", f"has no step that ends in {TAG!r} where label has + or -")
    if label[done - ahead :].strip() != tagged_text[done:].strip():
        raise FieldFault("label", "differs from input in more than its signs", label)
    return segments, signs
