"""Translates between the dataclasses that are stored or sent and JSON, strictly out, tolerantly in.

Names are camelCase in JSON. Reading never fails: unknown fields are left out, missing ones take their
defaults, and so does a value of another shape than its field. A history, a row, a tag or a reply may
have been written by an older or a newer release, and no deployment may fail a job in flight for that.
So every field of such a dataclass has a default.
"""

from __future__ import annotations

import functools
import types
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

Json = Any


class _UnreadableError(Exception):
    """The JSON data is not of the field's shape."""


def encode(value: object) -> Json:
    """Return the value as JSON data; None where nothing is known is left out of objects."""
    if is_dataclass(value) and not isinstance(value, type):
        shown = ((to_camel(f.name), getattr(value, f.name)) for f in fields(value))
        return {name: encode(item) for name, item in shown if item is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: Json) -> T:
    """Return the value that this JSON data describes, as far as it can be read."""
    known = data if isinstance(data, dict) else {}
    values: dict[str, Any] = {}
    for name, wire_name, read in _readers(kind):
        if wire_name in known:
            try:
                values[name] = read(known[wire_name])
            except _UnreadableError:
                continue
    return kind(**values)


def changed_only(stored: Json, before: Json, after: Json) -> Json:
    """Return stored JSON data with only that changed that differs between two encoded values.

    What another release wrote and this one cannot read is in neither, and stays as it was stored.

    Args:
        stored: The data as it was stored.
        before: The value that was read from it, encoded.
        after: The value that it becomes, encoded.
    """
    if after == before:
        return stored
    if not (isinstance(stored, dict) and isinstance(before, dict) and isinstance(after, dict)):
        return after
    names = {*stored, *after} - (before.keys() - after.keys())
    return {
        name: changed_only(stored.get(name), before.get(name), after.get(name))
        for name in sorted(names)
    }


def iso(moment: datetime) -> str:
    """Return the moment in ISO 8601, UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_camel(name: str) -> str:
    """Return the wire name of a field."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


@functools.lru_cache(maxsize=256)
def _readers(kind: type[Any]) -> tuple[tuple[str, str, Callable[[Json], Any]], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((f.name, to_camel(f.name), _reader(hints[f.name])) for f in fields(kind))


def _reader(hint: Any) -> Callable[[Json], Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        inner = _reader(next(a for a in arguments if a is not type(None)))
        return lambda data: None if data is None else inner(data)
    if origin is tuple:
        return functools.partial(_read_items, _reader(arguments[0]))
    if origin is dict:
        return functools.partial(_read_entries, _reader(arguments[1]))
    if is_dataclass(hint):
        return lambda data: _read_object(hint, data)
    if issubclass(hint, Enum):
        return functools.partial(_read_enum, hint)
    return functools.partial(_read_plain, hint)


def _read_items(read: Callable[[Json], Any], data: Json) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise _UnreadableError
    return tuple(read(item) for item in data)


def _read_entries(read: Callable[[Json], Any], data: Json) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _UnreadableError
    return {name: read(item) for name, item in data.items()}


def _read_object(kind: Any, data: Json) -> Any:
    if not isinstance(data, dict):
        raise _UnreadableError
    return decode(kind, data)


def _read_enum(kind: type[Enum], data: Json) -> Enum:
    try:
        return kind(data)
    except ValueError:
        raise _UnreadableError from None


def _read_plain(kind: type, data: Json) -> Any:
    if kind is datetime:
        return _read_moment(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return _read_float(data)
    if kind is int and isinstance(data, float) and data.is_integer():
        return int(data)
    if kind is object or (isinstance(data, kind) and (kind is bool or not isinstance(data, bool))):
        return data
    raise _UnreadableError


def _read_float(data: int) -> float:
    try:
        return float(data)
    except OverflowError:
        raise _UnreadableError from None


def _read_moment(data: Json) -> datetime:
    try:
        moment = datetime.fromisoformat(data)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise _UnreadableError from None
