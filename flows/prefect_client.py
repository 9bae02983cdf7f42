"""Prefect's client in the process of a run: its own lines on the console, and its queues at the end."""

from __future__ import annotations

import logging
from contextlib import suppress

from prefect.events.worker import EventsWorker
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import APILogWorker, PrefectConsoleHandler

LAST_WORDS_S = 20.0
"""So long the server may take to hear what is still to be told."""


def quiet_console() -> None:
    """Prefect's own lines go to its UI alone; the terminal has the run's progress, warnings and errors."""
    setup_logging()
    names = ("", "prefect", "prefect.flow_runs", "prefect.task_runs", "prefect.extra")
    for handler in {one for name in names for one in logging.getLogger(name).handlers}:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(_is_not_prefects)


def _is_not_prefects(record: logging.LogRecord) -> bool:
    return not record.name.startswith("prefect.")


def tell_the_rest() -> None:
    """Logs and events that wait to be sent, before the server goes away. What it doesn't take by then is
    dropped: the interpreter's end would wait for each of them in turn, seven seconds for one event."""
    APILogWorker.drain_all(timeout=LAST_WORDS_S)
    waiting = []
    with suppress(AttributeError):  # a queue of Prefect's own, which may come to be named otherwise
        waiting = [worker._queue for worker in EventsWorker._instances.values()]
    EventsWorker.drain_all(timeout=LAST_WORDS_S)
    for queue in waiting:
        with queue.mutex:
            queue.queue.clear()
        queue.put_nowait(None)
