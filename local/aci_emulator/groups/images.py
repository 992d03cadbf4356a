"""What the emulated registries answer about an image when a group is requested."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aci_emulator.groups import errors

if TYPE_CHECKING:
    from aci_emulator.errors import ArmError
    from aci_emulator.settings import Images

# Source: the reference grammar of the OCI distribution specification.
_REFERENCE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?)/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][\w+.-]*:[0-9a-fA-F]{32,})?\Z"
)
_LONGEST = 512


def check_image(image: str, group: str, images: Images) -> None:
    """Accept an image the registries have.

    Raises:
        ArmError: `InaccessibleImage`, `OsVersionNotSupported` or `RegistryErrorResponse`.
    """
    refusal = _refusal(image, group, images)
    if refusal is not None:
        raise refusal


def _refusal(image: str, group: str, images: Images) -> ArmError | None:
    if len(image) > _LONGEST or not _REFERENCE.match(image):
        return errors.inaccessible_image(image[:_LONGEST], group)
    if _matches(image, images.registry_down):
        return errors.registry_error(registry_of(image))
    if _matches(image, images.inaccessible):
        return errors.inaccessible_image(image, group)
    if images.accessible and not _matches(image, images.accessible):
        return errors.inaccessible_image(image, group)
    if _matches(image, images.os_unsupported):
        return errors.os_version_unsupported(image)
    return None


def _matches(image: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(image, pattern) for pattern in patterns)


def registry_of(image: str) -> str:
    """Return the registry an image reference names, Docker Hub's when it names none."""
    head, slash, _ = image.partition("/")
    return (
        head if slash and ("." in head or ":" in head or head == "localhost") else "index.docker.io"
    )
