"""Makes what collects metrics and spans and sends them, as the settings say.

The providers are the app's own, and never OpenTelemetry's global ones: what else lives in this process
(the worker, the SDKs of Azure) neither sees nor changes them (docs/adr/0018).
"""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.environment_variables import OTEL_TRACES_SAMPLER
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from acijobs.settings.telemetry import INSIGHTS, OTLP
from acijobs.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.sampling import Sampler

    from acijobs.settings.telemetry import TelemetrySettings

_QUIET = (
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
)
"""Keep the exporter from telling Microsoft of itself, and from taking its configuration from there.

And from a metric of the global provider's resource with each message: there is none, and every message
would be an error in the log.
Source: azure-monitor-opentelemetry-exporter 1.0.0b58, `_constants.py`, `export/trace/_exporter.py`.
"""

_PATIENCE: dict[str, Any] = {"read_timeout": 10, "retry_total": 1}
"""Of the exporter to Application Insights, which would else wait 300 s for each answer."""

_TELLS_HEADERS = "opentelemetry.util.re"
"""The logger that tells what in OTEL_EXPORTER_OTLP_HEADERS is no header: it may be a key."""


@dataclass(frozen=True, kw_only=True)
class Providers:
    """What makes instruments and spans.

    Attributes:
        meters: Of metrics.
        tracers: Of spans.
    """

    meters: MeterProvider
    tracers: TracerProvider

    def flush(self) -> None:
        """Send what is there, however long each receiver takes to answer, or not to."""
        try:
            self.meters.force_flush()
        finally:
            self.tracers.force_flush()


def new_providers(settings: TelemetrySettings) -> Providers:
    """Return providers that send where the settings say, each a few times a minute.

    Raises:
        Exception: an exporter cannot be made of what its variables say.
    """
    resource = _resource(settings.service)
    metric_exporters, span_exporters = _exporters(settings)
    readers = [PeriodicExportingMetricReader(exporter) for exporter in metric_exporters]
    meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    tracers = TracerProvider(_sampler(), resource, shutdown_on_exit=False)
    for exporter in span_exporters:
        tracers.add_span_processor(BatchSpanProcessor(exporter))
    return Providers(meters=meters, tracers=tracers)


def _sampler() -> Sampler | None:
    """Return a sampler of everything, None for the one that OTEL_TRACES_SAMPLER names.

    OpenTelemetry's default follows the parent's flag, and a host that records nothing says so in it.
    """
    return None if os.environ.get(OTEL_TRACES_SAMPLER) else ALWAYS_ON


def _resource(service: str) -> Resource:
    own = {
        "service.name": service,
        "service.version": VERSION,
        "service.instance.id": str(uuid.uuid4()),
        "cloud.provider": "azure",
        "cloud.platform": "azure.functions",
    }
    named = Resource.create().attributes
    # What the operator's OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say counts.
    is_named = not str(named.get("service.name", "")).startswith("unknown_service")
    kept = {name for name in own if name in named and (name != "service.name" or is_named)}
    return Resource.create({name: own[name] for name in own.keys() - kept})


def _hide_header(record: logging.LogRecord) -> bool:
    record.args = ("(not shown)",)
    return True


def _exporters(settings: TelemetrySettings) -> tuple[list[MetricExporter], list[SpanExporter]]:
    metrics: list[MetricExporter] = []
    spans: list[SpanExporter] = []
    if OTLP in settings.receivers:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        logging.getLogger(_TELLS_HEADERS).addFilter(_hide_header)
        metrics.append(OTLPMetricExporter())
        spans.append(OTLPSpanExporter())
    if INSIGHTS in settings.receivers:
        for name in _QUIET:
            os.environ.setdefault(name, "true")
        from azure.monitor.opentelemetry.exporter import (
            AzureMonitorMetricExporter,
            AzureMonitorTraceExporter,
        )

        # Its credential is as APPLICATIONINSIGHTS_AUTHENTICATION_STRING says, as the host's.
        where = settings.connection_string
        how = {"connection_string": where, "disable_offline_storage": True} | _PATIENCE
        metrics.append(AzureMonitorMetricExporter(**how))
        spans.append(AzureMonitorTraceExporter(**how))
    return metrics, spans
