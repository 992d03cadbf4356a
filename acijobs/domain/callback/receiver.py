"""The receiver of a callback, as its URL names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from acijobs.domain.callback.addresses import is_public

MAX_URL_CHARS = 2_048

_HTTPS_PORT = 443
_HTTP_PORT = 80
_MAX_PORT = 65_535
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>/[!$&-;=@-Z_a-z~%]*)?(?P<query>\?[!$&-;=?-Z_a-z~%]*)?"
)
"""An absolute URL without a fragment, of the characters that RFC 3986 allows in a path and a query."""
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_HOST_CHARS = 253


class ReceiverError(ValueError):
    """A URL names no receiver that may be called; the text says what would be right."""


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where a callback goes.

    Attributes:
        host: A name in lower case, or a literal address without brackets.
        port: The port.
        is_tls: Whether it is called over TLS.
        target: Path and query, as they stand in the request.
        is_trusted: Whether the operator trusts this host: then any address of it is called.
    """

    host: str
    port: int
    is_tls: bool
    target: str
    is_trusted: bool

    @classmethod
    def of(cls, url: str, trusted: frozenset[str] = frozenset()) -> Receiver:
        """Return the receiver that a URL names.

        Args:
            url: As a job gives it.
            trusted: Hosts, each with or without a port, that may be called over http too, at any port
                and at any address.

        Raises:
            ReceiverError: it must not be called, or is no URL that means the same to everybody.
        """
        found = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARS else None
        if found is None:
            raise ReceiverError(
                f"must be a URL like 'https://example.com/hook', of at most {MAX_URL_CHARS} "
                "characters, without a fragment; percent-encode what is not ASCII"
            )
        scheme = found["scheme"].lower()
        host, given_port = _host_and_port(found["authority"])
        port = given_port or (_HTTP_PORT if scheme == "http" else _HTTPS_PORT)
        is_trusted = bool({host, f"{host}:{port}"} & trusted)
        _check(scheme, host, port, is_trusted=is_trusted)
        target = (found["path"] or "/") + (found["query"] or "")
        return cls(
            host=host, port=port, is_tls=scheme == "https", target=target, is_trusted=is_trusted
        )

    @property
    def authority(self) -> str:
        """The host, and the port where it is not the scheme's own: the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        own = _HTTPS_PORT if self.is_tls else _HTTP_PORT
        return host if self.port == own else f"{host}:{self.port}"


def complaint(url: str, trusted: frozenset[str] = frozenset()) -> str | None:
    """Return why a URL names no receiver that may be called; None where it does."""
    try:
        Receiver.of(url, trusted)
    except ReceiverError as error:
        return str(error)
    return None


def read_trusted(text: str) -> frozenset[str]:
    """Return the hosts that a list like `127.0.0.1:9000, hooks.internal` names.

    Raises:
        ReceiverError: it is no such list.
    """
    found = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        host, port = _host_and_port(part)
        found.add(f"{host}:{port}" if port else host)
    return frozenset(found)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise ReceiverError("must not have a user or a password before its host")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ReceiverError("must name a host, with a port or without; a name that is not ASCII "
                            "is written in Punycode (xn--…)")  # fmt: skip
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port <= _MAX_PORT:
        raise ReceiverError(f"must have a port from 1 to {_MAX_PORT}")
    return _host(found["host"].lower()), port


def _host(host: str) -> str:
    """Return the host in the one form that everybody reads alike."""
    try:
        if host.startswith("["):
            return str(IPv6Address(host[1:-1]))
        labels = host.split(".")
        if _NUMBER.fullmatch(labels[-1]):  # readers take 127.1, 0x7f.1 and 2130706433 for addresses
            return str(IPv4Address(host))
    except ValueError:
        raise ReceiverError("must name a host, or an address in full like 192.0.2.1") from None
    if len(host) > _MAX_HOST_CHARS or not all(_LABEL.fullmatch(label) for label in labels):
        raise ReceiverError("must name a host, by letters, digits and '-' between single dots")
    return host


def _check(scheme: str, host: str, port: int, *, is_trusted: bool) -> None:
    if scheme not in {"https", "http"}:
        raise ReceiverError("must begin with https://")
    if is_trusted:
        return
    if scheme == "http":
        raise ReceiverError("must begin with https://; http is for hosts of CallbackTrustedHosts")
    if port != _HTTPS_PORT:
        raise ReceiverError("must use port 443; others are for hosts of CallbackTrustedHosts")
    is_literal = ":" in host or host[-1].isdigit()
    if is_literal and not is_public(host):
        raise ReceiverError("must not be an address of a private network or of the cloud's own")
    if host == "localhost" or host.endswith(".localhost"):
        raise ReceiverError("must not be the app's own machine")
