"""The templates in infra/ and their snapshots; as a command: renews the snapshots."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bicep_compiler import MISSING, Bicep, compiler

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).parents[2] / "infra"
SETS = tuple(path.stem for path in sorted((INFRA / "params").glob("*.bicepparam")))
"""The sets of parameters; each has a snapshot."""


def parameters_of(name: str) -> Path:
    """Return the path of a set of parameters."""
    return INFRA / "params" / f"{name}.bicepparam"


def snapshot_of(name: str) -> Path:
    """Return the path of the snapshot of a set of parameters."""
    return INFRA / "params" / f"{name}.snapshot.json"


def committed(name: str) -> dict[str, Any]:
    """Return a committed snapshot."""
    found: dict[str, Any] = json.loads(snapshot_of(name).read_text("utf-8"))
    return found


def resources(name: str, kind: str = "") -> list[dict[str, Any]]:
    """Return the resources of a committed snapshot: all, or those of one type."""
    found = committed(name)["predictedResources"]
    return [one for one in found if kind in {"", one["type"]}]


def app_settings(name: str) -> dict[str, str]:
    """Return the settings of the function app."""
    (app,) = resources(name, "Microsoft.Web/sites")
    return {one["name"]: one["value"] for one in app["properties"]["siteConfig"]["appSettings"]}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value within a document, with the names that lead to it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def _renew() -> None:
    with Bicep() as bicep:
        for name in SETS:
            found = bicep.snapshot(parameters_of(name))
            found["outputs"] = dict(sorted(found["outputs"].items()))  # the compiler has no order
            text = json.dumps(found, indent=2, ensure_ascii=False)
            snapshot_of(name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    if compiler() is None:
        sys.exit(MISSING)
    _renew()
