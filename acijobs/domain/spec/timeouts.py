"""The deadlines of a job."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acijobs.domain.spec.model import SpecModel

MAX_RUN_SECONDS = 1_209_600


class Timeouts(SpecModel):
    """The deadlines of a job, after which an attempt is ended as TimedOut.

    Attributes:
        queue_seconds: From an attempt's start until Azure takes its group, 1 to 604,800 (7 days).
        provision_seconds: From then until the container runs, 1 to 21,600 (6 hours).
        run_seconds: From when the container runs until it has ended, 1 to 1,209,600 (14 days).
        silent_seconds: How long no new log line may come while it runs; None for ever.
        clean_up_seconds: How long the clean-up is tried by the run that ends the job.
    """

    queue_seconds: Annotated[int, Field(ge=1, le=604_800)] = 21_600
    provision_seconds: Annotated[int, Field(ge=1, le=21_600)] = 1_800
    run_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] = 86_400
    silent_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    clean_up_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
