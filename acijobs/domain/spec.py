"""What a user submits: the job specification, and its rules."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from acijobs.domain import job_id
from acijobs.domain.errors import InvalidSpecError, Violation

MAX_BODY_BYTES = 256 * 1024
"""Largest request body. Durable stores the input with the instance; large inputs belong in a file."""

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9_]{1,63}")
_TAG_NAME = re.compile(r"[^<>*%&:\\?/+\x00-\x1f]{1,128}")
_OWN_TAG_PREFIX = "acijobs-"


def _is_image(value: str) -> str:
    if not value.strip() or any(c.isspace() for c in value):
        raise PydanticCustomError(
            "image", "must be an image reference without spaces, like 'alpine:3.20'"
        )
    return value


def _is_command(value: object) -> object:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError:
            words = value.split()
        if not words:
            raise PydanticCustomError("command", "must be a list of strings, not a string")
        raise PydanticCustomError(
            "command",
            "must be a list of strings, because no shell takes it apart: use {shown}",
            {"shown": json.dumps(words, ensure_ascii=False)},
        )
    if isinstance(value, list) and (not value or value[0] == ""):
        raise PydanticCustomError(
            "command", "must name an executable first; leave it out for the image's own entry point"
        )
    return value


def _has_no_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "must not contain a NUL character")
    return value


def _is_environment_name(value: str) -> str:
    if not _ENVIRONMENT_NAME.fullmatch(value):
        raise PydanticCustomError(
            "environment_name",
            "is not a variable name: use 1 to 63 letters, digits or '_'",
        )
    return value


def _is_tag_name(value: str) -> str:
    if value.lower().startswith(_OWN_TAG_PREFIX):
        raise PydanticCustomError(
            "tag_name", "starts with '{own}', which is kept for acijobs", {"own": _OWN_TAG_PREFIX}
        )
    if not _TAG_NAME.fullmatch(value):
        raise PydanticCustomError(
            "tag_name", "is not a tag name: use 1 to 128 characters without <>*%&:\\?/+"
        )
    return value


def _is_job_id(value: str) -> str:
    if not job_id.is_valid(value):
        raise PydanticCustomError(
            "id",
            "must be 1 to {most} lower-case letters, digits and single hyphens, "
            "with no hyphen at either end, like 'nightly-2026-11-23'",
            {"most": job_id.MAX_LENGTH},
        )
    return value


_Text = Annotated[str, AfterValidator(_has_no_nul)]
_EnvironmentName = Annotated[str, AfterValidator(_is_environment_name)]
_TagName = Annotated[str, AfterValidator(_is_tag_name)]


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )


class Timeouts(_Model):
    """How long a job may take before it is ended as TimedOut.

    Attributes:
        provision_seconds: From the submission until the container runs, 1 to 21,600 (6 hours).
        run_seconds: From when the container runs until it has ended, 1 to 1,209,600 (14 days).
    """

    provision_seconds: Annotated[int, Field(ge=1, le=21_600)] = 1_800
    run_seconds: Annotated[int, Field(ge=1, le=1_209_600)] = 86_400


class JobSpec(_Model):
    """One job, validated; in JSON all names are camelCase.

    Attributes:
        image: Image reference, as `docker run` takes it.
        command: Executable and arguments; None runs the image's entry point. No shell is added.
        environment: Variables; their values are stored in the job's history, so no secrets here.
        cpu: Cores requested, above 0 and up to 31.
        memory_gb: GB of memory requested, above 0 and up to 240.
        os: `Linux` or `Windows`.
        restart_policy: `Never`, or `OnFailure` to restart a container that exits non-zero.
        tags: Azure tags put on the container group, besides acijobs' own.
        timeouts: Deadlines.
        id: The client's own id for the job, or None for a new one.

    Source: resource limits per group, learn.microsoft.com/azure/container-instances,
    container-instances-resource-and-quota-limits; api-version 2023-05-01.
    """

    image: Annotated[str, Field(max_length=512), AfterValidator(_is_image)]
    command: Annotated[
        Annotated[list[_Text], Field(max_length=1024)] | None, BeforeValidator(_is_command)
    ] = None
    environment: dict[_EnvironmentName, _Text] = Field(default_factory=dict)
    cpu: Annotated[float, Field(gt=0, le=31)] = 1.0
    memory_gb: Annotated[float, Field(gt=0, le=240)] = 1.5
    os: Literal["Linux", "Windows"] = "Linux"
    restart_policy: Literal["Never", "OnFailure"] = "Never"
    tags: dict[_TagName, Annotated[str, Field(max_length=256)]] = Field(
        default_factory=dict, max_length=40
    )
    timeouts: Timeouts = Field(default_factory=Timeouts)
    id: Annotated[str, AfterValidator(_is_job_id)] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON data in wire names, without fields left at None."""
        return self.model_dump(by_alias=True, exclude_none=True)


def parse(data: object) -> JobSpec:
    """Return the specification that this JSON data describes.

    Raises:
        InvalidSpecError: something is wrong; every wrong field is named.
    """
    if not isinstance(data, dict):
        raise InvalidSpecError(
            (Violation(pointer="#", detail="must be a JSON object describing one job"),)
        )
    try:
        return JobSpec.model_validate(data)
    except ValidationError as error:
        raise InvalidSpecError(
            tuple(_violation(detail) for detail in error.errors(include_url=False))
        ) from None


def _violation(error: ErrorDetails) -> Violation:
    # pydantic marks a wrong key, rather than its value, with a last element `[key]`.
    path = [str(part) for part in error["loc"] if part != "[key]"]
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in path)
    return Violation(pointer="#/" + "/".join(escaped), detail=_plain_words(error, path))


def _plain_words(error: ErrorDetails, path: list[str]) -> str:  # noqa: PLR0911 - one per type
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return _unknown_field(path)
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


def _unknown_field(path: list[str]) -> str:
    model = Timeouts if path[:-1] == ["timeouts"] else JobSpec
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
