"""What a judge wrote, read as text: its answer, the JSON object that it ends in, and its reasons as one who
counts steps from 1 can read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipeline.records import NO_ERROR

LONGEST = 1_000_000
"""Characters of an answer that is read."""

MOST_BEGINNINGS = 20
"""Lines of an answer at which its object may begin."""

_BEGINS = re.compile(r"(?<=\n)\{")
_BLOCK = re.compile(r"(?:^|\n)```(?:json)?[ \t]{0,9}\n")
_NUMBERED = re.compile(
    r"\b(?:steps|paragraphs)\s{1,3}\d{1,4}(?:(?:\s{0,3}[,–-]\s{0,3}|,?\s{1,3}(?:and|or|to)\s{1,3})\d{1,4}){0,20}"
    r"|\b(?:step|paragraph)[ _]\d{1,4}",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")
_CORRECTS = re.compile(
    r"\b(?:wait|correct(?:ed|ion)|actually|sorry|instead|revised)\b", re.IGNORECASE
)
_LAST_BOX = re.compile(r"\\boxed\{\s{0,9}(-?\d{1,6})\s{0,9}\}\.?\Z")


def answer_of(text: str) -> str:
    """A judge's text without its thoughts; nothing of one that is still thinking at its end, or is too long
    to be an answer."""
    answer = text.rpartition("</think>")[2] if len(text) <= LONGEST else ""
    return "" if "<think>" in answer else answer


def last_object(text: str) -> dict[str, Any]:
    """The JSON object that the answer is, ends in on lines of its own, or has as its last ``` block with
    nothing after it; {} where there is none, where a key stands in it twice, or where an earlier one gives
    another verdict that no word between them takes back."""
    before, said = _parted(answer_of(text))
    for earlier, end in _objects(before):
        if _verdict(earlier) not in (_verdict(said), _verdict({})) and not _CORRECTS.search(
            before, end
        ):
            return {}
    return said


def _parted(answer: str) -> tuple[str, dict[str, Any]]:
    """What stands before the object that an answer ends in, and that object."""
    answer, before = answer.strip(), ""
    if answer.endswith("```"):
        blocks = list(_BLOCK.finditer(answer[:-3]))
        if not blocks:
            return answer, {}
        before, answer = answer[: blocks[-1].start()], answer[blocks[-1].end() : -3].strip()
    begins = [0] if answer.startswith("{") else []
    begins += [line.start() for line in islice(_BEGINS.finditer(answer), MOST_BEGINNINGS)]
    for begin in begins if answer.endswith("}") else ():
        try:
            found = json.loads(answer[begin:], object_pairs_hook=_once)
        except (ValueError, RecursionError):
            continue
        return before + answer[:begin], found if isinstance(found, dict) else {}
    return before + answer, {}


def _objects(text: str) -> Iterator[tuple[dict[str, Any], int]]:
    """The JSON objects that begin on lines of their own, each with where it ends."""
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    begins = [0] if text.startswith("{") else []
    begins += [line.start() for line in islice(_BEGINS.finditer(text), MOST_BEGINNINGS)]
    for begin in begins:
        try:
            yield decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue


def _verdict(said: dict[str, Any]) -> tuple[int | None, dict[int, str]]:
    """What an object says of the steps, its reasons left out."""
    first, entries = said.get("first_error"), said.get("steps")
    told = {
        entry["step"]: entry["verdict"].lower()
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        and type(entry.get("step")) is int
        and isinstance(entry.get("verdict"), str)
    }
    return first if type(first) is int else None, told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def reasons_up_to(text: str, first_error: int, n_steps: int) -> str | None:
    """The reasons of a judge that names `first_error` (0-based, -1 none), with steps counted from 1 and none
    after the first wrong one spoken of by its number. None where there are none, or where it can't be told
    how they count or what they end with."""
    before, said = _parted(answer_of(text))
    if isinstance(entries := said.get("steps"), list):
        first, checks = _checks(entries, first_error, n_steps)
        return "\n\n".join(filter(None, [_prose(before, first_error, first), checks])) or None
    if said:
        review = said.get("review")
        words = f"{before.strip()}\n\n{review}" if isinstance(review, str) else before
        ends_in = said.get("first_error")
    else:
        words = _LAST_BOX.sub("", text.strip())
        ends_in = int(box[1]) if (box := _LAST_BOX.search(text.strip())) else None
    if first_error != NO_ERROR and ends_in in (first_error, first_error + 1):
        counted: int | None = ends_in - first_error  # its own number of that step
    else:
        counted = _counts_from(_steps_in(words), first_error, n_steps)
    return None if counted is None else _prose(words, first_error, counted)


def _prose(words: str, first_error: int, first: int | None) -> str | None:
    """What was said of steps counted from `first`; None where that is of later ones too, or nothing."""
    numbers = _steps_in(words)
    if first is None or (first and 0 in numbers):
        return None
    if first_error != NO_ERROR and max(numbers, default=0) > first_error + first:
        return None
    return (words if first else _from_one(words)).strip() or None


def _steps_in(words: str) -> set[int]:
    return {int(n) for found in _NUMBERED.findall(words) for n in _NUMBER.findall(found)}


def _checks(entries: list[Any], first_error: int, n_steps: int) -> tuple[int | None, str | None]:
    """Of an answer with an entry for each step: from which number it counts them, and what it says."""
    told = {
        entry["step"]: entry["check"].strip()
        for entry in entries
        if isinstance(entry, dict)
        and type(entry.get("step")) is int
        and isinstance(entry.get("check"), str)
    }
    first = min(told, default=-1)
    if first not in (0, 1) or told.keys() != set(range(first, first + n_steps)):
        return None, None
    last = n_steps - 1 if first_error == NO_ERROR else first_error
    kept = [told[first + step] for step in range(last + 1)]
    if not kept[-1]:
        return None, None
    if first == 0:
        kept = list(map(_from_one, kept))
    return first, "\n".join(f"Step {n}: {check}" for n, check in enumerate(kept, 1) if check)


def _counts_from(numbers: set[int], first_error: int, n_steps: int) -> int | None:
    """0 or 1, from which a text counts that speaks of these steps; None where it can't be told."""
    if 0 in numbers:
        return 0
    if not numbers or n_steps in numbers:
        return 1
    if first_error != NO_ERROR and (first_error in numbers) != (first_error + 1 in numbers):
        return int(first_error + 1 in numbers)
    return None


def _from_one(words: str) -> str:
    """A text that counts steps from 0, counting from 1."""
    return _NUMBERED.sub(
        lambda found: _NUMBER.sub(lambda number: str(int(number[0]) + 1), found[0]), words
    )
