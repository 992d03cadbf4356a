"""Handlers of the App Service identity endpoint.

Source: overview-managed-identity (REST endpoint reference), api-version 2019-08-01.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from aci_emulator.identity import errors
from aci_emulator.routing import Answer, Call, Route

if TYPE_CHECKING:
    from aci_emulator.identity.state import Tokens

_SYSTEM_ASSIGNED = "00000000-0000-0000-0000-0000000000ab"
_VERSION = "2019-08-01"


class IdentityHandlers:
    """Issues tokens to callers that know the identity header."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """Return the route of tokens, on the control port."""
        return [Route("GET", "/msi/token", "Identity_Token", self.token)]

    async def token(self, call: Call) -> Answer:
        """Answer with a token for the asked resource."""
        shown = call.headers.get("x-identity-header", "")
        if not hmac.compare_digest(
            shown.encode("utf-8", "replace"), self._tokens.identity_header.encode()
        ):
            raise errors.identity_header_wrong()
        if call.query.get("api-version") != _VERSION:
            raise errors.identity_version_wrong()
        resource = call.query.get("resource")
        if not resource:
            raise errors.resource_missing()
        client_id = call.query.get("client_id") or _SYSTEM_ASSIGNED
        token = self._tokens.issue(resource, client_id)
        body = {
            "access_token": token.text,
            "expires_on": str(token.expires_on),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id,
        }
        return Answer(status=200, body=body)
