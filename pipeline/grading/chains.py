"""Queries in what a model wrote: what can be run after each piece of SQL.

Reward-SQL (Zhang et al. 2025, arXiv 2505.04671) writes a query as a chain of common table expressions, one a
step: `WITH a AS (…),` then `b AS (…)` and at last `SELECT … FROM b`. After a step that ends within the chain,
its last table is looked at, as the authors do. A step may also be a query of its own. Of a query that goes
on in the next step nothing is run before its end.

Nothing is run here. Time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from pipeline.grading.programs import fenced

SQL = ("sql", "duckdb", "sqlite", "mysql", "postgres", "postgresql")
MAX_CHARS = 50_000
"""Of the SQL of one solution; more is not read."""
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "FROM"})
_CHANGES = frozenset(
    ["ALTER", "CREATE", "DECLARE", "DELETE", "DROP", "INSERT", "MERGE", "REPLACE", "SET", "UPDATE"]
)
"""What begins a statement that may change what those after it find. It isn't run."""
_TOKEN = re.compile(
    r"(?P<blank>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<text>'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|`[^`]*(?:`|\Z))"
    r"|(?P<word>\w+)|(?P<mark>.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """A word, a mark, or a text in quotes, at depth 0; a group in parentheses is one token, `(`. Words are
    in upper case. `open`: a group that is not closed."""

    value: str
    start: int
    end: int
    open: bool = False


class Piece(NamedTuple):
    """SQL in a step: characters start..end of it, of the text's block number `block`."""

    step: int
    start: int
    end: int
    sql: str
    block: int


class Query(NamedTuple):
    """What to run. `whole`: the text ends it; else it looks at the last table of a chain that goes on.
    `sure`: that is what the text means, so that an error is the text's own. `changed`: a statement before it
    may have changed what it finds."""

    sql: str
    whole: bool
    sure: bool = True
    changed: bool = False

    def counts(self, dialect: str) -> bool:
        """Whether it counts against the text that it fails, or finds something else. In brackets stand names
        in T-SQL, and lists in DuckDB."""
        marks = (match["mark"] for match in _TOKEN.finditer(self.sql))
        return not self.changed and (dialect == "duckdb" or "[" not in marks)


def is_query(text: str) -> bool:
    """Whether a gold answer is a query and no value: it begins with SELECT or WITH, and more follows."""
    words = [token.value for token in islice(_scan(text[:MAX_CHARS]), 2)]
    return len(words) > 1 and words[0] in ("SELECT", "WITH")


def is_ordered(sql: str) -> bool:
    """Whether the query's own rows are ordered, not only those of a query inside it."""
    words = [token.value for token in _tokens(sql)]
    return ("ORDER", "BY") in pairwise(words)


def pieces_of(steps: Sequence[str]) -> list[Piece]:
    """The SQL of each step: what stands in ```sql blocks, which may go over several steps; all of it, where
    there are none and the text begins with SELECT or WITH."""
    text = "".join(steps)
    spans = [(block.start, block.end) for block in fenced(text, SQL)]
    if not spans and is_query(text):
        spans = [(0, len(text))]
    if sum(end - start for start, end in spans) > MAX_CHARS:
        return []
    pieces, at, todo = [], 0, 0
    for index, step in enumerate(steps):
        while todo < len(spans) and spans[todo][0] < at + len(step):
            start, end = max(spans[todo][0], at), min(spans[todo][1], at + len(step))
            if _tokens(text[start:end]):
                pieces.append(Piece(index, start - at, end - at, text[start:end], todo))
            if spans[todo][1] > at + len(step):
                break
            todo += 1
        at += len(step)
    return pieces


def queries_of(pieces: Sequence[Piece]) -> list[Query | None]:
    """What can be run after each piece; None where it is no query, or none that has an end."""
    found: list[Query | None] = []
    chain, inside, before = "", False, -1  # what goes on, whether in parentheses, and its block
    changed = False
    blocks = [*(piece.block for piece in pieces[1:]), -1]
    for piece, following in zip(pieces, blocks, strict=False):
        begins = _tokens(piece.sql)[0].value
        again = bool(chain) and not inside and begins == "WITH"
        if chain and piece.block == before:
            text = chain + piece.sql
        elif chain and not again:
            comma = "" if inside or begins in (*_QUERIES, "(", ",") else ","
            text = f"{chain.rstrip().removesuffix(',')}{comma}\n{piece.sql}"
        elif begins in (*_QUERIES, "("):
            text = piece.sql
        elif _is_table(_tokens(piece.sql)):
            text = f"WITH {piece.sql}"
        else:
            changed |= _changes(piece.sql)
            found.append(None)
            continue
        before = piece.block
        changed |= _changes(text)
        query, chain, inside = _read(text, goes_on=following == piece.block)
        found.append(query._replace(sure=not again, changed=changed) if query else None)
    return found


def final_query(text: str) -> Query | None:
    """The query that a solution ends with; None where it has none."""
    queries = queries_of(pieces_of([text]))
    last = queries[-1] if queries else None
    return last if last is not None and last.whole else None


def _changes(sql: str) -> bool:
    """Whether one of its statements is of those that change something."""
    values = [";", *(token.value for token in _tokens(sql))]
    return any(end == ";" and begin in _CHANGES for end, begin in pairwise(values))


def _read(text: str, goes_on: bool) -> tuple[Query | None, str, bool]:
    """What to run of a text, what of it goes on in the next piece, and whether that is in parentheses.
    `goes_on`: the next piece is of the same block."""
    tokens = _tokens(text)
    ends = [i for i, token in enumerate(tokens) if token.value == ";"]
    ended = bool(ends) and ends[-1] == len(tokens) - 1
    if ended:  # of several statements the last one counts
        tokens = tokens[: ends.pop()]
    if ends:
        tokens = tokens[ends[-1] + 1 :]
    if not tokens:
        return None, "", False
    if any(token.open for token in tokens):
        return None, text, True
    start = tokens[0].start
    table, rest = _last_table(tokens) if tokens[0].value == "WITH" else (None, 0)
    if table is None or rest < len(tokens):
        if goes_on and not ended:
            return None, text[start:], False
        return Query(text[start : tokens[-1].end], whole=True), "", False
    last = tokens[-2] if tokens[-1].value == "," else tokens[-1]
    return (
        Query(f"{text[start : last.end]}\nSELECT * FROM {table}", whole=False),
        text[start:],
        False,
    )


def _last_table(tokens: Sequence[Token]) -> tuple[str | None, int]:
    """Name of the last table of a WITH, and the place of the first token after its tables."""
    at, name = 1, None
    if at < len(tokens) and tokens[at].value == "RECURSIVE":
        at += 1
    while _is_table(tokens[at:]):
        name = tokens[at].value
        while tokens[at].value != "AS":
            at += 1
        while tokens[at].value != "(":
            at += 1
        at += 1
        if at < len(tokens) and tokens[at].value == ",":
            at += 1
            continue
        break
    return name, at


def _is_table(tokens: Sequence[Token]) -> bool:
    """Whether they begin as `name AS (…)`, with what may stand between."""
    words = [token.value for token in tokens[:6]]
    if len(words) > 1 and words[1] == "(":
        del words[1]
    if words[1:2] != ["AS"]:
        return False
    rest = [word for word in words[2:] if word not in ("NOT", "MATERIALIZED")]
    return rest[:1] == ["("]


def _tokens(sql: str) -> list[Token]:
    return list(_scan(sql))


def _scan(sql: str) -> Iterator[Token]:
    depth, began = 0, 0
    for match in _TOKEN.finditer(sql):
        mark = match["mark"]
        if mark == "(":
            began = match.start() if depth == 0 else began
            depth += 1
        elif mark == ")":
            depth -= 1
            if depth == 0:
                yield Token("(", began, match.end())
            depth = max(depth, 0)
        elif depth == 0 and match["blank"] is None:
            value = match["word"].upper() if match["word"] else match[0]
            cut = match["text"] is not None and (len(value) < 2 or value[0] != value[-1])
            yield Token(value, match.start(), match.end(), open=cut)
    if depth > 0:
        yield Token("(", began, len(sql), open=True)
