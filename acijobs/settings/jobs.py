"""Settings of jobs: the one that an empty request starts, and how often jobs are polled."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, Json, model_validator
from pydantic_core import PydanticCustomError

from acijobs.domain.policy import PollPolicy
from acijobs.settings.concern import Concern

_Seconds = Annotated[
    float,
    Field(
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="a number of seconds above 0 and up to 3600",
    ),
]


class DefaultJobSettings(Concern):
    """The job that an empty request starts.

    Attributes:
        image: `DefaultImage`; None for no such job.
        command: `DefaultCommand`, a JSON list of strings; None for the image's own entry point.
    """

    image: str | None = Field(None, alias="DefaultImage", description="an image reference")
    command: Json[tuple[str, ...]] | None = Field(
        None,
        alias="DefaultCommand",
        description='a JSON list of strings, like ["echo", "hello"]',
        repr=False,
    )


class PollSettings(Concern):
    """Bounds of the interval between two polls of a job.

    Attributes:
        min_seconds: `PollMinSeconds`.
        max_seconds: `PollMaxSeconds`.
    """

    min_seconds: _Seconds = Field(PollPolicy.min_interval_s, alias="PollMinSeconds")
    max_seconds: _Seconds = Field(PollPolicy.max_interval_s, alias="PollMaxSeconds")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_seconds > self.max_seconds:
            raise PydanticCustomError(
                "poll_order",
                "PollMinSeconds is {least}, which is greater than PollMaxSeconds, {most}",
                {"least": f"{self.min_seconds:g}", "most": f"{self.max_seconds:g}"},
            )
        return self

    @property
    def policy(self) -> PollPolicy:
        """The policy with these bounds; the first poll is no later than the shortest interval."""
        return PollPolicy(
            first_poll_s=min(self.min_seconds, PollPolicy.first_poll_s),
            min_interval_s=self.min_seconds,
            max_interval_s=self.max_seconds,
        )
