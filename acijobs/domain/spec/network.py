"""Names on the network of a job."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.model import SpecModel, told_as
from acijobs.domain.spec.wrong import wrong

_LABEL = r"[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_OPTION = re.compile(r"[a-z0-9-]{1,32}(?::[0-9]{1,5})?")


def _is_address(value: str) -> str:
    try:
        has_zone = getattr(ipaddress.ip_address(value), "scope_id", None) is not None
    except ValueError:
        raise wrong("must be an IP address, like '10.0.0.4'") from None
    if has_zone:  # which may be any text, line ends too
        raise wrong("must be an IP address without a zone, like 'fd00::4'")
    return value


def _is_domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value):
        raise wrong("must be a domain, like 'corp.example.com'")
    return value


def _is_option(value: str) -> str:
    if not _OPTION.fullmatch(value):
        raise wrong("must be an option of resolv.conf, like 'ndots:2'")
    return value


class Dns(SpecModel):
    """How names are resolved, in place of Azure's own way.

    Attributes:
        name_servers: IP addresses of DNS servers, 1 to 10.
        search_domains: Domains that short names are looked up in.
        options: Options as in resolv.conf.
    """

    name_servers: Annotated[
        list[Annotated[str, AfterValidator(_is_address)]], Field(min_length=1, max_length=10)
    ]
    search_domains: Annotated[
        list[
            Annotated[
                str,
                Field(max_length=253),
                AfterValidator(_is_domain),
                told_as(_DOMAIN, most_chars=253),
            ]
        ],
        Field(max_length=32),
    ] = Field(default_factory=list)
    options: Annotated[
        list[Annotated[str, AfterValidator(_is_option), told_as(_OPTION)]], Field(max_length=32)
    ] = Field(default_factory=list)
