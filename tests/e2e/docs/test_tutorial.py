"""docs/tutorial.md: every command is run, in its order, and does what the page shows.

The local parts run on the stack that they start themselves. The parts on Azure run against the same app
with keys, and stand-ins for `az` and `azd`, which answer with what the templates would have made.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from azure_plan import AzurePlan, outputs
from guide import SavedFile, Step, parts_of, replaced
from guide_shell import MISSING, ROOT, GuideShell
from runtime_trials import IMAGE, require_engine
from stack.child import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local_stack import LocalStack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}"),
]

PAGE = ROOT / "docs" / "tutorial.md"
LOCAL = [
    "2. Keep it running",
    "3. The first job",
    "4. A job as you would write it",
    "5. Cancel one",
]
IN_AZURE = ["6. On Azure", "7. Take it away"]


def parts(sections: list[str]) -> list[Step | SavedFile]:
    return [part for section in sections for part in parts_of(PAGE, section)]


def test_every_command_is_in_one_of_these_tests() -> None:
    """Also one that is added."""
    assert parts(["1. See it work", *LOCAL, *IN_AZURE]) == parts_of(PAGE)


def test_the_demo(tmp_path: Path) -> None:
    """On other ports than a developer's own stack."""
    ports = {"PORT": "0", "ARM_PORT": "0", "STATE": str(tmp_path / "state")}
    with GuideShell(tmp_path, ports) as shell:
        shell.do(parts(["1. See it work"]))


def test_the_local_part(tmp_path: Path) -> None:
    """From `make up` to a cancelled job; the receiver is called back."""
    run_local_part(tmp_path, runtime="process", image="alpine:3.20")


@pytest.mark.docker
def test_the_local_part_in_real_containers(tmp_path: Path) -> None:
    """As the page says it can be; with an image that needs no registry."""
    require_engine()
    run_local_part(tmp_path, runtime="docker", image=IMAGE)


def run_local_part(folder: Path, *, runtime: str, image: str) -> None:
    port, arm_port, receiver = (str(free_port()) for _ in range(3))
    variables = {"PORT": port, "ARM_PORT": arm_port, "STATE": str(folder / "state")}
    words = {"7071": port, "9000": receiver, "alpine:3.20": image}
    with GuideShell(folder, {**variables, "RUNTIME": runtime}) as shell:
        shell.do(replaced(part, words) for part in parts(LOCAL))


def test_the_part_on_azure(keyed_stack: LocalStack, tmp_path: Path) -> None:
    """With what `az` and `azd` are asked, and nothing else; the job runs as on the laptop."""
    made = {**outputs(), "APP_URL": keyed_stack.base_url}
    app, group, jobs = (
        made[name] for name in ("APP_NAME", "AZURE_RESOURCE_GROUP", "JOBS_RESOURCE_GROUP")
    )
    plan = {
        "az login": "",
        "azd auth login": "",
        "azd env new batch --location westeurope": "",
        "azd up": "",
        "azd env get-value APP_URL": made["APP_URL"],
        "azd env get-value APP_NAME": app,
        "azd env get-value AZURE_RESOURCE_GROUP": group,
        f"az functionapp keys list -n {app} -g {group} --query functionKeys.default -o tsv": (
            keyed_stack.function_key
        ),
        "azd env get-value JOBS_RESOURCE_GROUP": jobs,
        f"az container list -g {jobs} --query [].name -o tsv": "",
        "azd down": "",
    }
    azure = AzurePlan.made(tmp_path / "bin", answers=plan)
    path = {"PATH": f"{azure.folder}{os.pathsep}{os.environ['PATH']}"}
    [job] = [part for part in parts(LOCAL) if isinstance(part, SavedFile) and "json" in part.name]
    with GuideShell(tmp_path, path) as shell:
        shell.do([job, *parts(IN_AZURE)])
    assert azure.asked == list(plan)
