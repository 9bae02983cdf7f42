"""Frozen dataclasses as rows of Arrow tables, and back.

`to_row` and `from_row` turn a record into the plain dict that `pyarrow.Table.from_pylist(rows,
schema=X.SCHEMA)` and `table.to_pylist()` speak; `to_table` and `from_batch` do it a column at a time.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from itertools import islice, repeat
from types import UnionType
from typing import Any, ClassVar, Self, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc

RowT = TypeVar("RowT")

Convert = Callable[[Any], Any]


@cache
def _decoder(kind: Any) -> Convert | None:
    """From what Arrow gives to a field of this type; None where it is the same, as of most of a row."""
    kind = _without_none(kind)
    if get_origin(kind) is tuple:
        each = _decoder(get_args(kind)[0])
        return tuple if each is None else lambda values: tuple(map(each, values))
    if isinstance(kind, type) and issubclass(kind, Record):
        return kind.from_row
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    return None


@cache
def _encoder(kind: Any) -> Convert | None:
    """From a field of this type to what Arrow takes; None where it is the same."""
    kind = _without_none(kind)
    if get_origin(kind) is tuple:
        each = _encoder(get_args(kind)[0])
        return None if each is None else lambda values: list(map(each, values))
    if isinstance(kind, type) and issubclass(kind, Record):
        return kind.to_row
    return None


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return next(arg for arg in get_args(kind) if arg is not type(None))
    return kind


Fields = tuple[tuple[str, Convert | None, Convert | None], ...]
"""(name, decoder, encoder) of each."""
_FIELDS: dict[type, Fields] = {}


def _fields(cls: type) -> Fields:
    """Resolving the annotations of a class takes longer than building a row of it."""
    if cls not in _FIELDS:
        kinds = _kinds(cls).items()
        _FIELDS[cls] = tuple((name, _decoder(kind), _encoder(kind)) for name, kind in kinds)
    return _FIELDS[cls]


_KINDS: dict[type, Mapping[str, Any]] = {}


def _kinds(cls: type) -> Mapping[str, Any]:
    """The type of each field."""
    if cls not in _KINDS:
        hints = get_type_hints(cls)
        _KINDS[cls] = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    return _KINDS[cls]


def _default(cls: type, name: str) -> Iterator[Any]:
    """Of a field that a file of an older version lacks. Raises TypeError where it has none."""
    (found,) = (field for field in dataclasses.fields(cls) if field.name == name)
    if found.default is not dataclasses.MISSING:
        return repeat(found.default)
    if found.default_factory is dataclasses.MISSING:
        raise TypeError(f"no column {name}")
    return repeat(found.default_factory())


def _decoded(values: pa.Array, kind: Any) -> Sequence[Any]:
    """A column as a field of this type has it; records are decoded a column at a time too."""
    kind = _without_none(kind)
    each = get_args(kind)[0] if get_origin(kind) is tuple else None
    if each is not None and _is_record(each) and pa.types.is_list(values.type):
        inner = values.flatten()
        if inner.null_count == 0:
            rows = each.from_batch(pa.RecordBatch.from_struct_array(inner))
            lengths = pc.list_value_length(values).to_pylist()
            return [None if n is None else tuple(islice(rows, n)) for n in lengths]
    if _is_record(kind) and pa.types.is_struct(values.type) and values.null_count == 0:
        return list(kind.from_batch(pa.RecordBatch.from_struct_array(values)))
    decode, plain = _decoder(kind), values.to_pylist()
    if decode is None:
        return list(plain)
    return [None if value is None else decode(value) for value in plain]


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def rows_of(cls: type[RowT], count: int, fields: Mapping[str, Iterable[Any]]) -> list[RowT]:
    """So many objects of a frozen dataclass with these fields set, a field at a time."""
    made: list[RowT] = [object.__new__(cls) for _ in range(count)]
    for name, values in fields.items():
        deque(map(object.__setattr__, made, repeat(name), values), maxlen=0)
    return made


class Record:
    """A frozen dataclass that goes to an Arrow row and back."""

    __slots__ = ()
    SCHEMA: ClassVar[pa.Schema]

    def to_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, _, encode in _fields(type(self)):
            value = getattr(self, name)
            row[name] = value if encode is None or value is None else encode(value)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Build from a row; unknown columns are ignored so that newer files stay readable."""
        fields: dict[str, Any] = {}
        for name, decode, _ in _fields(cls):
            if name in row:
                value = row[name]
                fields[name] = value if decode is None or value is None else decode(value)
        return cls(**fields)

    @classmethod
    def from_batch(
        cls, batch: pa.RecordBatch, columns: Collection[str] | None = None
    ) -> Iterator[Self]:
        """`from_row` of each row, a column at a time: faster. Of `columns` alone, where they are
        named: another field is not set, and to ask for it is an AttributeError, not a default.
        """
        found = {}
        for name, kind in _kinds(cls).items():
            if columns is None or name in columns:
                at = batch.schema.get_field_index(name)
                found[name] = _default(cls, name) if at < 0 else _decoded(batch.column(at), kind)
        return iter(rows_of(cls, batch.num_rows, found))

    @classmethod
    def column(cls, batch: pa.RecordBatch, name: str) -> pa.Array:
        """A column as `SCHEMA` has it, also of rows of an older version."""
        at, wanted = batch.schema.get_field_index(name), cls.SCHEMA.field(name).type
        if at >= 0 and batch.column(at).type.equals(wanted):
            return batch.column(at)
        encode = _encoder(_kinds(cls)[name])
        values = [getattr(row, name) for row in cls.from_batch(batch, {name})]
        if encode is not None:
            values = [None if value is None else encode(value) for value in values]
        return pa.array(values, wanted)

    @classmethod
    def struct(cls) -> pa.StructType:
        return pa.struct(list(cls.SCHEMA))


def to_table(rows: Sequence[Record], kind: type[Record]) -> pa.Table:
    """Rows of one record type as an Arrow table with that type's schema."""
    columns: dict[str, list[Any]] = {}
    for name, _, encode in _fields(kind):
        values = [getattr(row, name) for row in rows]
        if encode is not None:
            values = [None if value is None else encode(value) for value in values]
        columns[name] = values
    return pa.Table.from_pydict(columns, schema=kind.SCHEMA)
