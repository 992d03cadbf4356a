"""What a location offers besides its quotas, which the settings hold."""

from __future__ import annotations

from typing import Any

CACHED_IMAGES: tuple[dict[str, str], ...] = tuple(
    {"osType": "Windows", "osVersion": "Windows Server 2019 - After 2B", "image": image}
    for image in (
        "mcr.microsoft.com/windows/nanoserver:10.0.17763.1158-amd64",
        "mcr.microsoft.com/windows/servercore:10.0.17763.1158-amd64",
    )
)
"""Two of the 43 recorded in tests/fixtures/aci_emulator/cached_images.json's source."""

# What a group of a kind can have at most: osType, ipAddressType, gpu, memory, cores, GPUs. Recorded.
_MOST: tuple[tuple[str, str, str, float, float, int], ...] = (
    ("NotSpecified", "Public", "None", 256.0, 32.0, 0),
    ("NotSpecified", "Private", "None", 256.0, 32.0, 0),
    ("Linux", "Public", "V100", 448.0, 24.0, 4),
)


def capabilities(location: str) -> list[dict[str, Any]]:
    """Return what groups of a location can have.

    Source: tests/fixtures/aci_emulator/capabilities.json (recorded for eastus).
    """
    return [
        {
            "resourceType": "containerGroups",
            "osType": os_type,
            "location": location,
            "ipAddressType": address,
            "gpu": gpu,
            "capabilities": {"maxMemoryInGB": memory_gb, "maxCpu": cores, "maxGpuCount": gpus},
        }
        for os_type, address, gpu, memory_gb, cores, gpus in _MOST
    ]
