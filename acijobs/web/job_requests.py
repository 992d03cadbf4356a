"""Reads job specifications out of requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.domain.spec import MAX_BODY_BYTES, JobSpec, parse

if TYPE_CHECKING:
    from acijobs.settings import Settings


class BodyTooLargeError(Exception):
    """The request body is over `MAX_BODY_BYTES`."""


def read_spec(body: bytes, settings: Settings) -> JobSpec:
    """Return the job that this body asks for; an empty one asks for the operator's default job.

    Raises:
        BodyTooLargeError: the body is too large.
        InvalidSpecError: it is not JSON, or not a job; names every wrong field.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    if not body.strip():
        return parse(_default_job(settings))
    try:
        return parse(json.loads(body))
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidSpecError(
            (Violation(pointer="#", detail=f"the body is not JSON in UTF-8{where}: {error}"),)
        ) from None


def _default_job(settings: Settings) -> dict[str, object]:
    if settings.default_image is None:
        detail = "is required; an empty body starts DefaultImage, and the operator set none"
        raise InvalidSpecError((Violation(pointer="#/image", detail=detail),))
    job: dict[str, object] = {"image": settings.default_image}
    if settings.default_command is not None:
        job["command"] = list(settings.default_command)
    return job
