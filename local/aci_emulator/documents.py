"""What users write, as TOML or JSON: read into models, with every wrong field named at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Number = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]

_M = TypeVar("_M", bound="Document")


class DocumentError(Exception):
    """A document makes no sense; the text names every wrong field and says what it should be."""


class Document(BaseModel):
    """Something a user wrote: frozen, with no field but the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **changes: Any) -> Self:
        """Return it with other values; a table is laid over the present one.

        Raises:
            DocumentError: a field or value that means nothing here.
        """
        values = dict(self)
        for name, value in changes.items():
            present = values.get(name)
            if isinstance(present, Document) and isinstance(value, Mapping):
                values[name] = {**dict(present), **value}
            else:
                values[name] = value
        return read(type(self), values)


def read(model: type[_M], written: Mapping[str, Any]) -> _M:
    """Return what a table or object describes.

    Raises:
        DocumentError: a field or value that means nothing here.
    """
    try:
        return model.model_validate(written)
    except ValidationError as problem:
        raise DocumentError(complaints(problem)) from problem


def complaints(problem: ValidationError) -> str:
    """Return every wrong field with what is wrong about it, as one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc'])}: {_plain(error['type'], error['msg'])}"
        for error in problem.errors(include_url=False)
    )


def _plain(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def none_if_false(value: Any) -> Any:
    """Return None for `false`: TOML has no null."""
    return None if value is False else value


OptionalNumber = Annotated[Number | None, BeforeValidator(none_if_false)]
OptionalWhole = Annotated[Whole | None, BeforeValidator(none_if_false)]
