"""How the admin API reads requests, and what it refuses, in the same shape as ARM."""

from __future__ import annotations

from typing import Any, TypeVar

from aci_emulator.documents import Document, DocumentError, read
from aci_emulator.errors import Refusal

_M = TypeVar("_M", bound=Document)


invalid = Refusal("InvalidAdminRequest", "{problem}")
unknown_group = Refusal("GroupNotFound", "There is no group '{name}'.", 404)
unknown_fault = Refusal("FaultNotFound", "There is no fault rule '{rule_id}'.", 404)


def whole_number(text: str, name: str) -> int:
    """Return a query parameter as a number.

    Raises:
        ArmError: it is none.
    """
    if not (text.isascii() and text.isdecimal()):
        raise invalid(f"{name} must be a whole number")
    return int(text[:18])


def json_object(payload: Any) -> dict[str, Any]:
    """Return a body as an object, empty when there is none.

    Raises:
        ArmError: it is something else.
    """
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise invalid("the body must be a JSON object")
    return payload


def document(model: type[_M], payload: dict[str, Any]) -> _M:
    """Return a body as what it describes.

    Raises:
        ArmError: a field or value that means nothing here.
    """
    try:
        return read(model, payload)
    except DocumentError as problem:
        raise invalid(str(problem)) from problem
