"""The sovereign clouds, as docs/guides/sovereign-clouds.md has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "sovereign-clouds.md"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What a cloud's hosts are called.

    Attributes:
        name: As azd and the Azure CLI call it.
        arm: URL of Azure Resource Manager.
        authority: URL of Microsoft Entra.
        storage: How hosts of storage accounts end, behind the service's name.
        vaults: The domain that key vaults are below.
    """

    name: str
    arm: str
    authority: str
    storage: str
    vaults: str

    @property
    def arm_host(self) -> str:
        """The host of Azure Resource Manager, with its port."""
        return f"{self.arm.removeprefix('https://')}:443"


def clouds_on_page() -> list[Cloud]:
    """Return the clouds of the guide's table: a column each, the public cloud's first."""
    rows = {
        cells[0].strip(): [cell.strip(" `") for cell in cells[1:]]
        for line in re.findall(r"^\|(.+)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
        if len(cells := line.split("|")) == 4
    }
    columns = zip(
        rows["Name, to azd and `az`"],
        rows["`ArmEndpoint`"],
        rows["`AZURE_AUTHORITY_HOST`"],
        rows["Storage accounts end in"],
        rows["Key vaults are below"],
        strict=True,
    )
    return [
        Cloud(name=name, arm=arm, authority=authority, storage=storage, vaults=vaults)
        for name, arm, authority, storage, vaults in columns
    ]
