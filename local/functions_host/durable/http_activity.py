"""The built-in activity behind `context.call_http`."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from functions_host.contract import UserCodeError
from functions_host.durable.events import compact

_TIMEOUT_S = 100.0  # .NET's HttpClient default


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Hands redirects to the orchestrator instead of following them into other protocols."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def send_request(payload: str | None) -> str:
    """Return the response to a durable HTTP request, as the JSON the SDK expects.

    Raises:
        UserCodeError: no response came.
    """
    request = json.loads(payload or "{}")
    uri = str(request.get("uri") or "")
    if not uri.lower().startswith(("http://", "https://")):
        raise UserCodeError(f"ArgumentException: The URI '{uri}' is not an absolute HTTP URI.")
    if request.get("tokenSource"):
        raise UserCodeError(
            "NotSupportedException: The local host has no managed identity for call_http."
        )
    content = request.get("content")
    message = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        uri,
        data=None if content is None else str(content).encode(),
        headers={k: _joined(v) for k, v in (request.get("headers") or {}).items()},
        method=str(request.get("method") or "GET").upper(),
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(message, timeout=_TIMEOUT_S) as response:
            return _answer(response)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UserCodeError(f"HttpRequestException: {error}") from error


def _answer(response: Any) -> str:
    return compact(
        {
            "statusCode": response.status,
            "headers": dict(response.headers.items()),
            "content": response.read().decode("utf-8", "replace"),
        }
    )


def _joined(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
