"""Settings of where logs and rows are kept."""

from __future__ import annotations

import pytest

from acijobs.settings.reading import read
from acijobs.settings.storage import JobStoreSettings, LogArchiveSettings
from operators_settings import GOOD


@pytest.mark.parametrize(
    ("changes", "archive"),
    [
        ({"LogArchiveUrl": "file:///var/logs/"}, "file:///var/logs"),
        ({"LogArchiveUrl": "https://a.b/logs"}, "https://a.b/logs"),
        (
            {"AzureWebJobsStorage__accountName": "acc"},
            "https://acc.blob.core.windows.net/acijobs-logs",
        ),
        (
            {
                "AzureWebJobsStorage__accountName": "acc",
                "AzureWebJobsStorage__blobServiceUri": "https://acc.blob.core.chinacloudapi.cn/",
            },
            "https://acc.blob.core.chinacloudapi.cn/acijobs-logs",
        ),
        (
            {"LogArchiveUrl": "file:///l", "AzureWebJobsStorage__blobServiceUri": "http://x"},
            "file:///l",
        ),
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "UseDevelopmentStorage=true"),
    ],
)
def test_logs_are_kept_where_it_is_said_or_in_the_apps_own_storage(
    changes: dict[str, str], archive: str
) -> None:
    """A URL of one's own first; then an identity-based connection; then a connection string."""
    assert read(LogArchiveSettings, GOOD | changes).where == archive


@pytest.mark.parametrize(
    ("changes", "store"),
    [
        ({"JobStoreUrl": "file:///var/jobs/"}, "file:///var/jobs"),
        ({"JobStoreUrl": "https://a.b/"}, "https://a.b"),
        ({"LogArchiveUrl": "file:///var/logs"}, GOOD["AzureWebJobsStorage"]),
        ({"AzureWebJobsStorage__accountName": "acc"}, "https://acc.table.core.windows.net"),
        (
            {
                "AzureWebJobsStorage__accountName": "acc",
                "AzureWebJobsStorage__tableServiceUri": "https://acc.table.core.chinacloudapi.cn/",
            },
            "https://acc.table.core.chinacloudapi.cn",
        ),
        ({"JobStoreUrl": "file:///j", "AzureWebJobsStorage": "not looked at"}, "file:///j"),
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "UseDevelopmentStorage=true"),
    ],
)
def test_rows_are_kept_where_it_is_said_or_in_the_apps_own_storage(
    changes: dict[str, str], store: str
) -> None:
    """As the logs are."""
    assert read(JobStoreSettings, GOOD | changes).where == store
