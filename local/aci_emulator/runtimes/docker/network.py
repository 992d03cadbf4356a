"""Where containers find the machine that their engine runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import docker

_DEFAULT_NETWORKS = ("bridge", "podman")


def gateway(api: docker.APIClient) -> str:
    """Return this machine's address on the engine's default network, empty where it tells none."""
    for network in api.networks():
        if network.get("Name") in _DEFAULT_NETWORKS:
            for config in (network.get("IPAM") or {}).get("Config") or []:
                if config.get("Gateway"):
                    return str(config["Gateway"])
    return ""
