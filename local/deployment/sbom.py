"""The software bill of materials of a release: what its zip runs on, as CycloneDX."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
import uuid
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deployment.package import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SPEC_VERSION = "1.6"
_NAME = "acijobs"


def requirements_in(text: str) -> list[Requirement]:
    """Return the packages that a requirements file asks for on this Python."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    wanted = (Requirement(line) for line in lines if line)
    return [one for one in wanted if one.marker is None or one.marker.evaluate()]


def needed_by(wanted: Iterable[Requirement]) -> dict[str, frozenset[str]]:
    """Return these packages and all that they need: names, each with the names that it needs itself.

    Only what is installed here counts, and in the version that is asked for: the release was tested
    with that. Extras that nobody asked for are left out, which cyclonedx-py does not do by itself.

    Raises:
        PackageError: a package is not installed here, or in another version.
    """
    graph: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(wanted)
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        needs = graph.setdefault(name, set())
        for extra in ("", *sorted(one.extras)):
            if (name, extra) not in seen:
                seen.add((name, extra))
                more = _needs(one, extra)
                needs |= {canonicalize_name(each.name) for each in more}
                waiting += more
    return {name: frozenset(needs) for name, needs in sorted(graph.items())}


def sbom(package: bytes, version: str, requirements: str) -> dict[str, Any]:
    """Return the bill of materials of a package: the same from the same package and environment.

    Raises:
        PackageError: what the package runs on is not installed here.
    """
    wanted = requirements_in(requirements)
    graph = needed_by(wanted)
    found: dict[str, Any] = json.loads(_environment())
    by_name: dict[str, dict[str, Any]] = {
        canonicalize_name(one["name"]): one for one in found["components"]
    }
    direct = {canonicalize_name(one.name) for one in wanted}
    digest = hashlib.sha256(package).hexdigest()
    found["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"
    found["metadata"]["component"] = {
        "bom-ref": _NAME,
        "type": "application",
        "name": _NAME,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "MIT"}}],
    }
    found["components"] = [by_name[name] for name in graph]
    found["dependencies"] = [
        _edge(_NAME, direct, by_name),
        *(_edge(by_name[name]["bom-ref"], needs, by_name) for name, needs in graph.items()),
    ]
    return found


def _needs(one: Requirement, extra: str) -> list[Requirement]:
    try:
        installed = distribution(one.name)
    except PackageNotFoundError:
        raise PackageError(f"{one.name} is not installed here: make setup") from None
    if not one.specifier.contains(installed.version, prereleases=True):
        raise PackageError(f"{one} is wanted, and {installed.version} is here: make setup")
    needs = (Requirement(line) for line in installed.requires or ())
    return [each for each in needs if each.marker is None or each.marker.evaluate({"extra": extra})]


def _edge(
    reference: str, needs: Iterable[str], by_name: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    return {"ref": reference, "dependsOn": sorted(by_name[name]["bom-ref"] for name in needs)}


@functools.cache
def _environment() -> str:
    """Return all that is installed here, as cyclonedx-py tells it: licences, descriptions, URLs."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += [
        "--no-validate",
        "--spec-version",
        _SPEC_VERSION,
        "--output-format",
        "JSON",
        sys.executable,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
    if done.returncode:
        raise PackageError(f"cyclonedx-py made no bill of materials: {done.stderr.strip()}")
    return done.stdout
