"""When a job is tried again."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from acijobs.domain.reasons import Fault, Reason
from acijobs.domain.spec.model import SpecModel
from acijobs.domain.spec.wrong import wrong

RETRYABLE_REASONS = tuple(reason.value for reason in Reason if reason.about.fault is not Fault.USER)
"""Codes that a rule may name: a job that a user has ended is not tried again."""


def _is_failure(code: int) -> int:
    if code == 0:
        raise wrong("must not be 0, with which a job has succeeded")
    return code


def _is_reason(code: str) -> str:
    if code not in RETRYABLE_REASONS:
        raise wrong(f"must be the code of a reason: {', '.join(RETRYABLE_REASONS)}")
    return code


ExitCode = Annotated[int, Field(ge=-(2**31), lt=2**32), AfterValidator(_is_failure)]
"""Linux gives 1 to 255, Windows 32 bits with sign or without, Azure 7147 and 7148 of its own."""
ReasonCode = Annotated[str, AfterValidator(_is_reason)]


class RetryRule(SpecModel):
    """What one kind of failure leads to; the first rule that fits decides.

    Attributes:
        on_exit_codes: Exit codes it fits.
        on_reasons: Codes of reasons it fits; with both, either is enough.
        action: `retry`; `fail`, which ends the job at once; `ignore`, which tries again without
            counting the attempt.
    """

    on_exit_codes: Annotated[list[ExitCode], Field(min_length=1, max_length=255)] | None = None
    on_reasons: Annotated[list[ReasonCode], Field(min_length=1, max_length=50)] | None = None
    action: Literal["retry", "fail", "ignore"]

    @model_validator(mode="after")
    def _fits_something(self) -> Self:
        if self.on_exit_codes is None and self.on_reasons is None:
            raise wrong("must have 'onExitCodes' or 'onReasons'")
        return self


class Retry(SpecModel):
    """How often a job is tried, and how long is waited in between.

    Attributes:
        attempts: Most attempts that count, the first included, 1 to 10.
        backoff_seconds: Wait before the second attempt, 0 to 86,400; doubled before each later one.
        max_backoff_seconds: Longest wait, up to 86,400.
        platform_attempts: Most further attempts for what is not the job's fault, 0 to 10.
        rules: What single kinds of failure lead to, at most 20.
    """

    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    backoff_seconds: Annotated[int, Field(ge=0, le=86_400)] = 10
    max_backoff_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    platform_attempts: Annotated[int, Field(ge=0, le=10)] = 3
    rules: Annotated[list[RetryRule], Field(max_length=20)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _waits_in_order(self) -> Self:
        if self.max_backoff_seconds < self.backoff_seconds:
            raise wrong("must not be less than backoffSeconds", of=["maxBackoffSeconds"])
        return self
