"""The tokenizer TinyMath's two models share: whole words and single digits.

A name with its equals sign is one token (`Eve=`), so that looking a value up is "what followed
this token last time". Each token carries its leading space, so text decodes without loss, and
a newline is a token of its own, so every step boundary is a token boundary.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.testbed.facts import NAMES, TEMPLATES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PATTERN = r"[#@]\d+| ?[A-Za-z]+=| ?[A-Za-z]+| ?\d|\n| ?[^\sA-Za-z\d]"
PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
MOST_STEPS = 24
_MARKS = ".,?:+-*/=%"
_WORDS = "also How many Who has most of and Has more than Answer yes no Solution Solve Check Drill good bad"


@cache
def vocabulary() -> dict[str, int]:
    """Token to id. Words come with and without a leading space."""
    words = dict.fromkeys(_WORDS.split())
    for template in TEMPLATES.values():
        words.update(dict.fromkeys(re.findall(r"(?<!\{)\b[a-z]+\b(?!\})", template)))
    forms = [*words, *_MARKS, *"0123456789", *NAMES, *(f"{name}=" for name in NAMES)]
    tokens = [
        PAD,
        EOS,
        UNKNOWN,
        "\n",
        *(f"{mark}{i}" for mark in "#@" for i in range(1, MOST_STEPS + 1)),
    ]
    for form in forms:
        tokens += [form, f" {form}"]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


_REGEX = re.compile(PATTERN)


def encode(text: str) -> list[int]:
    """Ids of `text`, as the library's tokenizer gives them and faster: what training uses."""
    known = vocabulary()
    return [known.get(piece, 2) for piece in _REGEX.findall(text)]


def pieces(text: str) -> list[str]:
    """The tokens of `text` as strings."""
    return _REGEX.findall(text)


def decode(ids: list[int]) -> str:
    """The text of `ids`, special tokens left out."""
    names = list(vocabulary())
    return "".join(names[i] for i in ids if i > 2)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The same tokenizer in the Hugging Face format; adds neither BOS nor EOS."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel(vocabulary(), unk_token=UNKNOWN))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token=UNKNOWN,
        eos_token=EOS,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )


def save_tokenizer(folder: Path) -> None:
    """Write the files that `AutoTokenizer.from_pretrained(folder)` and vLLM read."""
    build_tokenizer().save_pretrained(str(folder))
