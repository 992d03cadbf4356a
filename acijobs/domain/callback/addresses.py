"""Tells which network addresses anybody on the internet may have, and which are somebody's inside.

A callback goes where a stranger's request says. It must reach no host of the app's own network, nor
the endpoints that a cloud gives to its own machines: those hand out credentials.
"""

from __future__ import annotations

from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by customers of a carrier
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's own host, seen from every virtual machine
            "169.254.0.0/16",  # link-local: instance metadata, identity endpoints
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT relays
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
"""Source: IANA IPv4 Special-Purpose Address Registry; 168.63.129.16:
learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16.
"""

_GLOBAL_6 = IPv6Network("2000::/3")
"""All that IANA gives out as global unicast. Outside of it are loopback, link-local, unique local and
multicast addresses, IPv4-mapped ones and those of NAT64 (64:ff9b::/96), which lead to IPv4 hosts."""

_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: leads to an IPv4 host
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
"""Source: IANA IPv6 Special-Purpose Address Registry."""

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The middle of an address that a tunnel takes to the IPv4 host in its last four bytes (RFC 5214)."""


def is_public(address: str) -> bool:
    """Tell whether an address, as a resolver gives it, is one of the public internet.

    What is no address, or has a zone (`fe80::1%eth0`), is not.
    """
    try:
        known = ip_address(address)
    except (AddressValueError, ValueError):
        return False
    return _is_public_4(known) if isinstance(known, IPv4Address) else _is_public_6(known)


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _GLOBAL_6:
        return False
    if any(address in network for network in _NOT_PUBLIC_6):
        return False
    is_tunnel = (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
    return not is_tunnel
