"""Which hosts are key vaults: only these are ever sent a request, and the app's token in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DOMAINS = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net")
"""Source: learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates, DNS suffixes."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class VaultHosts:
    """The hosts of key vaults: one name below Azure's own domains, and what the operator lists.

    Attributes:
        more: Hosts that the operator vouches for, in lower case, each with its port if it has one.
    """

    more: frozenset[str] = frozenset()

    @classmethod
    def of(cls, patterns: tuple[str, ...]) -> VaultHosts:
        """Return the hosts where the operator allows these; a pattern that is no host adds none."""
        return cls(more=frozenset(pattern.lower() for pattern in patterns))

    def has(self, host: str) -> bool:
        """Tell whether this host, with its port if it has one, is a vault's."""
        name = host.lower()
        label, dot, domain = name.partition(".")
        return name in self.more or (
            dot + domain in _DOMAINS and _LABEL.fullmatch(label) is not None
        )
