"""What the emulated registries answer about an image when a group is requested."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aci_emulator.groups import errors
from aci_emulator.image_references import is_reference, named_registry

if TYPE_CHECKING:
    from aci_emulator.errors import ArmError
    from aci_emulator.settings import Images


def check_image(image: str, group: str, images: Images) -> None:
    """Accept an image the registries have.

    Raises:
        ArmError: `InaccessibleImage`, `OsVersionNotSupported` or `RegistryErrorResponse`.
    """
    refusal = _refusal(image, group, images)
    if refusal is not None:
        raise refusal


def _refusal(image: str, group: str, images: Images) -> ArmError | None:
    if not is_reference(image):
        return errors.inaccessible_image(image, group)
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
    """Return the registry an image reference names, as the service words it."""
    return named_registry(image) or "index.docker.io"
