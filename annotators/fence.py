"""Text that others wrote, shown to a judge so that it stays a quotation.

Two locks on the fence, each enough alone. What is quoted holds no tag and no control token: wherever one
could begin, a space stands after the bracket (`</s>` is shown as `< /s>`, `[INST]` as `[ INST]`), which
changes no mathematics. And the tags around it are named by a hash of all that is quoted, so that no text
can hold its own.
"""

from __future__ import annotations

import re
import unicodedata

from pipeline.records import content_hash

_OPENS = re.compile(r"<(?=[^\s\d=<(])|\[(?=/?[A-Za-z|@][\w |@]{1,40}\])")
_KEPT = {"\n", "\t", "\u200c", "\u200d"}
"""Of control and format characters: line breaks, tabs, and the joiners that scripts are written with."""
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_HASH_LENGTH = 16


def quoted(text: str) -> str:
    r"""`text` as it may stand in a prompt: control characters, marks that turn the direction of
    writing and lone surrogates are written out (`\u{202E}`), and no tag or control token can begin."""
    text = text.replace("\r\n", "\n")
    unseen = {c for c in set(text) - _KEPT if unicodedata.category(c) in _UNSEEN}
    written = text.translate({ord(c): f"\\u{{{ord(c):X}}}" for c in unseen})
    return _OPENS.sub(r"\g<0> ", written)


def fence_tag(*texts: str) -> str:
    """A name for the tags around `texts` that occurs in none of them, in any disguise of its letters
    (other cases, widths, spaces or invisible characters between)."""
    bare = _bare("\n".join(texts))
    attempt = 0
    while (name := content_hash(attempt, *texts, length=_HASH_LENGTH)) in bare:
        attempt += 1
    return f"quote_{name}"


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^0-9a-f]", "", plain)
