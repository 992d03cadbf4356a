from __future__ import annotations

import pytest

from aci_emulator.errors import ArmError
from aci_emulator.groups.images import check_image, registry_of
from aci_emulator.settings import Images


@pytest.mark.parametrize(
    "image",
    [
        "alpine",
        "alpine:3.20",
        "library/alpine",
        "mcr.microsoft.com/azuredocs/aci-helloworld:latest",
        "localhost:5000/team/app:1.0_rc",
        "a/b/c/d@sha256:" + "0" * 64,
        "r.example.com/x:tag@sha256:" + "a" * 64,
    ],
)
def test_a_well_formed_image_is_accepted(image: str) -> None:
    """Every form of the reference grammar."""
    check_image(image, "g", Images())


@pytest.mark.parametrize(
    "image", ["Alpine", "a b", "alpine:", ":tag", "/alpine", "a//b", "alpine@sha256:12", "-a", "ä"]
)
def test_a_malformed_image_is_inaccessible(image: str) -> None:
    """What is no reference is refused as ARM refuses what it cannot find."""
    with pytest.raises(ArmError) as refused:
        check_image(image, "g", Images())
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


def test_the_default_registry_is_docker_hub() -> None:
    """A name without a host is on Docker Hub, as the service words it."""
    assert registry_of("alpine") == "index.docker.io"
    assert registry_of("team/app") == "index.docker.io"
    assert registry_of("r.example.com/app") == "r.example.com"
    assert registry_of("localhost/app") == "localhost"
