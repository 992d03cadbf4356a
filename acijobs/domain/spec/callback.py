"""Whom to tell how a job is."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from acijobs.domain.callback.signing import KEY_RULE, read_key
from acijobs.domain.spec.model import SpecModel
from acijobs.domain.spec.secret import Secret
from acijobs.domain.spec.wrong import refuse_repeated, wrong

CallbackPhase = Literal["Running", "Succeeded", "Failed", "Cancelled", "TimedOut"]


def _ends() -> list[CallbackPhase]:
    return ["Succeeded", "Failed", "Cancelled", "TimedOut"]


def _is_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in {"https", "http"} or not value.isascii():
        raise wrong("must be an https:// URL, like 'https://example.com/hooks/jobs'")
    if any(character <= " " or character in '<>"\\^`{|}\x7f' for character in value):
        raise wrong("must be a URL without spaces; escape what a URL cannot have")
    if "@" in parts.netloc:
        raise wrong("must have no user or password in it: what is sent is signed instead")
    if "#" in value:
        raise wrong("must have no fragment, which no server is sent")
    return value


def _has_each_once(value: list[CallbackPhase]) -> list[CallbackPhase]:
    refuse_repeated(value, "phase")
    return value


class Callback(SpecModel):
    """A POST when the job has ended, or has come to run.

    Attributes:
        url: Where to.
        secret: The key that it is signed with, as Standard Webhooks write it (`whsec_…`); None for the
            operator's.
        phases: Which phases are told.
    """

    url: Annotated[str, Field(max_length=2048), AfterValidator(_is_url)]
    secret: Secret | None = None
    phases: Annotated[list[CallbackPhase], Field(min_length=1), AfterValidator(_has_each_once)] = (
        Field(default_factory=_ends)
    )

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if (
            self.secret is not None
            and self.secret.value is not None
            and not _is_key(self.secret.value)
        ):
            raise wrong(f"must be {KEY_RULE}", of=[("secret", "value")])
        return self


def _is_key(value: str) -> bool:
    try:
        read_key(value)
    except ValueError:
        return False
    return True
