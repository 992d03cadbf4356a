"""What all parts of a specification have in common."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

M = TypeVar("M", bound="SpecModel")

_GROUP_NAME = re.compile(r"\(\?P<\w+>")


class SpecModel(BaseModel):
    """A part of a specification: frozen, strict about types, with camelCase names in JSON."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @classmethod
    def wire_name(cls, name: str) -> str:
        """Return the name of a field in JSON."""
        return cls.model_fields[name].alias or name


def pointer(*path: str | int) -> str:
    """Return the JSON pointer, in a URI fragment, of what is at this path of a request."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "#/" + "/".join(escaped) if path else "#"


def told_to_have(*choices: tuple[str, ...]) -> ConfigDict:
    """Return what the API's description says of an object: that it has exactly one of these."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": list(names)} for names in choices]})


def told_as(pattern: re.Pattern[str], *, most_chars: int | None = None) -> WithJsonSchema:
    """Return what the API's description says of a text: the pattern, as JSON Schema writes it."""
    written = f"^(?:{_GROUP_NAME.sub('(?:', pattern.pattern)})$"
    bound = {} if most_chars is None else {"maxLength": most_chars}
    return WithJsonSchema({"type": "string", "pattern": written} | bound)
