"""Whose credentials go to which registry, and which digest an image has."""

from __future__ import annotations

import pytest

from aci_emulator.runtimes.contract import RegistryCredential
from aci_emulator.runtimes.docker.images import credential_for, digest_named


@pytest.mark.parametrize(
    ("server", "image", "used"),
    [
        ("team.azurecr.io", "team.azurecr.io/app", True),
        ("https://Team.azurecr.io/", "team.azurecr.io/app", True),
        ("https://index.docker.io/v1/", "private/app", True),
        ("docker.io", "index.docker.io/private/app", True),
        ("team.azurecr.io", "other.azurecr.io/app", False),
        ("azurecr.io", "team.azurecr.io/app", False),
        ("team.azurecr.io", "team.azurecr.io.evil.example/app", False),
        ("team.azurecr.io", "app", False),
    ],
)
def test_a_password_goes_to_its_own_server_only(server: str, image: str, used: bool) -> None:  # noqa: FBT001
    """Servers match whole, whatever their spelling."""
    credential = RegistryCredential(server=server, username="u", password="p")
    found = credential_for(image, (credential,))
    assert found == ({"username": "u", "password": "p"} if used else None)


def test_an_identity_is_no_password() -> None:
    """A credential without a password is passed over; the next one that fits is used."""
    identity = RegistryCredential(server="team.azurecr.io")
    password = RegistryCredential(server="team.azurecr.io", username="u", password="p")
    assert credential_for("team.azurecr.io/app", (identity,)) is None
    assert credential_for("team.azurecr.io/app", (identity, password)) is not None


def test_a_password_is_not_shown() -> None:
    """Neither in logs nor in assertion messages."""
    assert "hidden" not in repr(RegistryCredential(server="s", username="u", password="hidden"))


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        ("alpine:3.20", "sha256:hub"),
        ("docker.io/library/alpine", "sha256:hub"),
        ("team.azurecr.io:443/alpine:3", "sha256:team"),
        ("team.azurecr.io/base/alpine", "sha256:other"),
    ],
)
def test_an_image_has_the_digest_of_its_own_repository(image: str, digest: str) -> None:
    """One image pulled from two registries has two; of a repository not listed, any will do."""
    listed = [
        "other.azurecr.io/alpine@sha256:other",
        "alpine@sha256:hub",
        "team.azurecr.io:443/alpine@sha256:team",
    ]
    assert digest_named(image, listed) == digest


def test_an_image_that_was_built_here_has_no_digest() -> None:
    """No registry gave it one."""
    assert digest_named("localhost/built:1", []) is None
