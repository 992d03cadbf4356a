"""HTTP as the endpoints read and write it: JSON in, JSON out, refusals in ARM's shape."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from aci_emulator import errors
from aci_emulator.errors import ArmError
from aci_emulator.routing import Answer, Call
from loopback.patience import PatientHandler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aci_emulator.routing import Route
    from loopback.callers import Callers

_log = logging.getLogger(__name__)

_ENCODER = json.JSONEncoder(separators=(",", ":"))  # made once: json.dumps would make one a call


def check_caller(request: web.BaseRequest, callers: Callers) -> None:
    """Refuse a request that a page of another site has sent.

    Raises:
        ArmError: it has.
    """
    headers = request.headers
    why = callers.refusal(request.scheme, headers.get("Host"), headers.get("Origin"))
    if why is not None:
        raise errors.caller_refused(why)


async def read_payload(request: web.BaseRequest, limit_bytes: int) -> Any:
    """Return a request's JSON body, None when it is empty.

    Raises:
        ArmError: too large, or not JSON in UTF-8.
    """
    if request.content_length is not None and request.content_length > limit_bytes:
        raise errors.content_too_large(limit_bytes)
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise errors.content_too_large(limit_bytes)
    if not body:
        return None
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise errors.invalid_content("the JSON is nested too deeply") from None
    except ValueError as problem:
        raise errors.invalid_content(f"the body is not JSON: {problem}"[:300]) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def call_of(request: web.BaseRequest, route: Route, params: dict[str, str], payload: Any) -> Call:
    """Return a request as handlers see it."""
    return Call(
        operation=route.operation,
        path=request.rel_url.raw_path,
        params=params,
        query={name.lower(): value for name, value in request.query.items()},
        headers={name.lower(): value for name, value in request.headers.items()},
        payload=payload,
        base_url=f"{request.scheme}://{request.host}",
    )


def encode(answer: Answer, headers: dict[str, str]) -> web.Response:
    """Return an answer as HTTP."""
    merged = {**headers, **answer.headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=merged)
    merged["Content-Type"] = "application/json; charset=utf-8"
    body = _ENCODER.encode(answer.body).encode()
    return web.Response(status=answer.status, body=body, headers=merged)


class _Protocol(PatientHandler):
    """Answers what is not HTTP in ARM's shape, too."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that could not even be parsed."""
        del message  # it quotes the request
        if request.writer.output_size > 0:
            raise ConnectionError("a reply is under way already")
        known = status < HTTPStatus.INTERNAL_SERVER_ERROR
        if not known:
            _log.error("protocol error", exc_info=exc)
        code = "BadRequest" if known else "InternalServerError"
        text = (
            "The request is not valid HTTP." if known else "Encountered an internal server error."
        )
        refusal = ArmError(status=status, code=code, message=text)
        response = encode(Answer(status=status, body=refusal.body()), {})
        response.force_close()
        return response


class GatewayServer(web.Server):
    """An aiohttp server without its own error pages, which does not wait for the rest of a request.

    Args:
        gateway: Answers requests.
        idle_s: How long a connection may be silent within a request, in seconds.
    """

    def __init__(
        self, gateway: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], idle_s: float
    ) -> None:
        super().__init__(gateway)
        self._idle_s = idle_s

    def __call__(self) -> PatientHandler:
        """Return the protocol of one connection."""
        return _Protocol(self, idle_s=self._idle_s, **self._kwargs)
