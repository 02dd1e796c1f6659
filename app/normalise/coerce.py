"""Converts plain JSON values to a Struct leniently: a field of a wrong type is dropped with a note, the rest is kept.

Whatever ``msgspec`` itself accepts is converted as ``msgspec`` does, so that both readers make the same event.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from app.normalise.fields import plain
from app.normalise.text import MESSAGE, Notes

_DROPPED: Final = object()
Reader = Callable[[Any, str, Notes], Any]


@cache
def reader(shape: type, *, any_case: bool = False, lenient: bool = False) -> Reader:
    """Return the function (value, path, notes) → ``shape`` of one Struct.

    ``any_case`` matches keys in any case; ``lenient`` reads numbers and booleans as text where text is expected.
    """
    return _reader(inspect.type_info(shape), any_case, lenient)


def _reader(info: inspect.Type, any_case: bool, lenient: bool) -> Reader:
    if isinstance(info, inspect.StructType):
        return _struct(info, any_case, lenient)
    if isinstance(info, inspect.ListType):
        return _list(_reader(info.item_type, any_case, lenient))
    if isinstance(info, inspect.UnionType):
        return _union(
            [_reader(part, any_case, lenient) for part in info.types if not isinstance(part, inspect.NoneType)]
        )
    return _lenient_text if lenient and isinstance(info, inspect.StrType) else _ACCEPTS[type(info)]


def _struct(info: inspect.StructType, any_case: bool, lenient: bool) -> Reader:
    fields = [(f.encode_name.lower() if any_case else f.encode_name, f.name, f.encode_name) for f in info.fields]
    readers = {field.name: _reader(field.type, any_case, lenient) for field in info.fields}

    def read(value: Any, path: str, notes: Notes) -> Any:  # noqa: ANN401  any JSON value
        if not isinstance(value, dict):
            return _DROPPED
        keyed = {key.lower(): item for key, item in value.items()} if any_case else value
        values = {}
        for key, name, sent_name in fields:
            if key in keyed:
                item = readers[name](keyed[key], f"{path}.{sent_name}" if path else sent_name, notes)
                if item is not _DROPPED:
                    values[name] = item
                else:
                    notes.add(f"{path}.{sent_name} dropped: wrong type".lstrip("."))
        return info.cls(**values)

    return read


def _list(item_reader: Reader) -> Reader:
    def read(value: Any, path: str, notes: Notes) -> Any:  # noqa: ANN401  any JSON value
        if not isinstance(value, list):
            return _DROPPED
        kept = []
        for item in value:
            read_item = item_reader(item, f"{path}[]", notes)
            if read_item is _DROPPED:
                notes.add(f"{path}[] dropped: wrong type")
            else:
                kept.append(read_item)
        return kept

    return read


def _union(readers: list[Reader]) -> Reader:
    """Return the reader of a field of several shapes, or null: they are tried in order."""

    def read(value: Any, path: str, notes: Notes) -> Any:  # noqa: ANN401  any JSON value
        if value is None:
            return None
        for shape_reader in readers:
            item = shape_reader(value, path, notes)
            if item is not _DROPPED:
                return item
        return _DROPPED

    return read


def _integer(value: Any, _path: str, _notes: Notes) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, bool):
        return _DROPPED
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    digits = value.strip() if isinstance(value, str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else _DROPPED  # noqa: PLR2004  64 bits


def _text(value: Any, _path: str, _notes: Notes) -> Any:  # noqa: ANN401  any JSON value
    return value if isinstance(value, str) else _DROPPED


def _lenient_text(value: Any, _path: str, _notes: Notes) -> Any:  # noqa: ANN401  any JSON value
    return plain(value, MESSAGE) if isinstance(value, str | bool | int | float) else _DROPPED


def _truth(value: Any, _path: str, _notes: Notes) -> Any:  # noqa: ANN401  any JSON value
    return value if isinstance(value, bool) else _DROPPED


def _anything(value: Any, _path: str, _notes: Notes) -> Any:  # noqa: ANN401  any JSON value
    return value


_ACCEPTS: Final[dict[type[inspect.Type], Reader]] = {
    inspect.StrType: _text,
    inspect.IntType: _integer,
    inspect.BoolType: _truth,
    inspect.AnyType: _anything,
    inspect.RawType: _anything,
}


def convert(
    value: dict[str, Any], shape: type[msgspec.Struct], notes: Notes, *, any_case: bool = False, lenient: bool = False
) -> Any:  # noqa: ANN401  the shape's instance
    """Return ``shape`` of a JSON object, as ``reader`` converts it; never raise."""
    return reader(shape, any_case=any_case, lenient=lenient)(value, "", notes)
