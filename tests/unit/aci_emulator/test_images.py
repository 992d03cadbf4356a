from __future__ import annotations

import pytest

from aci_emulator.errors import ArmError
from aci_emulator.groups.images import check_image
from aci_emulator.settings import Images


def test_a_malformed_image_is_inaccessible() -> None:
    """What is no reference is refused as ARM refuses what it cannot find."""
    with pytest.raises(ArmError) as refused:
        check_image("a//b", "g", Images())
    assert refused.value.code == "InaccessibleImage"


def test_patterns_decide_what_the_registries_have() -> None:
    """Inaccessible goes before accessible; the others have their own codes."""
    images = Images(
        accessible=("team/*", "alpine*"),
        inaccessible=("team/secret*",),
        os_unsupported=("team/windows*",),
        registry_down=("down.example.com/*",),
    )
    check_image("team/app:1", "g", images)
    for image, code in (
        ("team/secret:1", "InaccessibleImage"),
        ("other/app", "InaccessibleImage"),
        ("team/windows:1", "OsVersionNotSupported"),
        ("down.example.com/app", "RegistryErrorResponse"),
    ):
        with pytest.raises(ArmError) as refused:
            check_image(image, "g", images)
        assert refused.value.code == code


def test_the_registry_is_named_in_the_services_words() -> None:
    """A name without a host is on `index.docker.io`."""
    images = Images(registry_down=("*",))
    for image, registry in (
        ("team/app", "index.docker.io"),
        ("r.example.com/app", "r.example.com"),
    ):
        with pytest.raises(ArmError, match=registry):
            check_image(image, "g", images)
