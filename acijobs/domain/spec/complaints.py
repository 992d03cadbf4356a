"""Tells what is wrong with a request, in words that name what would be right."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from acijobs.domain.errors import Violation

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails


def violations_of(error: ValidationError, model: type[BaseModel]) -> tuple[Violation, ...]:
    """Return every wrong field that the validation of this model found."""
    return tuple(
        _violation(detail, model, of)
        for detail in error.errors(include_url=False)
        for of in detail.get("ctx", {}).get("of", [None])
    )


def _violation(error: ErrorDetails, model: type[BaseModel], of: str | None) -> Violation:
    # pydantic marks a wrong key, rather than its value, with a last element `[key]`; a rule on the
    # members of an object together names those that break it.
    path = [str(part) for part in error["loc"] if part != "[key]"] + ([] if of is None else [of])
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in path)
    return Violation(pointer="#/" + "/".join(escaped), detail=_plain_words(error, path, model))


def _plain_words(  # noqa: PLR0911 - one per type
    error: ErrorDetails, path: list[str], model: type[BaseModel]
) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return _unknown_field(path, model)
        case "string_type":
            return f"must be a string, not {_json_type(error['input'])}"
        case "int_type" | "int_from_float":
            value = error["input"]
            shown = repr(value) if isinstance(value, float) else _json_type(value)
            return f"must be a whole number, not {shown}"
        case "float_type":
            return f"must be a number, not {_json_type(error['input'])}"
        case "list_type":
            return f"must be a list of strings, not {_json_type(error['input'])}"
        case "dict_type" | "model_type":
            return f"must be an object, not {_json_type(error['input'])}"
        case "too_long":
            return f"must have at most {error['ctx']['max_length']} entries"
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
        case _:
            message = error["msg"]
            return message.replace("Input should be", "must be", 1)


def _unknown_field(path: list[str], model: type[BaseModel]) -> str:
    for part in path[:-1]:
        inner = next((f for n, f in model.model_fields.items() if part in {n, f.alias}), None)
        if inner is not None and isinstance(inner.annotation, type):
            model = inner.annotation
    known = [field.alias or name for name, field in model.model_fields.items()]
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(path[-1].lower().replace("_", ""), lowered, n=1)
    hint = f"did you mean '{lowered[near[0]]}'?" if near else f"known are {', '.join(known)}"
    return f"is not a field of a job; {hint}"


def _json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
