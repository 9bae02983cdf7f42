"""PRM800K's published rows (Lightman et al. 2023, arXiv 2305.20050; OpenR and TRL's converter read them).

Each step of a row holds one completion or several with a rating, and which of them the labeller went on
with; a row that ends for an error ends with the completion rated -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.forms.fields import with_fields
from pipeline.inputs.rows import FieldFault, Row


def read_prm800k(row: Row) -> Row:
    """The row with `problem`, `steps` and `ratings`; one that has them stays as it is. Raises FieldFault
    where it tells of no first error: the labeller gave up, called the problem bad, or found an error
    and the last step is none."""
    label, question = row.data.get("label"), row.data.get("question")
    if not isinstance(label, Mapping) or not isinstance(question, Mapping):
        return row
    finish = label.get("finish_reason")
    if finish in ("give_up", "bad_problem"):
        raise FieldFault(
            "label.finish_reason", f"is {finish}: no first error is known; leave it out"
        )
    steps: list[str] = []
    ratings: list[int] = []
    listed = label.get("steps")
    if not isinstance(listed, list) or not listed:
        raise FieldFault("label.steps", "should be a list of one step or more", listed)
    for place, step in enumerate(listed):
        text, rating = _chosen(step, f"label.steps[{place}]")
        steps.append(text)
        ratings.append(rating)
        if rating == -1:
            break
    if finish == "found_error" and ratings[-1] != -1:
        raise FieldFault(
            f"label.steps[{len(ratings) - 1}].rating",
            "should be -1, since label.finish_reason is found_error; the wrong step isn't known",
            ratings[-1],
        )
    return with_fields(row, problem=question.get("problem"), steps=steps, ratings=ratings)


def _chosen(step: Any, where: str) -> tuple[str, int]:
    """The completion gone on with; the labeller's own is right; where the row ends, the first."""
    if not isinstance(step, Mapping):
        raise FieldFault(where, "should be an object with completions", step)
    completions, chosen = step.get("completions") or [], step.get("chosen_completion")
    own = step.get("human_completion")
    if chosen is None and own is not None:
        text, rating = (own.get("text") if isinstance(own, Mapping) else own), 1
    elif isinstance(completions, list) and _has(completions, chosen or 0):
        one = completions[chosen or 0]
        text, rating = one.get("text"), one.get("rating")
    else:
        raise FieldFault(where, "has no completion that was gone on with", step)
    if not isinstance(text, str):
        raise FieldFault(f"{where}.text", "should be a text", text)
    if isinstance(rating, bool) or rating not in (-1, 0, 1):
        raise FieldFault(f"{where}.rating", "should be -1, 0 or 1", rating)
    return text, rating


def _has(completions: list[Any], place: Any) -> bool:
    is_place = isinstance(place, int) and 0 <= place < len(completions)
    return is_place and isinstance(completions[place], Mapping)
