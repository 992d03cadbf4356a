"""Reads what an older or newer release wrote into a history."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def read(kind: type[T], data: dict[str, Any]) -> T:
    """Return the value that this JSON data describes, whatever else it may hold.

    During a rolling deployment an activity of the next release may answer an orchestrator of this
    one: fields it added are left out rather than failing the job.
    """
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in data.items() if name in known})
