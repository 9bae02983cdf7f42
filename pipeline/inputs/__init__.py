"""Bring your own: problems and solutions from JSONL, JSON, CSV, Parquet or `datasets` folders.

Bad rows are set aside with file, row, field and the cure. A new file format is a reader in
`texts.py` or `tables.py` and a line in `files.READERS`.
"""

from pipeline.inputs.problems import read_problems
from pipeline.inputs.rejected import ReadResult, Rejected, write_rejected
from pipeline.inputs.solutions import read_solutions

__all__ = ["ReadResult", "Rejected", "read_problems", "read_solutions", "write_rejected"]
