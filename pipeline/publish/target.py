"""What a place to publish to is, and how a dataset gets there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from pipeline.errors import RunError
from pipeline.publish.files import CARD, Change, LocalFile, batches, changes

BATCH_FILES = 50
BATCH_BYTES = 5 << 30


class Target(Protocol):
    """Somewhere files lie under names. `there` tells of each file of the target whether it is the same as
    ours of that name; `prepare` makes the place, where there is none (`there` tells of the
    files that it will begin with); `send` puts some files there at once and removes others; `finish` is
    called when all is there."""

    name: str

    def there(self, files: Sequence[LocalFile]) -> dict[str, bool]: ...

    def prepare(self) -> None: ...

    def send(self, files: Sequence[LocalFile], remove: Sequence[str], message: str) -> None: ...

    def finish(self) -> None: ...


def publish(
    files: Sequence[LocalFile],
    target: Target,
    on_plan: Callable[[Change], None] = lambda change: None,
    on_sent: Callable[[LocalFile], None] = lambda file: None,
    dry_run: bool = False,
    batch_files: int = BATCH_FILES,
    batch_bytes: int = BATCH_BYTES,
    views: Collection[str] = (),
) -> Change:
    """Send what is not there yet; the card, and with it what goes, comes last. Nothing is changed by a dry
    run. `views`: those too that have no file now, since an earlier dataset may have some there. Raises
    RunError where the target does not hold the files, and no others in their views, in the end, and what
    the target raises.
    """
    change = changes(files, target.there(files), views)
    on_plan(change)
    if dry_run:
        return change
    target.prepare()
    card = next(file for file in files if file.name == CARD)
    # The card says what the files are: it is sent again last whenever any of them was.
    again = [] if card in change.send or not (change.send or change.remove) else [card]
    parts = list(batches([*change.send, *again], batch_files, batch_bytes))
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        message = f"Add {len(part)} files of a step-labelled dataset ({number} of {len(parts)})"
        target.send(part, change.remove if last else (), message)
        for file in part:
            on_sent(file)
    left = changes(files, target.there(files), views)
    if left.send:
        raise RunError(
            f"{target.name}: {left.send[0].name} is not there as it was sent, nor are "
            f"{len(left.send) - 1} others; somebody else may write there: publish again"
        )
    if left.remove:
        raise RunError(
            f"{target.name}: {left.remove[0]} of another dataset is still there, and "
            f"{len(left.remove) - 1} others; somebody else may write there: publish again"
        )
    target.finish()
    return change
