"""Programs that try to break out, break the pool, or stay. Data of test_hostile.py.

Each prints BREACH where it got what it must not have. `statuses`: how it may end.
"""

from tests.pipeline.sandbox.hostile.outside import REACHING
from tests.pipeline.sandbox.hostile.pool import STAYING
from tests.pipeline.sandbox.hostile.program import Hostile
from tests.pipeline.sandbox.hostile.resources import TAKING

PROGRAMS = [*TAKING, *REACHING, *STAYING]

__all__ = ["PROGRAMS", "Hostile"]
