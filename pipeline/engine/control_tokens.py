"""Strings that a tokenizer reads as structure, kept out of text that others wrote.

Prompts are tokenised with their control tokens read, as a chat template is made of them. A solution
that held `<|im_end|>` could then close its turn and write the judge's answer itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from pipeline.errors import BadRequestError

THINK = ("<think>", "</think>")


class ControlTokens:
    """A tokenizer's special tokens and the special ones among those added to it. Blank ones (an EOS
    of `\\n`) are left out: every text holds them."""

    def __init__(self, tokenizer: Any) -> None:
        added = getattr(tokenizer, "added_tokens_decoder", {}).values()
        tokens = {*map(str, tokenizer.all_special_tokens), *(str(t) for t in added if t.special)}
        named = sorted((token for token in tokens if token.strip()), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, named)) or "(?!)")

    def refuse_in(self, text: str, what: str, own: str = "", allowed: Collection[str] = ()) -> None:
        """Raises BadRequestError if `text` (`what` names it) holds a control token that is neither
        `allowed` nor among those of `own`, the part of it that we wrote."""
        found = Counter(self._pattern.findall(text)) - Counter(self._pattern.findall(own))
        for token in found:
            if token not in allowed:
                raise BadRequestError(
                    f"{what} holds {token!r}, which this model's tokenizer reads as a control "
                    "token: it could end the turn and speak in another's name"
                )
