from __future__ import annotations

import pytest

from acijobs.domain.spec.image_patterns import fits

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("*", ["alpine", "x.io/a/b:1"], []),
        ("alpine", ["alpine", "alpine:3.20", "docker.io/alpine", "docker.io/library/alpine:1"],
         ["me/alpine", "x.io/alpine", "alpine2", "x.io/library/alpine"]),
        ("alpine:3.*", ["alpine:3.20", "index.docker.io/library/alpine:3.1"], ["alpine", "alpine:2"]),
        ("alpine:3.20", ["alpine:3.20"], [f"alpine:3.20@{DIGEST}", "alpine:3.20.1"]),
        ("alpine:latest", ["alpine"], ["alpine:3"]),
        (f"alpine@{DIGEST}", [f"alpine@{DIGEST}", f"alpine:9@{DIGEST}"], ["alpine:3.20"]),
        ("alpine@sha256:*", [f"alpine@{DIGEST}"], ["alpine", "alpine:sha256"]),
        ("me/*", ["me/app", "docker.io/me/app:1"], ["you/app", "x.io/me/app"]),
        ("team.azurecr.io/*", ["team.azurecr.io/a", "TEAM.azurecr.io/a/b:1"],
         ["evil.io/team.azurecr.io/a", "team.azurecr.io.evil.io/a", "a"]),
        ("*.azurecr.io/*", ["a.azurecr.io/x", "b.azurecr.io/y/z:1"],
         ["evil.io/a.azurecr.io/x", "azurecr.io/x", "a.azurecr.io.evil.io/x"]),
        ("*/private/*", ["x.io/private/a", "docker.io/private/a"], ["x.io/public/private/a", "x.io/a"]),
        ("localhost:5000/app", ["localhost:5000/app:2"], ["localhost/app", "localhost:5001/app"]),
        ("App", [], ["app"]),
        ("docker.io/*/*", ["me/app"], ["EVIL/app", "Evil.corp/app"]),
        ("evil/*", ["evil/app"], ["EVIL/app"]),
        ("EVIL/*", ["EVIL/app"], ["evil/app", "docker.io/evil/app"]),
    ],
)  # fmt: skip
def test_a_pattern_fits_images_as_an_engine_reads_them(
    pattern: str, fitting: list[str], others: list[str]
) -> None:
    """Docker Hub's short names are written out, a tag beside a digest counts for nothing."""
    assert [image for image in fitting if not fits(image, pattern)] == []
    assert [image for image in others if fits(image, pattern)] == []
