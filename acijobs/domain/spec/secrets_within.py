"""Finds and replaces the secrets in any part of a specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acijobs.domain.spec.model import SpecModel, pointer
from acijobs.domain.spec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acijobs.domain.spec.model import M


def secrets_of(part: SpecModel) -> dict[str, Secret]:
    """Return every secret in it, by JSON pointer."""
    return {pointer(*path): secret for path, secret in _found(part, ())}


def with_secrets(part: M, change: Callable[[str, Secret], Secret]) -> M:
    """Return a copy with every secret in it replaced.

    Args:
        part: A specification, or a part of one.
        change: Returns what takes the place of the secret at a JSON pointer.
    """
    replaced: M = _replaced(part, change, ())
    return replaced


def _parts(value: Any) -> list[tuple[str | int, str | int, Any]]:
    """Return what is within a value: its key there, its name in JSON, and itself."""
    if isinstance(value, SpecModel):
        named = type(value)
        return [(name, named.wire_name(name), part) for name, part in value]
    if isinstance(value, dict):
        return [(name, name, part) for name, part in value.items()]
    return [(at, at, part) for at, part in enumerate(value)] if isinstance(value, list) else []


def _found(
    value: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Secret]]:
    if isinstance(value, Secret):
        yield path, value
        return
    for _, name, part in _parts(value):
        yield from _found(part, (*path, name))


def _replaced(
    value: Any, change: Callable[[str, Secret], Secret], path: tuple[str | int, ...]
) -> Any:
    if isinstance(value, Secret):
        return change(pointer(*path), value)
    parts: dict[Any, Any] = {
        key: _replaced(part, change, (*path, name)) for key, name, part in _parts(value)
    }
    if isinstance(value, SpecModel):
        return value.model_copy(update=parts)
    if isinstance(value, dict):
        return parts
    return list(parts.values()) if isinstance(value, list) else value
