"""Which files a dataset has, and the card's metadata, by which `datasets` and the hub find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.dataset.tally import Tally
from pipeline.dataset.view import View

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


Layout = Sequence[tuple[View, Mapping[str, SplitFacts]]]


def metadata(licence: str, tally: Tally, layout: Layout) -> dict[str, Any]:
    """The YAML at the head of README.md. Views without rows are not in it."""
    layout = [(view, splits) for view, splits in layout if splits]
    size = next((name for limit, name in _SIZES if tally.solutions < limit), "100M<n<1B")
    return {
        "license": licence,
        "task_categories": ["text-generation", "text-classification"],
        "tags": ["process-reward-model", "step-labels", "first-error", "reasoning", "steplabel"],
        "annotations_creators": ["machine-generated"],
        "size_categories": [size],
        "configs": [
            {
                "config_name": view.name,
                "data_files": [
                    {"split": split, "path": f"{view.name}/{split}-*.parquet"} for split in splits
                ],
            }
            | ({"default": True} if number == 0 else {})
            for number, (view, splits) in enumerate(layout)
        ],
        "dataset_info": [
            {
                "config_name": view.name,
                "features": view.features._to_yaml_list(),
                "splits": [
                    {"name": split, "num_bytes": made.table_bytes, "num_examples": made.rows}
                    for split, made in splits.items()
                ],
                "download_size": sum(made.file_bytes for made in splits.values()),
                "dataset_size": sum(made.table_bytes for made in splits.values()),
            }
            for view, splits in layout
        ],
    }
