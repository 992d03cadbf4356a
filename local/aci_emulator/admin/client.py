"""A client of the admin API for tests, demos and benchmarks; needs only the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

_TIMEOUT_S = 30.0


class AdminError(Exception):
    """The admin API refused; the text is its message."""


class AdminClient:
    """Talks to the admin API of a running emulator.

    Args:
        url: What the emulator calls `ACI_EMULATOR_ADMIN`.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def health(self) -> dict[str, Any]:
        """Return runtime, time and numbers of groups; raises OSError until it serves."""
        return self._json("GET", "/health")

    def requests(self, *, group: str | None = None, recent: int = 0) -> dict[str, Any]:
        """Return the counts of requests, and the newest `recent` of them."""
        query = {"recent": str(recent)} | ({"group": group} if group else {})
        return self._json("GET", f"/requests?{urlencode(query)}")

    def reset_requests(self) -> None:
        """Begin counting requests anew."""
        self._send("DELETE", "/requests")

    def groups(self) -> list[dict[str, Any]]:
        """Return every live group."""
        found: list[dict[str, Any]] = self._json("GET", "/groups")["value"]
        return found

    def containers(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return the containers of every group ever created whose name begins so."""
        query = urlencode({"prefix": prefix})
        found: list[dict[str, Any]] = self._json("GET", f"/containers?{query}")["value"]
        return found

    def groups_created(self) -> int:
        """Return how many groups were ever created."""
        return int(self._json("GET", "/groups")["createdTotal"])

    def befall(self, group: str, action: str, **details: Any) -> None:
        """Let `platform_restart`, `evict`, `repairing` or `vanish` befall a group."""
        self._send("POST", f"/groups/{quote(group, safe='')}/{action}", details)

    def add_fault(self, kind: str, **rule: Any) -> str:
        """Put a fault rule in force and return its id."""
        return str(self._json("POST", "/faults", {"kind": kind, **rule})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Return every rule with how often it matched and struck."""
        found: list[dict[str, Any]] = self._json("GET", "/faults")["value"]
        return found

    def remove_fault(self, rule_id: str) -> None:
        """Lift one rule."""
        self._send("DELETE", f"/faults/{quote(rule_id, safe='')}")

    def clear_faults(self, *, seed: int | None = None) -> None:
        """Lift every rule, and set the dice anew if a seed is given."""
        self._send("DELETE", "/faults" if seed is None else f"/faults?seed={seed}")

    def advance(self, seconds: float = 0.0) -> None:
        """Move a virtual clock on; with 0, let everything that can happen now happen."""
        self._send("POST", "/clock", {"advance_s": seconds})

    def skew(self, seconds: float) -> None:
        """Set by how much the service's clock is ahead of the true one."""
        self._send("POST", "/clock", {"skew_s": seconds})

    def expire_tokens(self) -> None:
        """Let every token issued so far be expired."""
        self._send("POST", "/tokens/expire")

    def remove_registration(self) -> None:
        """Let the subscription not be registered for the namespace."""
        self._send("POST", "/registration/remove")

    def add_script(self, **script: Any) -> None:
        """Let a script of the scripted runtime go before all others."""
        self._send("POST", "/scripts", script)

    def _json(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self._send(method, path, body))
        return decoded

    def _send(self, method: str, path: str, body: Any = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the emulator's own loopback address
            f"{self._url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - likewise
                content: bytes = reply.read()
                return content
        except urllib.error.HTTPError as refusal:
            with refusal:
                text = refusal.read().decode("utf-8", "replace")
            raise AdminError(f"{method} {path}: {text}") from None
