"""Which images a pattern fits.

An image is looked at as an engine reads it: `alpine` is `docker.io/library/alpine:latest`, and a tag
beside a digest counts for nothing.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from acijobs.domain.spec.image import is_registry, registry_of

_DOCKER_HUB = "docker.io"
_ALSO_DOCKER_HUB = frozenset({"index.docker.io", "registry-1.docker.io"})


def registry(image: str) -> str:
    """Return the registry that the image is pulled from, under its one name."""
    host = registry_of(image)
    return _DOCKER_HUB if host in _ALSO_DOCKER_HUB else host


def fits(image: str, pattern: str) -> bool:
    """Tell whether a pattern fits an image.

    `*` and `?` stand for any text; in the registry, for no slash, so that `*.azurecr.io/*` fits no
    repository of another registry. A pattern without a tag and digest fits every tag and digest. One
    that names no registry means Docker Hub, unless it is `*` alone or begins with `*/`.
    """
    host, name, version = _parts(image)
    if pattern == "*":
        return True
    pattern_host, pattern_name = _pattern_parts(pattern)
    if not fnmatchcase(host, pattern_host):
        return False
    return fnmatchcase(name, pattern_name) or fnmatchcase(name + version, pattern_name)


def _parts(image: str) -> tuple[str, str, str]:
    """Return registry, repository, and `:tag` or `@digest`."""
    reference, at, digest = image.partition("@")
    head, colon, tag = reference.rpartition(":")
    is_tag = bool(colon) and "/" not in tag
    name, version = (head, f":{tag}") if is_tag else (reference, ":latest")
    return registry(name), _repository(name), f"@{digest}" if at else version


def _pattern_parts(pattern: str) -> tuple[str, str]:
    first, slash, rest = pattern.partition("/")
    if slash and first == "*":
        return "*", rest
    if slash and "*" in first and "." in first:
        return first.lower(), rest
    return registry(pattern), _repository(pattern)


def _repository(name: str) -> str:
    first, slash, rest = name.partition("/")
    if slash and is_registry(first):
        is_official = registry(name) == _DOCKER_HUB and "/" not in rest
        return f"library/{rest}" if is_official else rest
    return name if slash else f"library/{name}"
