"""Step preferences (Step-DPO, Lai et al. 2024, arXiv 2406.18629; rStar-Math's PPM, arXiv 2501.04519):
after the same prefix one step is better than another. Of the rejected one a row tells that it is the
first wrong step.
"""

from __future__ import annotations

from pipeline.forms.fields import a_text, text_in, with_fields
from pipeline.inputs.rows import FieldFault, Row, field


def read_preference(row: Row) -> Row:
    """`steps` are the prefix and the rejected step, `label` is the index of the latter."""
    prefix = field(row, "prefix")
    if not isinstance(prefix, list):
        raise FieldFault("prefix", "should be a list of steps, maybe empty", prefix)
    steps = [text_in(step, f"prefix[{place}]") for place, step in enumerate(prefix)]
    return with_fields(
        row,
        problem=a_text(row, "prompt"),
        steps=[*steps, a_text(row, "rejected")],
        label=len(steps),
    )
