"""What is packed into a page is read from it again, and is no markup on the way."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import pack
from pipeline.report.pack import Chunks
from tests.pipeline.report.rows import details, unpack

ANY_TEXT = st.text(st.characters(), max_size=200)  # lone surrogates too


@given(st.lists(ANY_TEXT, max_size=12), st.integers(1, 300))
def test_chunks_hold_what_was_added_in_its_order(texts: list[str], size: int) -> None:
    before, pack.CHUNK_CHARS = pack.CHUNK_CHARS, size
    try:
        chunks = Chunks()
        for text in texts:
            chunks.add({"text": text})
        page = "".join(chunks.blocks())
    finally:
        pack.CHUNK_CHARS = before
    page += pack.data_block("index", pack.packed(pack.to_text({"starts": chunks.starts})))
    assert details(page) == [{"text": text} for text in texts]
    for number, start in enumerate(chunks.starts):
        assert unpack(page, f"chunk-{number}")[0] == {"text": texts[start]}


@given(ANY_TEXT)
def test_a_block_is_base64_alone(text: str) -> None:
    block = pack.data_block("one", pack.packed(pack.to_text(text)))
    assert re.fullmatch(r'<script type="[a-z0-9/-]+" id="one">[A-Za-z0-9+/=]+</script>\n', block)
