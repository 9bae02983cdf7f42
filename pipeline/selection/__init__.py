"""Which labelled solutions go to those who train, and why the others don't: contamination, duplicates,
published selections (PROF, ActPRM, BIS) and balance.

What is left out depends on the content of the solutions and on the configuration, never on the order of the
rows. A new rule is one file here and a line in `RULES`.
"""

from __future__ import annotations

from pipeline.selection.select import RULES, Selection, rules_of, select

__all__ = ["RULES", "Selection", "rules_of", "select"]
