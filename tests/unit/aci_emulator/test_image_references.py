"""Image references: what one is, and whose registry it names."""

from __future__ import annotations

import pytest

from aci_emulator.image_references import is_reference, named_registry, registry_and_path

GOOD = [
    "alpine",
    "alpine:3.20",
    "library/alpine",
    "mcr.microsoft.com/azuredocs/aci-helloworld:latest",
    "localhost:5000/a/b_c/d--e:V1.0_x",
    "Team.azurecr.io/app@sha256:" + "a" * 64,
    "r.example.com/x:tag@sha256:" + "a" * 64,
    "r.example.com/x@sha256+b64:" + "a" * 64,
]
BAD = [
    "",
    " ",
    "UPPER",
    "a//b",
    "a:",
    ":tag",
    "/a",
    "a:b:c",
    "-a",
    "a@sha256:short",
    "a b",
    "a\n",
    "ä",
    "http://x/y",
    "a/",
    "a:" + "t" * 129,
    "a" * 513,
]


@pytest.mark.parametrize("image", GOOD)
def test_every_form_of_the_grammar_is_a_reference(image: str) -> None:
    """The grammar is the distribution specification's."""
    assert is_reference(image)


@pytest.mark.parametrize("image", BAD)
def test_anything_else_is_none(image: str) -> None:
    """Nor is what is too long."""
    assert not is_reference(image)


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("busybox", "docker.io"),
        ("library/busybox:1", "docker.io"),
        ("docker.io/library/busybox", "docker.io"),
        ("index.docker.io/library/busybox", "docker.io"),
        ("team.azurecr.io/app@sha256:" + "0" * 64, "team.azurecr.io"),
        ("TEAM.azurecr.io/app", "team.azurecr.io"),
        ("localhost/app", "localhost"),
        ("localhost:5000/app", "localhost:5000"),
        ("127.0.0.1:5000/a/b/c:2", "127.0.0.1:5000"),
    ],
)
def test_the_registry_is_the_first_part_if_it_looks_like_a_host(image: str, registry: str) -> None:
    """A dot, a colon or `localhost` makes it one; everything else lives on Docker Hub."""
    assert registry_and_path(image)[0] == registry


def test_a_registry_is_named_as_the_reference_spells_it() -> None:
    """None where the reference names none: who speaks of it says how it calls Docker Hub."""
    assert named_registry("TEAM.azurecr.io/app") == "TEAM.azurecr.io"
    assert named_registry("team/app") is None
