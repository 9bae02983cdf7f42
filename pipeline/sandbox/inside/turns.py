"""Several pieces of code in one process, each as if it were typed below those before it.

What is told here of the pieces may be a lie as much as all else that a snippet says of itself.
"""

from __future__ import annotations

import json
import os
import sys

from pipeline.sandbox.inside import snippet


def run() -> None:
    """Run the pieces as `__main__`, and say the word on both outputs after each that came to its end.

    Word and pieces are a JSON list on standard input. What a piece raises ends it all.
    """
    word, *pieces = json.load(sys.stdin)
    mark = f"\n{word}\n".encode()
    names = sys.modules["__main__"].__dict__
    for piece in pieces:
        snippet.execute(piece, names)
        snippet.flush()
        for number in (1, 2):
            os.write(number, mark)
