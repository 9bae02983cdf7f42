"""Python's collector of cyclic garbage, told what a run is like."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (20_000, 20, 20)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Rows are made by the thousand and hold no cycles, so by its own thresholds the collector would walk all
    modules again and again: a tenth of the processor time of a run. What is there now is left out, and the
    rest looked at less often."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
