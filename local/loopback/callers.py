"""Tells requests that a foreign web page has sent from those of this machine's programs.

A browser lets any page send requests to 127.0.0.1, with the page's origin in them; and a page whose
own name is made to resolve to 127.0.0.1 (DNS rebinding) may even read the answers, but its name is then
in the Host header. Programs such as curl send no Origin, and name the address that they called.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>.+)")
_PORTS = {"http": 80, "https": 443}


def is_loopback(name: str) -> bool:
    """Tell whether an address or a name is this machine's own, whatever a name server says."""
    address = _address(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


class Callers:
    """Knows by which names a server may be called, and from which origins.

    Args:
        bound: The address that the server binds to; one for all addresses allows any literal address.
        names: More names, as the operator gives them.
        origins: Origins of other sites that may call it; `*` allows every one.
    """

    def __init__(
        self, bound: str = "127.0.0.1", names: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> None:
        self._takes_any_address = bound in _EVERYWHERE
        self._names = frozenset(_plain(name) for name in (bound, *names) if name)
        self._origins = frozenset(origin.casefold() for origin in origins)

    def refusal(self, scheme: str, host: str | None, origin: str | None) -> str | None:
        """Return why a request is refused, None if it is not.

        Args:
            scheme: `http` or `https`.
            host: Its Host header.
            origin: Its Origin header; None for what is not sent by a browser.
        """
        called = _split(scheme, host or "")
        if called is None or not self._may_be_called(called[0]):
            return f"the Host {(host or '')[:100]!r} is not an address of this server"
        if origin is None or self._may_send(origin, called):
            return None
        return f"the Origin {origin[:100]!r} is another site"

    def _may_be_called(self, name: str) -> bool:
        is_address = _address(name) is not None
        return self._is_known(name) or (self._takes_any_address and is_address)

    def _is_known(self, name: str) -> bool:
        return is_loopback(name) or name in self._names

    def _may_send(self, origin: str, called: tuple[str, int]) -> bool:
        if "*" in self._origins or origin.casefold() in self._origins:
            return True
        parts = _ORIGIN.fullmatch(origin)
        sent_by = _split(parts["scheme"], parts["authority"]) if parts else None
        if sent_by is None or sent_by[1] != called[1]:
            return False
        return sent_by[0] == called[0] or self._is_known(sent_by[0])


def _split(scheme: str, authority: str) -> tuple[str, int] | None:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return None
    return _plain(parts["name"]), int(parts["port"] or _PORTS.get(scheme, 0))


def _plain(name: str) -> str:
    """Return a name or an address as it is compared."""
    name = name.strip("[]").rstrip(".").casefold()
    address = _address(name)
    return name if address is None else str(address)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
