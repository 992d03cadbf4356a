"""Reads job specifications out of requests."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acijobs.domain.errors import BodyTooLargeError, InvalidSpecError, Violation
from acijobs.domain.spec.job import MAX_BODY_BYTES, JobSpec, parse

if TYPE_CHECKING:
    from acijobs.settings.jobs import DefaultJobSettings

_DIGEST_VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The job that a request asks for.

    Attributes:
        spec: The job, validated.
        sent: The JSON data that was sent.
    """

    spec: JobSpec
    sent: dict[str, Any]

    def digest(self, key: bytes) -> str:
        """Return the keyed digest of what was sent, its id apart.

        Of what was sent, so that another release's defaults do not make another job of it; keyed, so
        that whoever reads the digest cannot try out what was sent.
        """
        told = {name: value for name, value in self.sent.items() if name != "id"}
        text = json.dumps(_canonical(told), sort_keys=True, separators=(",", ":"))
        digest = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"{_DIGEST_VERSION}:{digest}"


def read_submission(body: bytes, default: DefaultJobSettings) -> Submission:
    """Return the job that this body asks for; an empty one asks for the operator's default job.

    Raises:
        BodyTooLargeError: the body is too large.
        InvalidSpecError: it is not JSON, or not a job; names every wrong field.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    sent = _json(body) if body.strip() else _default_job(default)
    return Submission(spec=parse(sent), sent=sent)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidSpecError(
            (Violation(pointer="#", detail=f"the body is not JSON in UTF-8{where}: {error}"),)
        ) from None


def _default_job(default: DefaultJobSettings) -> dict[str, object]:
    if default.image is None:
        detail = "is required; an empty body starts DefaultImage, and the operator set none"
        raise InvalidSpecError((Violation(pointer="#/image", detail=detail),))
    job: dict[str, object] = {"image": default.image}
    if default.command is not None:
        job["command"] = list(default.command)
    return job


def _canonical(data: Any) -> Any:
    """Return the data with whole numbers as integers: 1.0 and 1 ask for the same."""
    if isinstance(data, dict):
        return {name: _canonical(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_canonical(item) for item in data]
    return int(data) if isinstance(data, float) and data.is_integer() else data
