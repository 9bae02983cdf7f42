"""Who works with a run that is kept at a URL: one process at a time, of all machines.

A store has no locks, so a holder says every BEAT_S that it is alive, and one that was silent for DEAD_S has
died. Of a process on this machine that is known at once. Silence is told by the store's own clock, as those
of two machines may differ; where it has none, who waits has to have heard it. A holder that was taken over,
because its machine slept, say, finds out at its next sign of life, and writes nothing any more.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.errors import InUseError, RunError, StepLabelError
from pipeline.lock import start_of
from pipeline.urls import Place, told

log = logging.getLogger(__name__)

BEAT_S = 60.0
DEAD_S = 300.0
SETTLE_S = 1.0
"""So long after its first sign of life a holder looks whether another one began in the same instant."""
FILE = "holder.json"


class Holder:
    """This process, as the one that works at a place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.me = this_process()
        self._held = False
        self._mutex = threading.Lock()
        self._last_sign: tuple[dict[str, Any], float] | None = None

    def hold(self) -> None:
        """Raises InUseError where another process works there, or has died on another machine less than
        DEAD_S ago."""
        found = self._found()
        if found is not None and self._may_live(found):
            raise InUseError(
                f"{self._place}: in use by {_named(found)}; wait for it (`--wait` does), or give this run "
                f"another name; one that died is known to be dead after {DEAD_S / 60:.0f} min"
            )
        with self._mutex:
            self._say()
            self._held = True
        time.sleep(SETTLE_S)
        self.check()

    def check(self) -> None:
        """Raises InUseError where another process has taken over."""
        found = self._found()
        if found is not None and found["who"] != self.me:
            self._held = False
            raise InUseError(
                f"{self._place}: taken over by {_named(found)}, as this process was silent too long; "
                "nothing is kept from here any more. Run again (`--wait`), to go on from there"
            )

    def beat(self) -> None:
        """Raises InUseError where another process has taken over."""
        with self._mutex:
            if self._held:
                self.check()
                self._say()

    def let_go(self) -> None:
        with self._mutex:
            mine, self._held = self._held, False
            if mine and (self._found() or {}).get("who") == self.me:
                with told(str(self._place)), suppress(FileNotFoundError):
                    self._place.fs.rm_file(self._place.path(FILE))

    @contextmanager
    def beating(self, on_lost: Callable[[InUseError], None]) -> Iterator[None]:
        """Signs of life from a thread, as an event loop may be busy for minutes. `on_lost` is called there,
        once, where another process has taken over."""
        ended = threading.Event()

        def beats() -> None:
            while not ended.wait(BEAT_S):
                try:
                    self.beat()
                except InUseError as error:
                    return None if ended.is_set() else on_lost(error)
                except (StepLabelError, OSError) as error:
                    log.warning("no sign of life for now: %s", error)
            return None

        threading.Thread(target=beats, daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def _say(self) -> None:
        host = os.uname().nodename
        self._place.write(FILE, {"who": self.me, "host": host, "at": time.time()})

    def _found(self) -> dict[str, Any] | None:
        found = self._place.read(FILE)
        who = None if found is None else found.get("who")
        if found is not None and not (
            isinstance(who, dict)
            and isinstance(who.get("process"), int)
            and isinstance(found.get("at"), float)
        ):
            raise RunError(f"{self._place}/{FILE}: damaged: it names no process; delete it")
        return found

    def _may_live(self, found: dict[str, Any]) -> bool:
        who = found["who"]
        if who == self.me:
            return False
        if who.get("machine") == self.me["machine"] and who.get("started") != start_of(
            who["process"]
        ):
            return False
        return self._silent_s(found) < DEAD_S

    def _silent_s(self, found: dict[str, Any]) -> float:
        place = self._place
        probe = place.path(f"now-{os.urandom(8).hex()}")
        with told(str(place)):
            place.fs.pipe_file(probe, b"now")
            try:
                place.fs.invalidate_cache()
                now = place.fs.modified(probe)
                with suppress(FileNotFoundError):
                    return float((now - place.fs.modified(place.path(FILE))).total_seconds())
                return math.inf  # let go of in this instant
            except NotImplementedError:
                return self._heard_nothing_s(found)
            finally:
                place.fs.rm_file(probe)

    def _heard_nothing_s(self, found: dict[str, Any]) -> float:
        """Of a store that tells no times: since when this process finds the same sign of life."""
        if self._last_sign is None or self._last_sign[0] != found:
            self._last_sign = found, time.monotonic()
        return time.monotonic() - self._last_sign[1]


def this_process() -> dict[str, Any]:
    """What no other process has, on any machine: number and start, and the boot and namespace that they are
    of. A name of a host may be that of many."""
    pid = os.getpid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        machine = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no Linux
        machine = uuid.uuid4().hex
    return {"process": pid, "started": start_of(pid), "machine": machine}


def _named(found: dict[str, Any]) -> str:
    return f"process {found['who']['process']} on {found.get('host')}"
