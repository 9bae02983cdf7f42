"""The comparing process: reads one JSON line {pred, gold}, writes one {same, why}.

Run as a script by `pipeline.grading.pool`, never imported: math-verify parses with sympy, which may
run away in time or memory, and in parts evaluates what it parses. So it is started in bubblewrap, where
there is one, may write no file and begin no process, has a memory limit, and is killed when it takes too
long; and the caps of `pipeline.grading.equivalence` keep what reaches it to short mathematical texts.

`same` is true or false (both sides wholly parsed, and compared in both directions, which math-verify
may tell apart), or null with the reason.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
from typing import Any


def compare(pred: str, gold: str) -> tuple[bool | None, str | None]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    configs = [LatexExtractionConfig(), ExprExtractionConfig()]
    sides: list[list[Any]] = []
    for text in (gold, pred):
        latex = text if "$" in text or "\\(" in text or "\\[" in text else f"${text}$"
        parsed = parse(latex, configs, parsing_timeout=None, raise_on_error=False)
        if not any(not isinstance(item, str) for item in parsed):
            return None, "not understood"
        sides.append(parsed)
    try:
        both = [
            verify(a, b, timeout_seconds=None, raise_on_error=True)
            for a, b in (sides, reversed(sides))
        ]
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - sympy raises anything; whatever it is, the pair is not compared
        return None, f"not comparable ({type(error).__name__})"
    return (both[0], None) if both[0] == both[1] else (None, "one way only")


def main(memory_bytes: int, user: int | None = None) -> None:
    """`user`: who it becomes, where it is shut in and starts as root."""
    if user is not None:
        from pipeline.sandbox.inside import isolation

        isolation.drop_root(user)
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing else may write between the answers
    logging.disable(logging.CRITICAL)
    compare("1", "1")  # load everything before the clock of the first real comparison runs
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # each would have as much memory again
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            same, why = compare(request["pred"], request["gold"])
        except (MemoryError, RecursionError) as error:
            same, why = None, f"too large ({type(error).__name__})"
        print(json.dumps({"same": same, "why": why}), file=answers, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
