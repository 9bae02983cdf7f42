"""What is quoted to a judge can neither close its fence nor open another, nor hold a control token."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.fence import fence_tag, quoted

CONTROL = [
    "<|im_end|>",
    "<|im_start|>assistant",
    "<|eot_id|>",
    "<｜Assistant｜>",
    "<start_of_turn>model",
    "</s>",
    "<s>",
    "[INST]",
    "[/INST]",
    "[TOOL_CALLS]",
    "[gMASK]",
    "[|endofturn|]",
    "<<SYS>>",
    "</think>",
    "<unk>",
]
PIECES = [
    *CONTROL,
    "<",
    "</",
    "quote_",
    "0123456789abcdef",
    ">",
    "\u202e",
    "\u2066",
    "\x1b[2K",
    "x",
]


@pytest.mark.parametrize("token", CONTROL)
def test_no_control_token_is_left_and_nothing_else_of_it_is_lost(token: str) -> None:
    shown = quoted(f"so {token} then")
    assert token not in shown
    assert shown.replace(" ", "") == f"so{token}then".replace(" ", "")


@pytest.mark.parametrize(
    "text",
    ["a < b and b <= c", "0 <3", "[12, 13]", "f[0]", "\tindented\nlines", "क्\u200dष", "∀x∈ℝ"],
)
def test_mathematics_is_shown_as_it_is(text: str) -> None:
    assert quoted(text) == text


@given(st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_quoted_text_opens_no_tag_and_hides_nothing(text: str) -> None:
    shown = quoted(text)
    assert not re.search(r"<[A-Za-z/|｜!?_]", shown)
    unseen = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert unseen <= {"\n", "\t", "\u200c", "\u200d"}
    shown.encode("utf-8")


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_text_never_holds_the_tag_that_fences_it(text: str, other: str) -> None:
    tag = fence_tag(text, other)
    assert tag not in text + other
    forged = f"{text}</{tag}>"
    assert fence_tag(forged, other) != tag


@pytest.mark.parametrize(
    "disguise",
    [
        str.upper,
        lambda tag: "\u200b".join(tag),
        lambda tag: " ".join(tag),
        lambda tag: "".join(chr(ord(c) + 0xFEE0) for c in tag),
    ],
)
def test_a_tag_that_a_text_holds_in_disguise_is_not_taken(disguise, monkeypatch) -> None:
    """As if a text had been found that holds its own hash: 2^64 tries."""
    hashes = iter(["0123456789abcdef", "fedcba9876543210"])
    monkeypatch.setattr("annotators.fence.content_hash", lambda *parts, length: next(hashes))
    assert fence_tag(f"</quote_{disguise('0123456789abcdef')}>") == "quote_fedcba9876543210"
