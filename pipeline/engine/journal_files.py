"""One recorded call, and the line of a journal file that holds it.

A line is a JSON object, its key first and its checksum last:
    {"key":"…","fingerprint":"…", …,"crc":"89abcdef"}
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple

import pyarrow as pa

from pipeline.arrow import Record
from pipeline.engine.protocol import Completion
from pipeline.errors import RunError
from pipeline.records import Cost

_KEY_AT = len('{"key":"')
_CRC_LENGTH = len(',"crc":"89abcdef"}')
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class CompletionRow(Record):
    text: str
    finish_reason: str
    token_ids: tuple[int, ...] = ()

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("text", pa.string()),
            ("finish_reason", pa.string()),
            ("token_ids", pa.list_(pa.int32())),
        ]
    )

    def completion(self) -> Completion:
        return Completion(self.text, self.finish_reason, self.token_ids)


@dataclass(frozen=True, slots=True)
class CallRecord(Record):
    """A finished call: what was asked, of which model, what came back and what it cost.

    `kind` is "sample" or "score". Of the prompt, the ids are kept where they were sent, else the
    text; `text_hash` is the text's in both cases. `sampling` is JSON. `at` is Unix seconds.
    """

    key: str
    fingerprint: str
    kind: str
    text_hash: str
    prompt_text: str | None = None
    prompt_ids: tuple[int, ...] | None = None
    sampling: str | None = None
    n: int = 1
    draw: int = 0
    continuation: str | None = None
    completions: tuple[CompletionRow, ...] = ()
    logprobs: tuple[float, ...] = ()
    cost: Cost = field(default_factory=Cost)
    at: float = 0.0

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("key", pa.string()),
            ("fingerprint", pa.string()),
            ("kind", pa.string()),
            ("text_hash", pa.string()),
            ("prompt_text", pa.string()),
            ("prompt_ids", pa.list_(pa.int32())),
            ("sampling", pa.string()),
            ("n", pa.int32()),
            ("draw", pa.int32()),
            ("continuation", pa.string()),
            ("completions", pa.list_(CompletionRow.struct())),
            ("logprobs", pa.list_(pa.float64())),
            ("cost", Cost.struct()),
            ("at", pa.float64()),
        ]
    )


class Scan(NamedTuple):
    """Keys of a journal file with the byte offsets of their lines, and whose calls they are."""

    entries: list[tuple[str, int]]
    fingerprints: set[str]


def encode_line(record: CallRecord) -> bytes:
    text = json.dumps(record.to_row(), ensure_ascii=True, separators=(",", ":"))
    body = text[:-1].encode("ascii")
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def intact(line: bytes) -> bool:
    """Whether `line` (without its newline) is what `encode_line` wrote."""
    body, tail = line[:-_CRC_LENGTH], line[-_CRC_LENGTH:]
    return tail == b',"crc":"%08x"}' % zlib.crc32(body)


def decode_line(line: bytes, path: Path, offset: int) -> CallRecord:
    return CallRecord.from_row(decode_row(line, path, offset))


def decode_row(line: bytes, path: Path, offset: int) -> dict[str, Any]:
    """A record's columns. Raises RunError where the line is damaged."""
    if not intact(line):
        raise RunError(f"{path}: the record at byte {offset} is damaged")
    row: dict[str, Any] = json.loads(line)
    del row["crc"]
    return row


def read_line(handle: IO[bytes], offset: int) -> bytes:
    """The line that begins at `offset`, without its newline."""
    pieces = []
    while chunk := os.pread(handle.fileno(), _CHUNK, offset):
        end = chunk.find(b"\n")
        if end >= 0:
            pieces.append(chunk[:end])
            break
        pieces.append(chunk)
        offset += len(chunk)
    return b"".join(pieces)


def scan_file(path: Path, *, truncate: bool) -> Scan:
    """Check every line and list the keys. A last line without its newline was being written when
    the writer died: it is passed over, and cut off where `truncate` is set. Any other line that
    is not whole raises RunError."""
    entries: list[tuple[str, int]] = []
    fingerprints: set[str] = set()
    known: bytes | None = None
    offset = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            if not intact(line[:-1]):
                raise RunError(
                    f"{path}: line {number} is damaged (its checksum does not match); restore the "
                    "file, or delete that line and the calls on it are made again"
                )
            end = line.index(b'"', _KEY_AT)
            entries.append((line[_KEY_AT:end].decode("ascii"), offset))
            name = line[end + 1 : line.index(b'","kind"', end)]
            if name != known:
                known = name
                fingerprints.add(json.loads(line)["fingerprint"])
            offset += len(line)
        size = file.seek(0, os.SEEK_END)
    if truncate and offset < size:
        with open(path, "r+b") as file:
            file.truncate(offset)
            os.fsync(file.fileno())
    return Scan(entries, fingerprints)
