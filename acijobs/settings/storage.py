"""Settings of storage: the archive of logs, and the store of the jobs' rows."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from acijobs.settings.concern import Concern, HttpsUrl

_Url = Annotated[
    str,
    Field(
        pattern="^(https://|file:///)",
        description="a URL that starts with https:// or file:///",
        repr=False,
    ),
]
_ServiceUri = Annotated[HttpsUrl, Field(description="an https:// URL", repr=False)]
_CONNECTION = "(?i)(^|;)(AccountName|BlobEndpoint|TableEndpoint|UseDevelopmentStorage)=."


class _Storage(Concern):
    """A place in storage: a URL of its own, else the function app's own storage.

    The settings are tried in the order of the fields; after one that is set, the others do not count.
    """

    service: ClassVar[str]

    url: _Url = ""
    service_uri: _ServiceUri = ""
    account_name: str = Field(
        "",
        alias="AzureWebJobsStorage__accountName",
        description="a storage account's name",
    )
    connection: str = Field(
        "",
        alias="AzureWebJobsStorage",
        pattern=_CONNECTION,
        description="a storage connection string",
        repr=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _only_the_first(cls, given: dict[str, str]) -> dict[str, str]:
        if given:
            return dict([next(iter(given.items()))])
        raise PydanticCustomError(
            "missing_storage",
            "{name} is missing, and so is AzureWebJobsStorage, which would stand in: set it to "
            "a {service} service's URL, or to a folder like file:///var/acijobs",
            {"name": cls.model_fields["url"].alias, "service": cls.service},
        )

    @property
    def _account(self) -> str:
        """The URL of the account's service, empty where a connection string tells it."""
        if self.account_name:
            return f"https://{self.account_name}.{self.service}.core.windows.net"
        return self.service_uri


class LogArchiveSettings(_Storage):
    """The storage of logs.

    Attributes:
        url: `LogArchiveUrl`: a container's URL (`https://…`) or a folder (`file:///…`).
        service_uri: `AzureWebJobsStorage__blobServiceUri`: an identity-based connection, outside the
            public cloud. Here, as below, the logs are in a container named `acijobs-logs`.
        account_name: `AzureWebJobsStorage__accountName`: an identity-based connection.
        connection: `AzureWebJobsStorage`: a connection string.
    """

    service: ClassVar[str] = "blob"

    url: _Url = Field("", alias="LogArchiveUrl")
    service_uri: _ServiceUri = Field("", alias="AzureWebJobsStorage__blobServiceUri")

    @property
    def where(self) -> str:
        """The URL of a container or folder, or a connection string."""
        account = self._account
        return self.url.rstrip("/") or (f"{account}/acijobs-logs" if account else self.connection)


class JobStoreSettings(_Storage):
    """The storage of the jobs' rows, in a table named `acijobs`.

    Attributes:
        url: `JobStoreUrl`: a table service's URL (`https://…`) or a folder (`file:///…`).
        service_uri: `AzureWebJobsStorage__tableServiceUri`: an identity-based connection, outside the
            public cloud.
        account_name: `AzureWebJobsStorage__accountName`: an identity-based connection.
        connection: `AzureWebJobsStorage`: a connection string.
    """

    service: ClassVar[str] = "table"

    url: _Url = Field("", alias="JobStoreUrl")
    service_uri: _ServiceUri = Field("", alias="AzureWebJobsStorage__tableServiceUri")

    @property
    def where(self) -> str:
        """The URL of a table service or folder, or a connection string."""
        return self.url.rstrip("/") or self._account or self.connection
