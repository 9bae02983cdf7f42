"""TRL's stepwise supervision (`trl-lib/math_shepherd`, `trl-lib/prm800k`): a prompt, its completions step
by step, and `labels`, one for each. `soft` has these columns too, and values beside them."""

from __future__ import annotations

from pipeline.forms.fields import a_text, texts, with_fields
from pipeline.inputs.rows import Row


def read_stepwise(row: Row) -> Row:
    return with_fields(row, problem=a_text(row, "prompt"), steps=texts(row, "completions"))
