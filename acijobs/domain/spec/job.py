"""The job specification that a user submits, and its rules."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from acijobs.domain import job_id
from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.domain.group import OWN_TAG_PREFIX
from acijobs.domain.spec import image
from acijobs.domain.spec.complaints import violations_of
from acijobs.domain.spec.text import lone_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY_BYTES = 256 * 1024
"""Largest request body. The specification is stored with the job; large inputs belong in a file."""

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TAG_NAME = re.compile(r"[^<>*%&:\\?/+\x00-\x1f]{1,128}")
_AZURES_TAG_PREFIXES = ("azure", "microsoft", "windows")
"""Source: tag-resources, limitations, learn.microsoft.com/azure/azure-resource-manager."""

_SMALLEST_STEPS = {"cpu": Decimal("0.01"), "memoryGb": Decimal("0.1")}
"""Source: Azure's errors, as quoted in virtual-kubelet's ACI provider and farmer#1004."""


def _is_image(value: str) -> str:
    wrong = image.complaint(value)
    if wrong is not None:
        raise PydanticCustomError("image", "{wrong}", {"wrong": wrong})
    return value


def _is_in_steps(field: str) -> Callable[[float], float]:
    step = _SMALLEST_STEPS[field]

    def check(value: float) -> float:
        if Decimal(repr(value)) % step:
            raise PydanticCustomError("step", "must be a multiple of {step}", {"step": str(step)})
        return value

    return check


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
            "is not a variable name: use 1 to 63 letters, digits or '_', with no digit first",
        )
    return value


def _is_tag_name(value: str) -> str:
    if value.lower().startswith(OWN_TAG_PREFIX):
        raise PydanticCustomError(
            "tag_name", "starts with '{own}', which is kept for acijobs", {"own": OWN_TAG_PREFIX}
        )
    for prefix in _AZURES_TAG_PREFIXES:
        if value.lower().startswith(prefix):
            raise PydanticCustomError(
                "tag_name", "starts with '{prefix}', which Azure reserves", {"prefix": prefix}
            )
    if not _TAG_NAME.fullmatch(value):
        raise PydanticCustomError(
            "tag_name", "is not a tag name: use 1 to 128 characters without <>*%&:\\?/+"
        )
    return value


def _has_each_tag_once(value: dict[str, str]) -> dict[str, str]:
    counts = Counter(name.lower() for name in value)
    twice = [name for name in value if counts[name.lower()] > 1]
    if twice:
        raise PydanticCustomError(
            "twice",
            "differs from another tag in letter case only: to Azure it is one",
            {"of": twice},
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


_M = TypeVar("_M", bound=_Model)


class Timeouts(_Model):
    """The deadlines of a job, after which it is ended as TimedOut.

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
        environment: Variables; their values are stored with the job, so no secrets here.
        cpu: Cores requested, above 0 and up to 31, in steps of 0.01.
        memory_gb: GB of memory requested, above 0 and up to 240, in steps of 0.1.
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
    cpu: Annotated[float, Field(gt=0, le=31), AfterValidator(_is_in_steps("cpu"))] = 1.0
    memory_gb: Annotated[float, Field(gt=0, le=240), AfterValidator(_is_in_steps("memoryGb"))] = 1.5
    os: Literal["Linux", "Windows"] = "Linux"
    restart_policy: Literal["Never", "OnFailure"] = "Never"
    tags: Annotated[
        dict[_TagName, Annotated[str, Field(max_length=256)]],
        Field(max_length=40),
        AfterValidator(_has_each_tag_once),
    ] = Field(default_factory=dict)
    timeouts: Timeouts = Field(default_factory=Timeouts)
    id: Annotated[str, AfterValidator(_is_job_id)] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON data in wire names, without fields left at None."""
        return self.model_dump(by_alias=True, exclude_none=True)

    @classmethod
    def stored(cls, data: dict[str, Any]) -> JobSpec:
        """Return a specification that was accepted earlier, perhaps under other rules.

        Only requests are validated: a rule that was tightened since, or a field of another release,
        must not fail a job that was accepted.
        """
        return _construct(cls, data)


def parse(data: object) -> JobSpec:
    """Return the specification that this JSON data describes.

    Raises:
        InvalidSpecError: something is wrong; every wrong field is named.
    """
    if not isinstance(data, dict):
        raise InvalidSpecError(
            (Violation(pointer="#", detail="must be a JSON object describing one job"),)
        )
    if broken := lone_surrogates(data):
        raise InvalidSpecError(broken)
    try:
        return JobSpec.model_validate(data)
    except ValidationError as error:
        raise InvalidSpecError(violations_of(error, JobSpec)) from None


def _construct(kind: type[_M], data: dict[str, Any]) -> _M:
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        value = data.get(field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Model):
            value = _construct(field.annotation, value) if isinstance(value, dict) else None
        if value is not None:
            values[name] = value
    return kind.model_construct(**values)
