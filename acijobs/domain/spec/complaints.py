"""Tells what is wrong with a request, in words that name what would be right."""

from __future__ import annotations

import difflib
import functools
import itertools
from typing import TYPE_CHECKING, Any, get_args, get_origin

from acijobs.domain.errors import Violation
from acijobs.domain.spec.model import SpecModel, pointer
from acijobs.domain.spec.stored import shape_of

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


_MOST = 100
"""Most violations that are told: a body may have tens of thousands."""


def violations_of(error: ValidationError, model: type[SpecModel]) -> tuple[Violation, ...]:
    """Return every wrong field that the validation of this model found; of many, the first ones."""
    found = (
        _violation(detail, model, of)
        for detail in error.errors(include_url=False)
        for of in detail.get("ctx", {}).get("of", [()])
    )
    return tuple(itertools.islice(found, _MOST))


def _violation(error: ErrorDetails, model: type[SpecModel], of: str | tuple[str, ...]) -> Violation:
    # pydantic marks a wrong key, rather than its value, with a last element `[key]`; a rule on the
    # members of an object together names those that break it.
    path = [str(part) for part in error["loc"] if part != "[key]"]
    within = (of,) if isinstance(of, str) else of
    return Violation(pointer=pointer(*path, *within), detail=_plain_words(error, path, model))


def _plain_words(  # noqa: PLR0911 - one per type
    error: ErrorDetails, path: list[str], model: type[SpecModel]
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
        case "bool_type":
            return f"must be true or false, not {_json_type(error['input'])}"
        case "list_type":
            return f"must be {_list_at(path, model)}, not {_json_type(error['input'])}"
        case "dict_type" | "model_type":
            return f"must be an object, not {_json_type(error['input'])}"
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
        case _:
            return _of_length(error)


def _of_length(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "too_long":
            return f"must have at most {context['max_length']} entries"
        case "too_short":
            least = context["min_length"]
            return f"must have at least {least} {'entry' if least == 1 else 'entries'}"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case "string_too_short":
            return "must not be empty"
        case _:
            return error["msg"].replace("Input should be", "must be", 1)


def _unknown_field(path: list[str], model: type[SpecModel]) -> str:
    owner = _shape_at(path[:-1], model)
    known = [owner.wire_name(name) for name in _public_fields(owner)]
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(path[-1].lower().replace("_", ""), lowered, n=1)
    hint = f"did you mean '{lowered[near[0]]}'?" if near else f"known are {', '.join(known)}"
    if not known:
        return "is not a field here, where none is known"
    return f"is not a field {'of a job' if owner is model else 'here'}; {hint}"


@functools.lru_cache(maxsize=64)
def _public_fields(model: type[SpecModel]) -> list[str]:
    shown = model.model_json_schema()["properties"] if model.model_fields else {}
    return [name for name in model.model_fields if model.wire_name(name) in shown]


def _list_at(path: list[str], model: type[SpecModel]) -> str:
    shape = _shape_at(path, model)
    item = shape_of(get_args(shape)[0]) if get_origin(shape) is list else str
    if isinstance(item, type) and issubclass(item, SpecModel):
        return "a list of objects"
    return "a list of whole numbers" if item is int else "a list of strings"


def _shape_at(path: list[str], model: type[SpecModel]) -> Any:
    """Return what the model has at a path of wire names, list indexes and names in maps."""
    shape: Any = model
    for part in path:
        if get_origin(shape) in {list, dict}:
            shape = shape_of(get_args(shape)[-1])
            continue
        fields = shape.model_fields.items()
        shape = shape_of(next(f.annotation for n, f in fields if part in {n, f.alias}))
    return shape


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
