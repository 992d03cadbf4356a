"""The vault's endpoint: faults, the challenge, then the secret."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aci_emulator import errors as arm_errors
from aci_emulator.errors import ArmError, ConnectionCut
from aci_emulator.identity.state import TENANT
from aci_emulator.routing import Answer
from aci_emulator.vault import errors
from aci_emulator.wire import call_of, check_caller, encode, read_payload

if TYPE_CHECKING:
    from aiohttp import web

    from aci_emulator.fault_effects import FaultEffects
    from aci_emulator.identity.state import Tokens
    from aci_emulator.routing import Router
    from loopback.callers import Callers

_log = logging.getLogger(__name__)

_BODY_LIMIT_BYTES = 256 * 1024
_NO_TOKEN = "AKV10000: Request is missing a Bearer or PoP token."  # noqa: S105 - a message
_WRONG_TOKEN = "AKV10032: The token is invalid, has expired, or is for another audience."  # noqa: S105


class VaultGateway:
    """Answers requests for secrets, none of which are in any log.

    Args:
        router: Finds the operation.
        tokens: Knows the tokens.
        effects: Carries out faults.
        callers: Knows who may call.
    """

    def __init__(
        self, router: Router, *, tokens: Tokens, effects: FaultEffects, callers: Callers
    ) -> None:
        self._router = router
        self._tokens = tokens
        self._effects = effects
        self._callers = callers

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            check_caller(request, self._callers)
            answer = await self._answer(request)
        except ArmError as refusal:
            answer = Answer(status=refusal.status, body=refusal.body(), headers=refusal.headers)
        except ConnectionCut:
            answer = Answer(status=500)
            if request.transport is not None:
                request.transport.abort()
        except Exception:  # noqa: BLE001 - never a traceback on the wire
            _log.exception("vault request %s failed", request.method)
            answer = Answer(status=500, body=arm_errors.internal(str(uuid.uuid4())).body())
        return encode(answer, {"Cache-Control": "no-cache", "x-ms-request-id": str(uuid.uuid4())})

    async def _answer(self, request: web.BaseRequest) -> Answer:
        try:
            route, params = self._router.find(request.method, request.rel_url.raw_path)
        except ArmError:
            raise errors.path_not_found() from None
        rules = await self._effects.before(route.operation)
        self._check_token(request)
        if not request.query.get("api-version"):
            raise errors.bad_parameter("api-version must be specified")
        payload = await read_payload(request, _BODY_LIMIT_BYTES)
        answer = await route.handler(call_of(request, route, params, payload))
        self._effects.after(rules)
        return answer

    def _check_token(self, request: web.BaseRequest) -> None:
        resource = resource_of(request.host)
        shown = request.headers.get("Authorization")
        if not shown:
            raise errors.challenge(TENANT, resource, _NO_TOKEN)
        try:
            self._tokens.check(shown, (resource,))
        except ArmError:
            raise errors.challenge(TENANT, resource, _WRONG_TOKEN) from None


def resource_of(host: str) -> str:
    """Return the resource that tokens for a vault at this host are for.

    The SDK sends a token only to a host below the one that it is for, as `v.vault.azure.net` is below
    `vault.azure.net`. By that rule 127.0.0.1 is below 0.0.1, whatever that is.
    """
    parts = urlsplit(f"//{host}")
    parent = (parts.hostname or "").partition(".")[2]
    return f"https://{parent}:{parts.port}" if parts.port else f"https://{parent}"
