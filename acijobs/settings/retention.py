"""Settings of how long jobs are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acijobs.domain.retention import Retention
from acijobs.settings.concern import Concern


class RetentionSettings(Concern):
    """How long a job is kept after its end.

    Attributes:
        days: `RetentionDays`, 0 to 3,650; 0 keeps jobs for ever.
    """

    days: Annotated[
        int, Field(ge=0, le=3_650, description="a whole number of days from 0 to 3650")
    ] = Field(Retention.days, alias="RetentionDays")

    @property
    def retention(self) -> Retention:
        """How long jobs are kept."""
        return Retention(days=self.days)
