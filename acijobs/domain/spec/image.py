"""The grammar of an image reference."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.model import told_as
from acijobs.domain.spec.wrong import wrong

MAX_NAME_CHARS = 255
"""Longest name of a repository, its registry included."""

_HOST_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DIGEST = (
    r"(?:sha256:[0-9a-f]{64}|(?!sha256:)[a-z][a-z0-9]*(?:[+._-][a-z][a-z0-9]*)*:[0-9a-f]{32,})"
)
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::\w[\w.-]{{0,127}})?(?:@{_DIGEST})?", re.ASCII
)


def complaint(image: str) -> str | None:
    """Return what is wrong with an image reference, None when nothing is.

    Source: `reference/regexp.go` of github.com/distribution/reference, which engines read references
    with; a sha256 digest has 64 digits, as in its `digest` package.
    """
    found = _REFERENCE.fullmatch(image)
    if found is not None and len(found["name"]) <= MAX_NAME_CHARS:
        return None
    if found is not None:
        return f"has a name of more than {MAX_NAME_CHARS} characters"
    if "://" in image:
        return "must be an image reference without a scheme, like 'example.io/app:1'"
    if any(c.isspace() for c in image) or not image:
        return "must be an image reference without spaces, like 'alpine:3.20'"
    name, path = _lowered(image)
    if name != image and _REFERENCE.fullmatch(name):
        return f"must be an image reference: '{path}' is written in lower-case letters"
    return "must be an image reference: [registry/]name[:tag][@digest], like 'alpine:3.20'"


def _lowered(image: str) -> tuple[str, str]:
    """Return the reference with its name, but for the registry, in lower case; and that name."""
    registry, slash, rest = image.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, slash, rest = "", "", image
    end = min((at for at in (rest.find(":"), rest.find("@")) if at >= 0), default=len(rest))
    path = rest[:end].lower()
    return registry + slash + path + rest[end:], path


def registry_of(image: str) -> str:
    """Return the registry that an engine pulls this image from, like `docker.io`."""
    first, slash, _ = image.partition("/")
    return first.lower() if slash and is_registry(first) else "docker.io"


def is_registry(first: str) -> bool:
    """Tell whether the part of a reference before its first slash is a registry, to an engine.

    An upper-case letter makes it one, too: no user of Docker Hub has one.

    Source: `splitDockerDomain` in `normalize.go` of github.com/distribution/reference.
    """
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _is_image(value: str) -> str:
    detail = complaint(value)
    if detail is not None:
        raise wrong(detail)
    return value


Image = Annotated[
    str,
    Field(max_length=512),
    AfterValidator(_is_image),
    told_as(_REFERENCE, most_chars=512),
]
"""An image reference, as `docker run` takes it."""
