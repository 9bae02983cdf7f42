"""Rows of JSONL and JSON files, maybe gzipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.inputs.lines import TOO_LONG, LineFault, read_lines, read_whole
from pipeline.inputs.rejected import Rejected, excerpt
from pipeline.inputs.rows import Row

MAX_JSON = 512 << 20
"""A .json file is one value and must be loaded whole; a larger one should be JSONL."""
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF8 = "not valid UTF-8 at byte {at}; save the file as UTF-8"


def read_jsonl(path: Path) -> Iterator[Row | Rejected]:
    """A row a line; blank lines are passed over."""
    name = str(path)
    try:
        for number, line, too_long in read_lines(path):
            if number == 1:
                if line.startswith(_UTF16):
                    yield Rejected(name, None, None, "the file is UTF-16; save it as UTF-8")
                    return
                line = line.removeprefix(_BOM)
            if too_long:
                yield Rejected(name, number, None, TOO_LONG, excerpt(line))
            elif line.strip():
                yield _row(name, number, line)
    except LineFault as error:
        yield Rejected(name, None, None, str(error))


def _row(name: str, number: int, line: bytes) -> Row | Rejected:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Rejected(name, number, None, _NOT_UTF8.format(at=error.start), excerpt(line))
    except json.JSONDecodeError as error:
        message = (
            f"not valid JSON at character {error.pos + 1}: {error.msg}; each line is one object"
        )
        return Rejected(name, number, None, message, excerpt(line))
    except RecursionError:
        return Rejected(
            name, number, None, "nested too deeply; make the object flatter", excerpt(line)
        )
    except ValueError as error:
        return Rejected(name, number, None, f"{error}; write it as a text", excerpt(line))
    if not isinstance(value, dict):
        message = 'should be an object with named fields, such as {"question": …, "answer": …}'
        return Rejected(name, number, None, message, excerpt(line))
    return Row(name, number, value)


def read_json(path: Path) -> Iterator[Row | Rejected]:
    """The objects of a list."""
    name = str(path)
    try:
        raw = read_whole(path, MAX_JSON) if path.stat().st_size <= MAX_JSON else None
    except LineFault as error:
        yield Rejected(name, None, None, str(error))
        return
    if raw is None:
        message = f"larger than {MAX_JSON >> 20} MiB; write it as JSONL, one object a line"
        yield Rejected(name, None, None, message)
        return
    if raw.startswith(_UTF16):
        yield Rejected(name, None, None, "the file is UTF-16; save it as UTF-8")
        return
    try:
        value = json.loads(raw.removeprefix(_BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        yield Rejected(name, None, None, _NOT_UTF8.format(at=error.start))
        return
    except json.JSONDecodeError as error:
        hint = (
            "one object a line? then name it .jsonl"
            if error.msg == "Extra data"
            else "mend it there"
        )
        message = (
            f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}; {hint}"
        )
        yield Rejected(name, None, None, message)
        return
    except RecursionError:
        yield Rejected(name, None, None, "nested too deeply; make the objects flatter")
        return
    except ValueError as error:
        yield Rejected(name, None, None, f"{error}; write it as a text")
        return
    if not isinstance(value, list):
        yield Rejected(
            name, None, None, "should be a list of objects: [{…}, {…}]", excerpt(repr(value))
        )
        return
    for number, item in enumerate(value, 1):
        if isinstance(item, dict):
            yield Row(name, number, item)
        else:
            message = 'should be an object with named fields, such as {"question": …, "answer": …}'
            yield Rejected(name, number, None, message, excerpt(repr(item)))
