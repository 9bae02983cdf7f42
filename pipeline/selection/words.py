"""Texts as words in a row, evened out: what duplicates and contamination are told by."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence

_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana, Han: scripts that put no spaces between words."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def words(text: str) -> list[str]:
    """Letters and digits only, of one case and one Unicode form; signs and spaces part words, and of a
    script without spaces each character is one."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def ngrams(found: Sequence[str], size: int) -> Iterator[str]:
    """Each `size` words in a row; of a shorter text all of it."""
    if 0 < len(found) < size:
        yield " ".join(found)
    for start in range(len(found) - size + 1):
        yield " ".join(found[start : start + size])


def hashed(text: str) -> int:
    """64 bits: small in memory, and no two of some million texts fall together."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())
