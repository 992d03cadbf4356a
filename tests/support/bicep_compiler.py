"""The Bicep compiler as a server: one process answers for all templates, which saves a second each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

MISSING = (
    "there is no Bicep compiler: set BICEP to one, or install it "
    "(https://learn.microsoft.com/azure/azure-resource-manager/bicep/install)"
)
_BESIDE = Path(__file__).parents[3] / "shared" / "tools" / "bicep"
_WHERE = {
    "subscriptionId": "00000000-0000-0000-0000-000000000000",
    "tenantId": "00000000-0000-0000-0000-000000000001",
    "deploymentName": "acijobs",
    "location": "westeurope",
}


def compiler() -> str | None:
    """Return what `BICEP` names, else the compiler beside the checkout, else that of the PATH."""
    beside = str(_BESIDE) if _BESIDE.is_file() else None
    return os.environ.get("BICEP") or beside or shutil.which("bicep")


class Bicep:
    """A running compiler, between `with` and its end."""

    def __enter__(self) -> Self:
        """Start it."""
        command = compiler()
        assert command is not None, MISSING
        self._process = subprocess.Popen(
            [command, "jsonrpc", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.communicate(timeout=30)

    def compiled(self, template: Path) -> tuple[dict[str, Any], list[str]]:
        """Return the template as Azure Resource Manager reads it, and every warning and error."""
        answer = self._ask("bicep/compile", {"path": str(template)})
        diagnostics = [
            f"{Path(one['source']).name}:{one['range']['start']['line'] + 1} "
            f"{one['level']} {one['code']}: {one['message']}"
            for one in answer["diagnostics"]
        ]
        return json.loads(answer["contents"] or "{}"), diagnostics

    def complaints_of_parameters(self, parameters: Path) -> list[str]:
        """Return every warning and error of a file of parameters."""
        ask = {"path": str(parameters), "parameterOverrides": {}}
        answer = self._ask("bicep/compileParams", ask)
        return [f"{one['level']} {one['code']}: {one['message']}" for one in answer["diagnostics"]]

    def snapshot(self, parameters: Path) -> dict[str, Any]:
        """Return what a deployment with these parameters would make, evaluated without Azure."""
        ask = {"path": str(parameters), "metadata": _WHERE}
        found: dict[str, Any] = json.loads(self._ask("bicep/getSnapshot", ask)["snapshot"])
        return found

    def formatted(self, source: Path) -> str:
        """Return the file as the compiler would write it."""
        return str(self._ask("bicep/format", {"path": str(source)})["contents"])

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        body = json.dumps(asked).encode()
        writer, reader = self._process.stdin, self._process.stdout
        assert writer is not None
        assert reader is not None
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        writer.flush()
        length = 0
        while line := reader.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answer = json.loads(reader.read(length))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result
