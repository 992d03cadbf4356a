"""The constraints of route parameters, such as `int` and `range(1,5)`.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_INT32, _INT64 = 2**31, 2**63


def constraint(name: str, argument: str | None) -> Callable[[str], bool]:
    """Return the test that a constraint makes on a parameter's text.

    Args:
        name: Without regard to case.
        argument: What stands in parentheses; None without any.

    Raises:
        ValueError: there is no such constraint, or not with this argument.
    """
    try:
        if argument is None:
            return _PLAIN[name.casefold()]
        return _WITH_ARGUMENT[name.casefold()](argument)
    except (KeyError, ValueError, re.error):
        shown = name if argument is None else f"{name}({argument})"
        raise ValueError(f"the constraint {shown!r} does not exist") from None


def _is_whole(text: str, limit: int) -> bool:
    return re.fullmatch(r"[+-]?\d+", text) is not None and -limit <= int(text) < limit


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _length(argument: str) -> Callable[[str], bool]:
    low, _, high = argument.partition(",")
    least, most = int(low), int(high or low)
    return lambda text: least <= len(text) <= most


def _range(argument: str) -> Callable[[str], bool]:
    least, most = (int(part) for part in argument.split(","))
    return lambda text: _is_whole(text, _INT64) and least <= int(text) <= most


def _min_length(argument: str) -> Callable[[str], bool]:
    least = int(argument)
    return lambda text: len(text) >= least


def _max_length(argument: str) -> Callable[[str], bool]:
    most = int(argument)
    return lambda text: len(text) <= most


def _min(argument: str) -> Callable[[str], bool]:
    least = int(argument)
    return lambda text: _is_whole(text, _INT64) and int(text) >= least


def _max(argument: str) -> Callable[[str], bool]:
    most = int(argument)
    return lambda text: _is_whole(text, _INT64) and int(text) <= most


def _regex(argument: str) -> Callable[[str], bool]:
    unescaped = argument.replace("{{", "{").replace("}}", "}").replace("[[", "[").replace("]]", "]")
    pattern = re.compile(unescaped, re.IGNORECASE)
    return lambda text: pattern.search(text) is not None


_PLAIN: dict[str, Callable[[str], bool]] = {
    "int": lambda text: _is_whole(text, _INT32),
    "long": lambda text: _is_whole(text, _INT64),
    "bool": lambda text: text.casefold() in {"true", "false"},
    "guid": _is_guid,
    "datetime": _is_datetime,
    "decimal": _is_number,
    "double": _is_number,
    "float": _is_number,
    "alpha": lambda text: re.fullmatch(r"[A-Za-z]*", text) is not None,
    "required": lambda text: text.strip() != "",
    "file": lambda text: "." in text.rsplit("/", 1)[-1].rstrip("."),
    "nonfile": lambda text: "." not in text.rsplit("/", 1)[-1].rstrip("."),
}
_WITH_ARGUMENT: dict[str, Callable[[str], Callable[[str], bool]]] = {
    "length": _length,
    "minlength": _min_length,
    "maxlength": _max_length,
    "min": _min,
    "max": _max,
    "range": _range,
    "regex": _regex,
}
