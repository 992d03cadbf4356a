"""Key vaults in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from acijobs.domain.errors import RefusedError


@dataclass(kw_only=True)
class ScriptedVault:
    """Key vaults in memory.

    Attributes:
        secrets: By URL.
        troubles: Errors to raise instead, each once.
        reads: The URLs that were read.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    troubles: list[Exception] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def read(self, url: str) -> str:
        """Return the value of the secret at this URL."""
        self.reads.append(url)
        if self.troubles:
            raise self.troubles.pop(0)
        if url not in self.secrets:
            raise RefusedError("InvalidSettings", "there is no secret there")
        return self.secrets[url]
