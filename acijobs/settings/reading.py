"""Reads the settings of a concern, and tells an operator what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.public_text import public_text
from acijobs.settings.concern import Concern, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

_C = TypeVar("_C", bound=Concern)


def read(concern: type[_C], environment: Mapping[str, str]) -> _C:
    """Return the settings of this concern; an empty setting is one that is not set.

    Raises:
        InvalidSettingsError: settings are missing or wrong; every one of them is named.
    """
    try:
        return concern.model_validate(_given(concern, environment))
    except ValidationError as error:
        problems = tuple(_problem(concern, detail) for detail in _details(error))
    # Raised out here, so that pydantic's error, which holds the values, is not its context.
    raise InvalidSettingsError(tuple(dict.fromkeys(problems)))


def read_usable(concern: type[_C], environment: Mapping[str, str]) -> _C:
    """Return the settings of this concern, with the default in the place of each wrong one.

    For jobs that run already. Each setting of the concern must have a default.
    """
    given = _given(concern, environment)
    if not given:
        return concern()
    try:
        return concern.model_validate(given)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in _details(error) if detail["loc"]} or set(given)
    return read_usable(concern, {name: given[name] for name in given if name not in wrong})


def check(concerns: Iterable[type[Concern]], environment: Mapping[str, str]) -> None:
    """Check the settings of all these concerns.

    Raises:
        InvalidSettingsError: settings are missing or wrong; every one of them is named, once.
    """
    problems = [text for concern in concerns for text in _problems(concern, environment)]
    if problems:
        raise InvalidSettingsError(tuple(dict.fromkeys(problems)))


def _problems(concern: type[Concern], environment: Mapping[str, str]) -> tuple[str, ...]:
    try:
        read(concern, environment)
    except InvalidSettingsError as error:
        return error.problems
    return ()


def _given(concern: type[Concern], environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the concern's own settings are set to, in the order of its fields."""
    names = [name for field in concern.model_fields.values() for name in names_of(field)]
    return {name: value for name in names if (value := environment.get(name))}


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False)


def _problem(concern: type[Concern], detail: ErrorDetails) -> str:
    if not detail["loc"]:  # about several settings, which the message names itself
        return detail["msg"]
    name = str(detail["loc"][0])
    if (
        name in concern.model_fields
    ):  # a default that was found wrong is told by the field's own name
        name = names_of(concern.model_fields[name])[0]
    field = next(known for known in concern.model_fields.values() if name in names_of(known))
    if detail["type"] == "missing":
        return f"{name} is missing: set it to {field.description}"
    if not field.repr:
        return f"{name} is not {field.description}"
    shown = public_text(repr(detail["input"]))  # it may have been meant for another setting
    if len(detail["loc"]) > 1:
        number = int(detail["loc"][1]) + 1
        return f"{name} has {shown} at number {number}; it must be {field.description}"
    return f"{name} is {shown}, which is not {field.description}"
