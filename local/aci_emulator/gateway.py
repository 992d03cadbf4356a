"""From bytes to an answer: what every request to the ARM endpoint or the control port goes through."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from aci_emulator import errors
from aci_emulator.errors import ArmError, ConnectionCut
from aci_emulator.request_log import LoggedRequest
from aci_emulator.routing import Answer, Call, Route, Router

if TYPE_CHECKING:
    from aci_emulator.context import Context
    from aci_emulator.faults import FaultRule

_log = logging.getLogger(__name__)

API_VERSIONS = (
    "2018-06-01", "2018-09-01", "2018-10-01", "2019-12-01", "2020-11-01", "2021-03-01", "2021-07-01",
    "2021-09-01", "2021-10-01", "2022-09-01", "2022-10-01-preview", "2023-02-01-preview",
    "2023-05-01", "2024-05-01-preview", "2024-09-01-preview", "2024-10-01-preview",
    "2024-11-01-preview", "2025-09-01", "2026-06-01-preview", "2026-07-01",
)  # fmt: skip
"""Versions whose container group has the one shape the emulator serves."""

_ENCODER = json.JSONEncoder(separators=(",", ":"))  # made once: json.dumps would make one a call
_PROVIDER_VERSIONS_FREE = ("Providers_Get", "Providers_Register")
_CUT_STATUS = 0


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


class ArmGateway:
    """The ARM endpoint: faults, token, throttle, api-version, then the operation's handler."""

    def __init__(self, router: Router, context: Context) -> None:
        self._router = router
        self._context = context

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        began_s = time.perf_counter()
        headers = self._headers()
        operation, group, cut = "unknown", "", False
        try:
            route, params = self._router.find(request.method, request.rel_url.raw_path)
            operation, group = route.operation, params.get("name", "").lower()
            answer = await self._answer(request, route, params, headers)
        except ArmError as refusal:
            answer = _refused(refusal)
        except ConnectionCut:
            answer, cut = Answer(status=500), True
        except Exception:  # noqa: BLE001 - the answer must be ARM's whatever went wrong
            _log.exception("request %s %s failed", request.method, operation)
            answer = _refused(errors.internal(str(uuid.uuid4())))
        status = _CUT_STATUS if cut else answer.status
        self._note(request, operation, group, status, began_s)
        if cut and request.transport is not None:
            request.transport.abort()
        response = encode(answer, headers)
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # nobody wants the rest
            response.force_close()
        return response

    def _headers(self) -> dict[str, str]:
        request_id = str(uuid.uuid4())
        location = self._context.settings.locations[0]
        now = self._context.clock.now()
        return {
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "Expires": "-1",
            "x-ms-request-id": f"{location}:{request_id}",
            "x-ms-correlation-request-id": request_id,
            "x-ms-routing-request-id": f"{location.upper()}:{now:%Y%m%dT%H%M%SZ}:{request_id}",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
            "Date": now.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        }

    async def _answer(
        self,
        request: web.BaseRequest,
        route: Route,
        params: dict[str, str],
        headers: dict[str, str],
    ) -> Answer:
        """Go through the stations of a request; adds to `headers` what they say."""
        context = self._context
        rules = context.faults.for_request(route.operation, params.get("name", "").lower())
        await self._before(rules)
        context.tokens.check(request.headers.get("Authorization"))
        _check_version(request.query.get("api-version"), route.operation)
        self._check_subscription(params.get("subscription"))
        headers |= context.throttle.pass_arm(request.method, _ACTOR)
        payload = await read_payload(request, context.settings.limits.body_bytes)
        answer = await route.handler(call_of(request, route, params, payload))
        _after(rules)
        return answer

    async def _before(self, rules: list[FaultRule]) -> None:
        """Carry out the faults that come before the work."""
        for rule in rules:
            if rule.kind == "delay":
                # A client waits in real time, whatever clock the emulated service has.
                await asyncio.sleep(rule.delay_s)
            elif rule.kind == "disconnect":
                raise ConnectionCut
            elif rule.kind == "respond":
                raise _as_error(rule)
            elif rule.kind == "expire_token":
                self._context.tokens.expire_all()

    def _check_subscription(self, subscription: str | None) -> None:
        known = self._context.settings.subscription_id
        if subscription is not None and subscription.lower() != known.lower():
            raise errors.subscription_not_found(subscription[:60])

    def _note(
        self, request: web.BaseRequest, operation: str, group: str, status: int, began_s: float
    ) -> None:
        duration_ms = (time.perf_counter() - began_s) * 1000
        self._context.requests.add(
            LoggedRequest(
                at=self._context.clock.now(),
                operation=operation,
                method=request.method[:10],
                group=group[:63],
                status=status,
                duration_ms=round(duration_ms, 3),
            )
        )
        _log.debug("%s %s %s %d %.1f ms", request.method, operation, group, status, duration_ms)


_ACTOR = "00000000-0000-0000-0000-0000000000aa"


def _refused(refusal: ArmError) -> Answer:
    headers = {"x-ms-failure-cause": "gateway", **refusal.headers}
    return Answer(status=refusal.status, body=refusal.body(), headers=headers)


def _check_version(version: str | None, operation: str) -> None:
    if not version:
        raise errors.api_version_missing()
    if operation not in _PROVIDER_VERSIONS_FREE and version not in API_VERSIONS:
        raise errors.api_version_unknown(version[:40], API_VERSIONS)


def _after(rules: list[FaultRule]) -> None:
    """Carry out the faults that come after the work."""
    for rule in rules:
        if rule.kind == "drop_reply":
            raise ConnectionCut
        if rule.kind == "respond_after":
            raise _as_error(rule)


def _as_error(rule: FaultRule) -> ArmError:
    return ArmError(
        status=rule.status,
        code=rule.code,
        message=rule.message,
        body=rule.body,
        retry_after_s=rule.retry_after_s,
    )


class ControlGateway:
    """The control port: identity endpoint and admin API, on loopback, without a token."""

    def __init__(self, router: Router, body_limit_bytes: int) -> None:
        self._router = router
        self._body_limit_bytes = body_limit_bytes

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            route, params = self._router.find(request.method, request.rel_url.raw_path)
            payload = await read_payload(request, self._body_limit_bytes)
            answer = await route.handler(call_of(request, route, params, payload))
        except ArmError as refusal:
            answer = Answer(status=refusal.status, body=refusal.body(), headers=refusal.headers)
        except Exception:  # noqa: BLE001 - never a traceback on the wire
            _log.exception("control request %s failed", request.method)
            answer = _refused(errors.internal(str(uuid.uuid4())))
        return encode(answer, {})


class _Protocol(RequestHandler):
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
    """An aiohttp server without its own error pages."""

    def __call__(self) -> RequestHandler:
        """Return the protocol of one connection."""
        return _Protocol(self, loop=asyncio.get_running_loop(), **self._kwargs)
