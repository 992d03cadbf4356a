"""An HTTP request as the worker receives it, and what a function gave as an HTTP reply.

Source: Azure/azure-functions-host, RpcMessageConversionExtensions: header names in lower case, empty
query values left out, several values of one name joined by commas, the body as bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web
from multidict import CIMultiDict

from functions_host.loader.converters import Datum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions_host.invoking.invoker import Outcome

_NO_CONTENT = 204
_BODYLESS = frozenset({204, 304})
_LOWEST_FINAL, _HIGHEST = 200, 999
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINE_END = re.compile(r"[\r\n\0]")
_TEXT = "text/plain; charset=utf-8"


def request_datum(  # noqa: PLR0913 - these are the parts of a request
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    route_parameters: Mapping[str, str],
    body: bytes,
) -> Datum:
    """Return the request as the trigger's data."""
    return Datum(
        type="http",
        value={
            "method": _text(method),
            "url": _text(url),
            "headers": {name: _text(value) for name, value in headers.items()},
            "query": {name: _text(value) for name, value in query.items()},
            "params": {name: _text(value) for name, value in route_parameters.items()},
            "body": Datum(type="bytes", value=body),
        },
    )


def _text(value: str) -> Datum:
    return Datum(type="string", value=value)


def joined(values: Any, *, lower: bool = False) -> dict[str, str]:
    """Return a multi-dict as a dict: repeated names joined by commas, empty values left out."""
    found: dict[str, str] = {}
    for name, value in values.items():
        key = name.lower() if lower else name
        found[key] = f"{found[key]},{value}" if key in found else value
    return {name: value for name, value in found.items() if value}


def reply(outcome: Outcome, custom_headers: Mapping[str, str]) -> web.Response:
    """Return what the function gave as a reply; 204 if it gave none.

    Raises:
        ValueError: its status or a header is none that HTTP knows.
    """
    given = next(outcome.of_type("http"), None)
    if given is None:
        return web.Response(status=_NO_CONTENT, headers=CIMultiDict(custom_headers))
    _, datum = given
    if datum.type == "http":
        return _full_reply(datum.value, custom_headers)
    headers = CIMultiDict(custom_headers)
    body = datum.value.encode() if isinstance(datum.value, str) else bytes(datum.value or b"")
    headers["Content-Type"] = _TEXT
    return web.Response(body=body, headers=headers)


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header")
    if _LINE_END.search(value):
        raise ValueError(f"the header {name} has a line end in its value")


def _full_reply(value: dict[str, Any], custom_headers: Mapping[str, str]) -> web.Response:
    headers = CIMultiDict(custom_headers)
    for name, datum in value["headers"].items():
        _check_header(name, datum.value)
        if name.lower() not in {"content-length", "transfer-encoding"}:
            headers[name] = datum.value
    for cookie in value.get("cookies") or ():
        for morsel in cookie.values():
            headers.add("Set-Cookie", morsel.OutputString())
    status = int(value["status_code"].value)
    if not _LOWEST_FINAL <= status <= _HIGHEST:
        raise ValueError(f"{status} is not the status of a reply")
    if status in _BODYLESS:
        headers.pop("Content-Type", None)
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, headers=headers, body=value["body"].value)
