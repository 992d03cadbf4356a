"""Settings of the app's own log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from acijobs.settings.concern import Concern


class LogLevelSettings(Concern):
    """The app's own log.

    Attributes:
        level: `LogLevel`, in any case: which lines are written.
    """

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = (
        Field("INFO", alias="LogLevel", description="DEBUG, INFO, WARNING or ERROR")
    )
