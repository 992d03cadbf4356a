"""Bearer tokens: issued by the identity endpoint, checked by the ARM endpoint."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aci_emulator.identity import errors

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "00000000-0000-0000-0000-00000000000a"
PRINCIPAL = "00000000-0000-0000-0000-0000000000aa"
_REMEMBERED = 1_000


@dataclass(frozen=True, kw_only=True)
class Token:
    """An issued token; `expires_on` in epoch seconds of the clock its holder has, the machine's."""

    text: str
    expires_on: int


@dataclass(frozen=True, kw_only=True)
class _Claims:
    audience: str
    expires_on: float
    generation: int


class Tokens:
    """Issues and checks tokens.

    Args:
        key: Signs them; kept in the state folder, so that tokens outlive the emulator as Azure's do.
        lifetime_s: How long they are good.
        audiences: What the ARM endpoint takes tokens for.
    """

    def __init__(self, key: bytes, *, lifetime_s: float, audiences: tuple[str, ...]) -> None:
        self._key = key
        self._audiences = audiences
        self._lifetime_s = lifetime_s
        self._generation = 0
        self._known: OrderedDict[str, _Claims] = OrderedDict()

    @property
    def identity_header(self) -> str:
        """The secret a caller of the identity endpoint shows in `X-IDENTITY-HEADER`."""
        return hmac.new(self._key, b"identity header", hashlib.sha256).hexdigest()

    def issue(self, resource: str, client_id: str) -> Token:
        """Return a token for a resource."""
        now = int(time.time())
        expires_on = now + max(1, int(self._lifetime_s))
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now,
            "nbf": now,
            "exp": expires_on,
            "appid": client_id,
            "oid": PRINCIPAL,
            "tid": TENANT,
            "gen": self._generation,
        }
        text = f"{_encoded({'typ': 'JWT', 'alg': 'HS256'})}.{_encoded(claims)}"
        return Token(text=f"{text}.{self._signature(text)}", expires_on=expires_on)

    def expire_all(self) -> None:
        """Let every token issued so far be expired."""
        self._generation += 1

    def check(self, authorization: str | None, audiences: tuple[str, ...] = ()) -> None:
        """Accept a request's `Authorization` header, with a token for ARM or for these audiences.

        Raises:
            ArmError: 401 in ARM's shape.
        """
        if not authorization:
            raise errors.header_missing()
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise errors.scheme_wrong()
        claims = self._known.get(text) or self._verified(text)
        known = audiences or self._audiences
        if claims.audience not in known:
            raise errors.audience_wrong(claims.audience, known)
        if claims.generation < self._generation or claims.expires_on <= time.time():
            raise errors.token_expired()

    def _verified(self, text: str) -> _Claims:
        body, dot, signature = text.rpartition(".")
        wanted = self._signature(body)
        if not dot or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), wanted.encode()
        ):
            raise errors.token_invalid()
        claims = _decoded(body.partition(".")[2])
        found = _Claims(
            audience=str(claims["aud"]).rstrip("/"),
            expires_on=claims["exp"],
            generation=claims["gen"],
        )
        self._known[text] = found
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _signature(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")


def signing_key(state_dir: Path) -> bytes:
    """Return the state folder's key, made if missing."""
    path = state_dir / "identity.key"
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _decoded(part: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
