"""From bytes to an answer: what every request to the ARM endpoint or the control port goes through."""

from __future__ import annotations

import hmac
import logging
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from aci_emulator import errors
from aci_emulator.errors import ArmError, ConnectionCut
from aci_emulator.request_log import LoggedRequest
from aci_emulator.routing import Answer, Route, Router
from aci_emulator.wire import call_of, check_caller, encode, read_payload

if TYPE_CHECKING:
    from aiohttp import web

    from aci_emulator.clock import Clock
    from aci_emulator.fault_effects import FaultEffects
    from aci_emulator.identity.state import Tokens
    from aci_emulator.request_log import RequestLog
    from aci_emulator.subscription import Subscription
    from aci_emulator.throttling import Throttle
    from loopback.callers import Callers

_log = logging.getLogger(__name__)

API_VERSIONS = (
    "2018-06-01", "2018-09-01", "2018-10-01", "2019-12-01", "2020-11-01", "2021-03-01", "2021-07-01",
    "2021-09-01", "2021-10-01", "2022-09-01", "2022-10-01-preview", "2023-02-01-preview",
    "2023-05-01", "2024-05-01-preview", "2024-09-01-preview", "2024-10-01-preview",
    "2024-11-01-preview", "2025-09-01", "2026-06-01-preview", "2026-07-01",
)  # fmt: skip
"""Versions whose container group has the one shape the emulator serves."""

_CUT_STATUS = 0


@dataclass(frozen=True, kw_only=True)
class Stations:
    """What every ARM request goes through before its handler."""

    subscription: Subscription
    clock: Clock
    effects: FaultEffects
    tokens: Tokens
    throttle: Throttle
    requests: RequestLog
    body_limit_bytes: int
    callers: Callers


class ArmGateway:
    """The ARM endpoint: faults, token, throttle, api-version, then the operation's handler."""

    def __init__(self, router: Router, stations: Stations) -> None:
        self._router = router
        self._stations = stations

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        began_s = time.perf_counter()
        headers = self._headers()
        operation, group, cut = "unknown", "", False
        try:
            check_caller(request, self._stations.callers)
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
        location = self._stations.subscription.locations[0]
        now = self._stations.clock.now()
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
        stations = self._stations
        rules = await stations.effects.before(route.operation, params.get("name", "").lower())
        if route.needs_token:
            stations.tokens.check(request.headers.get("Authorization"))
        _check_version(request.query.get("api-version"), route)
        if "subscription" in params:
            stations.subscription.check(params["subscription"])
        headers |= stations.throttle.pass_arm(request.method, _ACTOR)
        limit = stations.body_limit_bytes
        payload = await read_payload(request, limit) if route.reads_body else None
        answer = await route.handler(call_of(request, route, params, payload))
        stations.effects.after(rules)
        return answer

    def _note(
        self, request: web.BaseRequest, operation: str, group: str, status: int, began_s: float
    ) -> None:
        duration_ms = (time.perf_counter() - began_s) * 1000
        self._stations.requests.add(
            LoggedRequest(
                at=self._stations.clock.now(),
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


def _check_version(version: str | None, route: Route) -> None:
    if not version:
        raise errors.api_version_missing()
    if not route.any_version and version not in API_VERSIONS:
        raise errors.api_version_unknown(version, ",".join(API_VERSIONS))


class AdminDoor:
    """The admin API, which answers to those who know its path only.

    Args:
        router: Its routes, below `/admin`.
        secret: The segment after `/admin`, another one in each run.
    """

    def __init__(self, router: Router, secret: str) -> None:
        self._router = router
        self._secret = secret.encode()

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route and the names in the path; None for a path of somebody else.

        Raises:
            ArmError: the secret is not in it, or there is nothing behind it.
        """
        first, _, rest = raw_path.strip("/").partition("/")
        if first.lower() != "admin":
            return None
        shown, _, inside = rest.partition("/")
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), self._secret):
            raise errors.admin_path_unknown()
        return self._router.find(method, f"/admin/{inside}")


class ControlGateway:
    """The control port: identity endpoint and admin API, on loopback, without a token."""

    def __init__(
        self, identity: Router, admin: AdminDoor, *, callers: Callers, body_limit_bytes: int
    ) -> None:
        self._identity = identity
        self._admin = admin
        self._callers = callers
        self._body_limit_bytes = body_limit_bytes

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            check_caller(request, self._callers)
            asked = request.method, request.rel_url.raw_path
            route, params = self._admin.find(*asked) or self._identity.find(*asked)
            payload = await read_payload(request, self._body_limit_bytes)
            answer = await route.handler(call_of(request, route, params, payload))
        except ArmError as refusal:
            answer = Answer(status=refusal.status, body=refusal.body(), headers=refusal.headers)
        except Exception:  # noqa: BLE001 - never a traceback on the wire
            _log.exception("control request %s failed", request.method)
            answer = _refused(errors.internal(str(uuid.uuid4())))
        return encode(answer, {})
