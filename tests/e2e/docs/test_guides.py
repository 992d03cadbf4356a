"""The commands of the guides are run as they stand there, and do what the guides show."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from azure_cli import OF_AZ_ITSELF, find_az
from guide import replaced
from guide_shell import MISSING, ROOT, GuideShell
from guides_run import FROM_MAKE_UP, ON_AZURITE, WITH_KEYS, WITHOUT_KEYS, GuideRun
from network import Network
from stack.child import free_port
from stack.http import send

if TYPE_CHECKING:
    from stack.local_stack import LocalStack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}"),
]

AZ = find_az()
AZURITE = os.environ.get("ACIJOBS_AZURITE", "")
FOLLOWED: dict[str, Any] = {
    "id": "render-42",
    "image": "alpine:3.20",
    "command": ["sh", "-c", "echo frame 1; sleep 600"],
    "sidecars": [
        {
            "name": "proxy",
            "image": "alpine:3.20",
            "command": ["sh", "-c", "echo listening; sleep 600"],
            "cpu": 0.1,
            "memoryGb": 0.1,
        }
    ],
}
"""The job that the guide on logs follows."""


def named(run: GuideRun) -> str:
    return Path(run.page).stem


@pytest.mark.parametrize("run", WITH_KEYS, ids=named)
def test_a_guide_for_an_app_with_keys(
    run: GuideRun, keyed_stack: LocalStack, tmp_path: Path
) -> None:
    """Its commands hold the key where one is asked for."""
    variables = {"URL": keyed_stack.base_url, "KEY": keyed_stack.function_key}
    with GuideShell(tmp_path, variables) as shell:
        shell.do(run.parts)


@pytest.mark.parametrize("run", WITHOUT_KEYS, ids=named)
def test_a_guide_beside_a_local_stack(run: GuideRun, own_stack: LocalStack, tmp_path: Path) -> None:
    """With the job that it speaks of."""
    words = {
        "http://127.0.0.1:7071": own_stack.base_url,
        ".venv/bin/python": sys.executable,
        ". .local/": f". {own_stack.options.state}/",
    }
    if "follow-logs" in run.page:
        assert send("POST", f"{own_stack.base_url}/api/jobs", body=FOLLOWED).status == 202
    with GuideShell(tmp_path) as shell:
        shell.do(replaced(part, words) for part in run.parts)


@pytest.mark.parametrize("run", FROM_MAKE_UP, ids=named)
def test_a_guide_that_starts_the_stack(run: GuideRun, tmp_path: Path) -> None:
    """On other ports than a developer's own."""
    port, arm_port = str(free_port()), str(free_port())
    variables = {"PORT": port, "ARM_PORT": arm_port, "STATE": str(tmp_path / ".local")}
    with GuideShell(tmp_path, variables) as shell:
        shell.do(replaced(part, {"7071": port, "8443": arm_port}) for part in run.parts)


@pytest.mark.azurite
@pytest.mark.skipif(AZ is None, reason="no Azure CLI: set ACIJOBS_AZ, or put az on PATH")
@pytest.mark.skipif(not AZURITE, reason="ACIJOBS_AZURITE has no connection string")
@pytest.mark.parametrize("run", ON_AZURITE, ids=named)
def test_a_guide_with_azurite(run: GuideRun, tmp_path: Path) -> None:
    """With a queue of its own; nothing but loopback is reached."""
    assert AZ is not None
    port, queue = str(free_port()), f"jobs-{secrets.token_hex(4)}"
    words = {"7071": port, "acijobs-jobs": queue, "UseDevelopmentStorage=true": f"'{AZURITE}'"}
    with Network() as network:
        variables = {
            **network.variables,
            "PORT": port,
            "ARM_PORT": "0",
            "STATE": str(tmp_path / "state"),
            "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "PATH": f"{AZ.parent}{os.pathsep}{os.environ['PATH']}",
        }
        with GuideShell(tmp_path, variables) as shell:
            shell.do(replaced(part, words) for part in run.parts)
        assert network.asked_for <= OF_AZ_ITSELF


def test_the_python_of_the_guide_on_many_jobs(keyed_stack: LocalStack, tmp_path: Path) -> None:
    """It yields what failed of a batch."""
    code = (ROOT / "docs" / "guides" / "many-jobs.md").read_text("utf-8")
    code = code.split("```python\n", 1)[1].split("```", 1)[0]
    url, key = keyed_stack.base_url, keyed_stack.function_key
    spec = {"image": "alpine", "command": ["false"], "labels": {"batch": "python"}, "id": "p-1"}
    headers = {"x-functions-key": key}
    assert send("POST", f"{url}/api/jobs", body=spec, headers=headers).status == 202
    look = "import time\nwhile not (found := list(failed('python'))): time.sleep(0.5)\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{look}print(json.dumps(found))"],
        env={"URL": url, "KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert [(job["id"], job["state"]) for job in json.loads(done.stdout)] == [("p-1", "Failed")]
