"""A finished dataset put where others find it: the Hugging Face Hub, a folder, or a store of fsspec.

What is there already with the right checksum is not sent again, so the same call goes on after a kill. The
card comes last, with the removal of what an earlier dataset left. Until then a place that had a dataset holds
files of both: readers who must not see that publish to a branch, or take a tag.
"""

from __future__ import annotations

from pipeline.publish.files import Change, LocalFile, changes, dataset_files_of
from pipeline.publish.hub import HubTarget
from pipeline.publish.store import StoreTarget
from pipeline.publish.target import Target, publish

__all__ = [
    "Change",
    "HubTarget",
    "LocalFile",
    "StoreTarget",
    "Target",
    "changes",
    "dataset_files_of",
    "publish",
]
