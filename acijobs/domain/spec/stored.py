"""Reads what was accepted earlier, perhaps under other rules, as far as it can be read."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from acijobs.domain.spec.model import M, SpecModel

_NOTHING = object()
_EMPTY: dict[object, object] = {str: "", int: 0, float: 0.0, bool: False}
"""What stands for a value that is required now and was not stored: Azure is left to refuse it."""


def construct(kind: type[M], data: dict[str, Any]) -> M:
    """Return the part of a specification that this data describes; nothing is checked.

    What is of another shape than its field, and what no field is for, is left out.
    """
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        value = _read(field.annotation, data.get(field.alias or name))
        if value is _NOTHING and field.is_required():
            value = _empty(field.annotation)
        if value is not _NOTHING:
            values[name] = value
    return kind.model_construct(**values)


def shape_of(annotation: Any) -> Any:
    """Return an annotation without its rules, and without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return shape_of(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return shape_of(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation


def _read(annotation: Any, data: Any) -> Any:
    if data is None:
        return _NOTHING
    shape = shape_of(annotation)
    origin = get_origin(shape)
    if origin is list:
        return _items(get_args(shape)[0], data) if isinstance(data, list) else _NOTHING
    if origin is dict:
        return _entries(get_args(shape)[1], data) if isinstance(data, dict) else _NOTHING
    if isinstance(shape, type) and issubclass(shape, SpecModel):
        return construct(shape, data) if isinstance(data, dict) else _NOTHING
    return data


def _items(annotation: Any, data: list[Any]) -> list[Any]:
    read = (_read(annotation, item) for item in data)
    return [item for item in read if item is not _NOTHING]


def _entries(annotation: Any, data: dict[str, Any]) -> dict[str, Any]:
    read = ((name, _read(annotation, value)) for name, value in data.items())
    return {name: value for name, value in read if value is not _NOTHING}


def _empty(annotation: Any) -> Any:
    shape = shape_of(annotation)
    if get_origin(shape) in {list, dict}:
        return get_origin(shape)()
    if get_origin(shape) is Literal:
        return get_args(shape)[0]
    if isinstance(shape, type) and issubclass(shape, SpecModel):
        return construct(shape, {})
    return _EMPTY.get(shape, _NOTHING)
