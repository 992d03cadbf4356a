"""Small HTTP requests to the stack, and to the ARM endpoint as any client would make them."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 30.0


class NoAnswerError(OSError):
    """Nobody answered, or the answer broke off; the text says which request it was."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer.

    Attributes:
        status: The HTTP status, whatever it is.
        headers: The headers, names in lower case.
        body: The body, decoded from JSON; None when it is empty.
    """

    status: int
    headers: Mapping[str, str]
    body: Any


def send(
    method: str,
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    ca_file: str | None = None,
) -> Reply:
    """Send one request with a JSON body, past any proxy, and return the answer.

    Raises:
        NoAnswerError: nobody answered.
    """
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | dict(headers or {})
    request = Request(url, data=data, method=method, headers=sent)  # noqa: S310 - our own URLs
    try:
        return _exchange(request, ca_file)
    except (OSError, HTTPException) as error:
        raise NoAnswerError(f"{method} {url} was not answered: {error}") from error


def read_text(url: str) -> str:
    """Return a text, past any proxy.

    Raises:
        NoAnswerError: nobody answered, or not with a text.
    """
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT_S) as answer:
            text: str = answer.read().decode()
    except (OSError, HTTPException) as error:
        raise NoAnswerError(f"GET {url} was not answered: {error}") from error
    return text


def _exchange(request: Request, ca_file: str | None) -> Reply:
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    try:
        answer = opener.open(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        return Reply(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=json.loads(text) if text else None,
        )


@dataclass(frozen=True, kw_only=True)
class ArmClient:
    """Reads and writes container groups at the ARM endpoint with a token of its identity endpoint.

    Attributes:
        env: What the emulator told of itself.
    """

    env: Mapping[str, str]

    def group_exists(self, name: str) -> bool:
        """Tell whether the container group is there."""
        return self._send("GET", name, {200, 404}).status == 200  # noqa: PLR2004

    def create_group(self, name: str, *, image: str, command: list[str]) -> None:
        """Ask for a group with one container."""
        properties = {"image": image, "command": command} | {
            "resources": {"requests": {"cpu": 1, "memoryInGB": 1}}
        }
        group = {
            "location": self.env["LOCATION"],
            "properties": {
                "osType": "Linux",
                "restartPolicy": "Never",
                "containers": [{"name": "main", "properties": properties}],
            },
        }
        self._send("PUT", name, {200, 201}, group)

    def delete_group(self, name: str) -> None:
        """Delete the group; one that is not there is fine."""
        self._send("DELETE", name, {200, 202, 204})

    def restart_group(self, name: str) -> None:
        """Restart the group's containers, as somebody may at the portal."""
        self._send("POST", f"{name}/restart", {202, 204})

    def _send(self, method: str, name: str, expected: set[int], body: object = None) -> Reply:
        path = (
            f"/subscriptions/{self.env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/"
            f"{self.env['RESOURCE_GROUP']}/providers/Microsoft.ContainerInstance/containerGroups/"
            f"{name}?api-version=2023-05-01"
        )
        reply = send(
            method,
            self.env["ARM_ENDPOINT"] + path,
            body=body,
            headers={"Authorization": f"Bearer {self._token()}"},
            ca_file=self.env["REQUESTS_CA_BUNDLE"],
        )
        if reply.status not in expected:
            raise OSError(f"the ARM endpoint answered {reply.status}: {reply.body}")
        return reply

    def _token(self) -> str:
        reply = send(
            "GET",
            f"{self.env['IDENTITY_ENDPOINT']}?api-version=2019-08-01"
            "&resource=https://management.azure.com",
            headers={"X-IDENTITY-HEADER": self.env["IDENTITY_HEADER"]},
        )
        return str(reply.body["access_token"])
