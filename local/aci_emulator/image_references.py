"""Image references: what one looks like, and which part of it is the registry."""

from __future__ import annotations

import re

HUB = "docker.io"
"""The registry of a reference that names none."""

_HUB_NAMES = {HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
_LONGEST = 512
_HOST_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_NAME_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# Source: the reference grammar of the OCI distribution specification.
_REFERENCE = re.compile(
    rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::[0-9]+)?/)?{_NAME_PART}(?:/{_NAME_PART})*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def is_reference(image: str) -> bool:
    """Return whether a text is an image reference."""
    return len(image) <= _LONGEST and _REFERENCE.fullmatch(image) is not None


def named_registry(image: str) -> str | None:
    """Return the registry as a reference spells it, None when it names none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else None


def repository(image: str) -> str:
    """Return a reference without its tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def registry_and_path(image: str) -> tuple[str, str]:
    """Return the registry server in lower case, Docker Hub's by its first name, and the rest."""
    named = named_registry(image)
    if named is None:
        return HUB, image
    return registry_server(named), image[len(named) + 1 :]


def registry_server(name: str) -> str:
    """Return the server that a registry's name or URL, as credentials have it, stands for."""
    server = (name.partition("://")[2] or name).split("/")[0].lower()
    return HUB if server in _HUB_NAMES else server
