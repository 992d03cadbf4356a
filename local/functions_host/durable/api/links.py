"""The URLs by which clients follow and steer instances, and the durableClient binding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from functions_host.durable.events import compact

MANAGEMENT_PATH = "/runtime/webhooks/durabletask"
RPC_PATH = "/durabletask/"


@dataclass(frozen=True, kw_only=True)
class Links:
    """Makes URLs of the management API.

    Attributes:
        origin: Scheme, host and port of the HTTP front, such as `http://localhost:7071`.
        hub_name: The task hub in the URLs.
        connection_name: The connection in the URLs.
        code: The key to put into the URLs; None when keys are not checked.
        rpc_path: The path of the SDK's API, which nobody can guess.
    """

    origin: str
    hub_name: str
    connection_name: str
    code: str | None = None
    rpc_path: str = RPC_PATH

    @property
    def base_url(self) -> str:
        """The address of the management API."""
        return self.origin.rstrip("/") + MANAGEMENT_PATH

    @property
    def _key(self) -> str:
        return f"code={quote(self.code, safe='')}" if self.code else ""

    def management_urls(self, instance_id: str) -> dict[str, str]:
        """Return the URLs about one instance, by the extension's names."""
        suffix = f"taskHub={quote(self.hub_name)}&connection={quote(self.connection_name)}"
        if self._key:
            suffix += f"&{self._key}"
        one = f"{self.base_url}/instances/{quote(instance_id, safe='')}"
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{one}?{suffix}",
            "sendEventPostUri": f"{one}/raiseEvent/{{eventName}}?{suffix}",
            "terminatePostUri": f"{one}/terminate?reason={{text}}&{suffix}",
            "rewindPostUri": f"{one}/rewind?reason={{text}}&{suffix}",
            "purgeHistoryDeleteUri": f"{one}?{suffix}",
            "restartPostUri": f"{one}/restart?{suffix}",
            "suspendPostUri": f"{one}/suspend?reason={{text}}&{suffix}",
            "resumePostUri": f"{one}/resume?reason={{text}}&{suffix}",
        }

    def binding(self, rpc_origin: str) -> str:
        """Return what the durableClient binding hands to the app, as JSON."""
        one = f"{self.base_url}/orchestrators/{{functionName}}[/{{instanceId}}]"
        wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
        body: dict[str, Any] = {
            "taskHubName": self.hub_name,
            "connectionName": None,
            "creationUrls": {
                "createNewInstancePostUri": f"{one}?{self._key}",
                "createAndWaitOnNewInstancePostUri": f"{one}?{wait}&{self._key}",
            },
            "managementUrls": self.management_urls("INSTANCEID"),
            "baseUrl": self.base_url,
            "requiredQueryStringParameters": self._key,
            "rpcBaseUrl": rpc_origin.rstrip("/") + self.rpc_path,
        }
        return compact(body)
