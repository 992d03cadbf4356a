"""What is left of a job for a while, and how gently it is ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

KeepGroupSeconds = Annotated[int, Field(ge=0, le=604_800)]
"""How long the container group stays after the job's end, up to 7 days; Azure is paid for what runs."""
KeepGroupWhen = Literal["always", "onFailure"]
MAX_CANCEL_GRACE_SECONDS = 600

CancelGraceSeconds = Annotated[int, Field(ge=0, le=MAX_CANCEL_GRACE_SECONDS)]
"""How long a cancelled container may go on to end by itself."""
