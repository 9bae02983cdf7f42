"""The labels as a Hugging Face dataset: views for those who train, evaluate and audit, and a card.

A new view is one file here that holds a `VIEW`, and one line in `VIEWS` (view.py).
"""

from __future__ import annotations

from pipeline.dataset.facts import CardFacts, CostRow, QualityRow
from pipeline.dataset.tally import Tally
from pipeline.dataset.view import VIEWS, View, load_view
from pipeline.dataset.write import (
    DatasetSummary,
    dataset_fingerprint,
    sums_of,
    view_names,
    write_dataset,
)

__all__ = [
    "VIEWS",
    "CardFacts",
    "CostRow",
    "DatasetSummary",
    "QualityRow",
    "Tally",
    "View",
    "dataset_fingerprint",
    "load_view",
    "sums_of",
    "view_names",
    "write_dataset",
]
