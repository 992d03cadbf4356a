"""The storage queue of a binding, and its connection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions_host.problems import FunctionLoadError
from functions_host.settings import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions_host.loader.metadata import Binding

_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")
DEFAULT_CONNECTION = "AzureWebJobsStorage"
# The storage emulator's account: published by Microsoft, the same on every machine, no secret.
# Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
_DEVELOPMENT = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)


@dataclass(frozen=True, kw_only=True)
class QueueSource:
    """A queue on an account.

    Attributes:
        name: The queue.
        connection: The setting that holds the connection string.
        connection_string: Its value; not shown.
    """

    name: str
    connection: str
    connection_string: str = field(repr=False)


def queue_of(function: str, binding: Binding, environment: Mapping[str, str]) -> QueueSource:
    """Return the queue that a binding names.

    Raises:
        FunctionLoadError: no valid queue name, or no connection string.
    """
    name = binding.properties.get("queueName")
    if not isinstance(name, str) or not _QUEUE_NAME.fullmatch(name):
        raise FunctionLoadError(
            function,
            f"the {binding.type} binding {binding.name!r} has no valid queueName: {name!r}",
        )
    setting = binding.properties.get("connection") or DEFAULT_CONNECTION
    if not isinstance(setting, str):
        raise FunctionLoadError(function, f"connection is not a setting's name: {setting!r}")
    return QueueSource(
        name=name, connection=setting, connection_string=_connect(function, setting, environment)
    )


def _connect(function: str, setting: str, environment: Mapping[str, str]) -> str:
    text = lookup(environment, f"AzureWebJobs{setting}") or lookup(environment, setting)
    if not text:
        if lookup(environment, f"{setting}__queueServiceUri"):
            raise FunctionLoadError(
                function,
                f"the connection {setting!r} is identity-based, which the local host does not do: "
                "give it a connection string",
            )
        raise FunctionLoadError(
            function,
            f"storage connection string {setting!r} does not exist: make sure that it is a "
            "defined app setting",
        )
    if text.replace(" ", "").rstrip(";").casefold() == "usedevelopmentstorage=true":
        return _DEVELOPMENT
    return text
