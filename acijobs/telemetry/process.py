"""The telemetry of this process: made when it is first needed, once."""

from __future__ import annotations

import atexit
import logging
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidSettingsError
from acijobs.log_lines import tell, words_of
from acijobs.settings.reading import read, read_usable
from acijobs.settings.telemetry import TelemetrySettings
from acijobs.usecases.telemetry import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from acijobs.usecases.telemetry import Telemetry

LAST_FLUSH_S = 3.0
"""How long the end of the process waits for what is not sent yet."""

_MADE: dict[TelemetrySettings, Telemetry] = {}
_TOLD: set[str] = set()
"""Values of `Telemetry` of which it was looked into why they do not turn it on."""


def made_telemetry(environment: Mapping[str, str]) -> Telemetry | None:
    """Return what `telemetry_of_process` does where that takes no time; None where it is to be made."""
    chosen = read_usable(TelemetrySettings, environment)
    if not chosen.receivers:
        _tell_wrong(environment)
        return NO_TELEMETRY
    return _MADE.get(chosen)


def telemetry_of_process(
    environment: Mapping[str, str], making: AbstractContextManager[object]
) -> Telemetry:
    """Return what records metrics and traces, as the settings say.

    Args:
        environment: The settings.
        making: Held while it is made, which imports SDKs; who finds it made does not wait.
    """
    made = made_telemetry(environment)
    if made is not None:
        return made
    chosen = read_usable(TelemetrySettings, environment)
    with making:
        if chosen not in _MADE:
            _MADE[chosen] = _new(chosen)
    return _MADE[chosen]


def _tell_wrong(environment: Mapping[str, str]) -> None:
    """Tell, once, of settings because of which telemetry that is asked for is off."""
    asked_for = environment.get("Telemetry", "")
    if not asked_for or asked_for in _TOLD:
        return
    _TOLD.add(asked_for)
    try:
        read(TelemetrySettings, environment)
    except InvalidSettingsError as error:
        tell("notRecorded", level=logging.WARNING, message=f"telemetry is off: {error}")


def _new(chosen: TelemetrySettings) -> Telemetry:
    try:
        # Here, and not above: where telemetry is off, none of OpenTelemetry is imported.
        from acijobs.telemetry.providers import new_providers
        from acijobs.telemetry.recording import OpenTelemetry

        made = OpenTelemetry(new_providers(chosen))
    except Exception as error:  # noqa: BLE001 - jobs run without telemetry, too
        tell("notRecorded", level=logging.WARNING, message=f"telemetry is off: {words_of(error)}")
        return NO_TELEMETRY
    atexit.register(made.flush, LAST_FLUSH_S)
    return made
