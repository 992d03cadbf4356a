"""The settings that the app reads, and those that docs/reference/settings.md explains."""

from __future__ import annotations

import re
from pathlib import Path

from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.concern import names_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"

SETTINGS_OF_THE_HOST = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_TOKEN_CREDENTIALS",
    "AzureFunctionsJobHost__extensions__durableTask__hubName",
    "AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName",
    "AzureFunctionsJobHost__extensions__durableTask__storageProvider__type",
    "AzureWebJobs.QueueStart.Disabled",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__queueServiceUri",
    "DURABLE_TASK_SCHEDULER_CONNECTION_STRING",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "JobQueueName",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "SQLDB_Connection",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID",
}
"""Read by azure-identity, OpenTelemetry or the Functions host, on the page for the operator."""


def settings_read() -> set[str]:
    """Return the names of the settings that the app reads."""
    return {
        name
        for concern in ALL_CONCERNS
        for field in concern.model_fields.values()
        for name in names_of(field)
    }


def settings_on(page: Path) -> set[str]:
    """Return the names in the first column of the page's tables."""
    first_cells = re.findall(r"^\| (`[^|]*`) \|", page.read_text("utf-8"), re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}
