"""Settings of telemetry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator
from pydantic_core import PydanticCustomError

from acijobs.settings.concern import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator

OTLP, INSIGHTS = "otlp", "applicationinsights"
_OFF = "off"
_HTTP = "http/protobuf"
_URL = "an http:// or https:// URL"
_ENDPOINT = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_KEY = re.compile(
    r"(^|;)instrumentationkey=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(;|$)", re.IGNORECASE
)


def _known(value: str) -> str:
    names = _names(value)
    if names != {_OFF} and not (names and names <= {OTLP, INSIGHTS}):
        raise ValueError("not a list of these")
    return value


class TelemetrySettings(Concern):
    """Telemetry.

    What OpenTelemetry reads itself is looked at, too, where it would send nothing and say nothing: its
    own default is an endpoint on this machine, and no protocol but one is in the package.

    Attributes:
        chosen: `Telemetry`: `off`, or where metrics and traces are sent.
        endpoint: `OTEL_EXPORTER_OTLP_ENDPOINT`: which OTLP endpoint.
        metrics_endpoint: `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`: which one for metrics.
        traces_endpoint: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: which one for traces.
        protocol: `OTEL_EXPORTER_OTLP_PROTOCOL`: the host reads it; empty where it is not set.
        connection_string: `APPLICATIONINSIGHTS_CONNECTION_STRING`: which Application Insights.
        service: `AppName`, else the function app's own name: whose metrics and traces they are.
    """

    chosen: Annotated[str, AfterValidator(_known)] = Field(
        _OFF,
        alias="Telemetry",
        description=f"{_OFF}, or {OTLP}, or {INSIGHTS}, or the last two with a comma between them",
    )
    endpoint: str = Field("", alias="OTEL_EXPORTER_OTLP_ENDPOINT", description=_URL, repr=False)
    metrics_endpoint: str = Field(
        "", alias="OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", description=_URL, repr=False
    )
    traces_endpoint: str = Field(
        "", alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", description=_URL, repr=False
    )
    protocol: str = Field("", alias="OTEL_EXPORTER_OTLP_PROTOCOL", description=_HTTP)
    connection_string: str = Field(
        "",
        alias="APPLICATIONINSIGHTS_CONNECTION_STRING",
        description="a connection string with an InstrumentationKey",
        repr=False,
    )
    service: str = Field(
        "acijobs",
        validation_alias=AliasChoices("AppName", "WEBSITE_SITE_NAME"),
        description="an app's name",
    )

    @property
    def receivers(self) -> frozenset[str]:
        """Where metrics and traces are sent: `OTLP`, `INSIGHTS`; empty where telemetry is off."""
        return frozenset(_names(self.chosen) - {_OFF})

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        wrong = [*self._wrong_for_otlp()] if OTLP in self.receivers else []
        if INSIGHTS in self.receivers and not _KEY.search(self.connection_string):
            wrong.append(
                "Telemetry names applicationinsights, and APPLICATIONINSIGHTS_CONNECTION_STRING is not "
                "a connection string with an InstrumentationKey"
            )
        if wrong:
            raise PydanticCustomError("not_usable", "{wrong}", {"wrong": "; ".join(wrong)})
        return self

    def _wrong_for_otlp(self) -> Iterator[str]:
        of_signals = (self.metrics_endpoint, self.traces_endpoint)
        used = tuple(one or self.endpoint for one in of_signals)
        if not all(_ENDPOINT.match(one) for one in used):
            yield (
                f"Telemetry names otlp, and OTEL_EXPORTER_OTLP_ENDPOINT is not {_URL}, like "
                "https://otel.example.com:4318"
            )
        if self.protocol not in ("", _HTTP):
            yield (
                f"Telemetry names otlp, and OTEL_EXPORTER_OTLP_PROTOCOL is not {_HTTP}, the only one "
                "that the app speaks: set it, and the endpoint to a port for HTTP, which is often 4318"
            )


def _names(value: str) -> set[str]:
    return {name.strip().lower() for name in value.split(",")}
