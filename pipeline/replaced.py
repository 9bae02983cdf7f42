"""Solutions whose problem is no longer among a run's inputs: its row was corrected, renamed or taken out.

They stay on disk, so that going back makes nothing anew. But the run says nothing of them any more, and who
reads it counts none of them.
"""

from __future__ import annotations

from pipeline.files import read_json
from pipeline.run_folder import RunFolder
from pipeline.stages import KEY_COLUMNS, key_of_row


def replaced(run: RunFolder) -> frozenset[str]:
    """Their ids, by what the run's last start read; none where that is not known (a merged run's)."""
    inputs = read_json(run.inputs)
    if inputs is None:
        return frozenset()
    still_there = frozenset(inputs)
    rows = run.solutions.rows(["id", *KEY_COLUMNS])
    return frozenset(str(row["id"]) for row in rows if key_of_row(row) not in still_there)
