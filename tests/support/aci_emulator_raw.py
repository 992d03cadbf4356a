"""Requests to the emulator byte by byte, for what the SDK would never send."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = "2023-05-01"
_TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer: `body` is its JSON, None when it has none."""

    status: int
    headers: Mapping[str, str]
    body: Any


def fetch_token(env: Mapping[str, str], resource: str = "https://management.azure.com") -> str:
    """Return a token from the identity endpoint."""
    url = f"{env['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={resource}"
    headers = {"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
        return str(json.loads(reply.read())["access_token"])


class RawClient:
    """One connection to the ARM endpoint, with a good token unless said otherwise."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        connection_class: type[http.client.HTTPSConnection] = http.client.HTTPSConnection,
    ) -> None:
        self._connection_class = connection_class
        self.env = env
        self.token = fetch_token(env)
        self.address = urlsplit(env["ARM_ENDPOINT"])
        self._tls = ssl.create_default_context(cafile=env["REQUESTS_CA_BUNDLE"])
        self._connection = self._connect()

    def _connect(self) -> http.client.HTTPSConnection:
        host, port = self.address.hostname or "", self.address.port
        return self._connection_class(host, port, context=self._tls, timeout=_TIMEOUT_S)

    def open_connection(self) -> http.client.HTTPSConnection:
        """Return the connection, to send on it what `call` would not."""
        return self._connection

    def drop_connection(self) -> None:
        """Go on with a new connection."""
        self._connection.close()
        self._connection = self._connect()

    @property
    def groups_path(self) -> str:
        """The path of the configured resource group's container groups."""
        subscription, group = self.env["AZURE_SUBSCRIPTION_ID"], self.env["RESOURCE_GROUP"]
        return (
            f"/subscriptions/{subscription}/resourceGroups/{group}"
            "/providers/Microsoft.ContainerInstance/containerGroups"
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        api_version: str | None = API_VERSION,
    ) -> Reply:
        """Send one request; a `body` of bytes goes as it is, anything else as JSON."""
        if api_version is not None:
            path += f"{'&' if '?' in path else '?'}api-version={api_version}"
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= headers or {}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            self._connection.request(method, path, body=content, headers=sent)
            reply = self._connection.getresponse()
            text = reply.read()
        except (http.client.HTTPException, OSError):
            self.drop_connection()
            raise
        return Reply(
            status=reply.status,
            headers={name.lower(): value for name, value in reply.getheaders()},
            body=json.loads(text) if text else None,
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
