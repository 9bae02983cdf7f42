"""Which files a dataset has, and the card's metadata, by which `datasets` and the hub find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.dataset.tally import Tally
from pipeline.dataset.view import View
from pipeline.review.witness import REVIEW

_SIZES = [
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
]


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """Files of one split of one view, relative to the dataset's folder."""

    files: tuple[str, ...]
    rows: int
    table_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """A view as it was written. `none`: why labelled solutions that it could have shown have no row in
    it -> how many."""

    view: View
    splits: Mapping[str, SplitFacts]
    none: Mapping[str, int]


Layout = Sequence[ViewFacts]


def metadata(licence: str, tally: Tally, layout: Layout) -> dict[str, Any]:
    """The YAML at the head of README.md. Views without rows are not in it."""
    layout = [made for made in layout if made.splits]
    size = next((name for limit, name in _SIZES if tally.solutions < limit), "100M<n<1B")
    return {
        "license": licence,
        "task_categories": ["text-generation", "text-classification"],
        "tags": ["process-reward-model", "step-labels", "first-error", "reasoning", "steplabel"],
        "annotations_creators": [
            "machine-generated",
            *(("expert-generated",) if REVIEW in tally.seen else ()),
        ],
        "size_categories": [size],
        "configs": [
            {
                "config_name": made.view.name,
                "data_files": [
                    {"split": split, "path": f"{made.view.name}/{split}-*.parquet"}
                    for split in made.splits
                ],
            }
            | ({"default": True} if number == 0 else {})
            for number, made in enumerate(layout)
        ],
        "dataset_info": [
            {
                "config_name": made.view.name,
                "features": made.view.features._to_yaml_list(),
                "splits": [
                    {"name": split, "num_bytes": facts.table_bytes, "num_examples": facts.rows}
                    for split, facts in made.splits.items()
                ],
                "download_size": sum(facts.file_bytes for facts in made.splits.values()),
                "dataset_size": sum(facts.table_bytes for facts in made.splits.values()),
            }
            for made in layout
        ],
    }
