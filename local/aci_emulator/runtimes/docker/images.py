"""Making images available, and naming them as ACI's Pulled event does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import parse_repository_tag
from requests.exceptions import RequestException

from aci_emulator.image_references import HUB, registry_and_path, registry_server
from aci_emulator.runtimes.contract import RegistryCredential, RuntimeRefusalError

if TYPE_CHECKING:
    import docker

PullPolicy = Literal["always", "missing", "never"]

# What engines say when the registry itself is the trouble; all else is the image or the right to it.
_REGISTRY_TROUBLE = re.compile(
    r"dial tcp|connection refused|no such host|i/o timeout|server misbehaving|toomanyrequests|"
    r"too many requests|\b50[0234]\b|TLS handshake|EOF|network is unreachable|deadline exceeded|"
    r"pinging container registry",
    re.IGNORECASE,
)


def make_available(
    api: docker.APIClient,
    image: str,
    credentials: tuple[RegistryCredential, ...],
    policy: PullPolicy,
) -> str:
    """Return the digest (or id) of the image, which the engine now has.

    Args:
        api: The engine.
        image: The reference as given.
        credentials: The group's; the one whose server is the image's is used.
        policy: `always` asks the registry each time; `missing` only when the engine has no such
            image; `never` not at all.

    Raises:
        RuntimeRefusalError: `InaccessibleImage` or `RegistryErrorResponse`.
    """
    if policy != "always":
        present = _present(api, image)
        if present is not None or policy == "never":
            return present or _refuse_absent(image)
    try:
        _pull(api, image, credentials)
    except (DockerException, RequestException) as error:
        raise _refusal(image, str(getattr(error, "explanation", None) or error)) from error
    return _present(api, image) or _refuse_absent(image)


def _present(api: docker.APIClient, image: str) -> str | None:
    try:
        found = api.inspect_image(image)  # type: ignore[no-untyped-call]
    except (ImageNotFound, NotFound):
        return None
    except APIError as error:
        # An engine answers a reference it cannot even parse with 400 or 500.
        raise _refusal(image, str(error.explanation or error)) from error
    return digest_named(image, found.get("RepoDigests") or []) or str(found["Id"])


def digest_named(image: str, repo_digests: list[str]) -> str | None:
    """Return the digest that an image has in its own repository, or in any, or None if it has none.

    An image that was pulled from several repositories lists one digest for each.
    """
    wanted = _full_name(image)
    for name, _, digest in (listed.partition("@") for listed in repo_digests):
        if _full_name(name) == wanted:
            return digest
    return repo_digests[0].partition("@")[2] if repo_digests else None


def _full_name(image: str) -> str:
    """Return the repository with its registry, which engines write or leave out: no tag, no digest."""
    registry, path = registry_and_path(parse_repository_tag(image)[0])
    if registry == HUB and "/" not in path:
        path = f"library/{path}"
    return f"{registry}/{path}"


def _pull(api: docker.APIClient, image: str, credentials: tuple[RegistryCredential, ...]) -> None:
    repository, tag = parse_repository_tag(image)
    lines = api.pull(
        repository,
        tag=tag or "latest",
        stream=True,
        decode=True,
        auth_config=credential_for(image, credentials),
    )
    # The status is sent before the outcome is known: failures come as lines of a 200 answer, which
    # is read to its end for the connection's sake.
    failures = [line["error"] for line in lines if "error" in line]
    if failures:
        raise DockerException(failures[0])


def credential_for(
    image: str, credentials: tuple[RegistryCredential, ...]
) -> dict[str, Any] | None:
    """Return the engine's form of the credential for the image's registry, or None."""
    registry, _ = registry_and_path(image)
    for credential in credentials:
        if registry_server(credential.server) == registry and credential.password is not None:
            return {"username": credential.username or "", "password": credential.password}
    return None


def _refuse_absent(image: str) -> str:
    raise RuntimeRefusalError("InaccessibleImage", f"the engine has no image '{image}'")


def _refusal(image: str, reason: str) -> RuntimeRefusalError:
    trouble = _REGISTRY_TROUBLE.search(reason)
    code = "RegistryErrorResponse" if trouble else "InaccessibleImage"
    return RuntimeRefusalError(code, f"image '{image}': {reason.strip()}")
