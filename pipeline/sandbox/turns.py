"""Pieces of one text's code, run one after another in one process: what would take as many processes, and
every piece as often as there are pieces after it, takes one of each.

The pieces can spoil one another, as parts of one program can; so they should have one author.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace

from pipeline.sandbox.inside import turns
from pipeline.sandbox.inside.frames import ExecutionStatus
from pipeline.sandbox.limits import MAX_CODE_BYTES, Execution, Limits
from pipeline.sandbox.pool import Sandbox

_PROGRAM = f"__import__({turns.__name__!r}, fromlist=['run']).run()"


async def run_in_turn(sandbox: Sandbox, pieces: Sequence[str], limits: Limits) -> list[Execution]:
    """How each piece ended, up to the first that didn't, or that left (`sys.exit(0)`); none for no piece.

    `limits` are those of all together, and the last one's seconds are. Nothing is on standard input.
    Raises EngineFaultError as `Sandbox.run` does.
    """
    size = sum(len(piece.encode("utf-8", "surrogatepass")) for piece in pieces)
    if size > MAX_CODE_BYTES:
        return [
            Execution(
                ExecutionStatus.REFUSED, f"code of {size} bytes; at most {MAX_CODE_BYTES} are run"
            )
        ]
    if not pieces:
        return []
    word = secrets.token_hex(16)
    done = await sandbox.run(_PROGRAM, stdin=json.dumps([word, *pieces]), limits=limits)
    mark = f"\n{word}\n"
    outs, errs = done.stdout.split(mark), done.stderr.split(mark)
    ended = min(len(outs), len(errs), len(pieces)) - 1
    before = zip(outs[:ended], errs[:ended], strict=True)
    last = replace(done, stdout="".join(outs[ended:]), stderr="".join(errs[ended:]))
    return [*(Execution(ExecutionStatus.OK, stdout=out, stderr=err) for out, err in before), last]
