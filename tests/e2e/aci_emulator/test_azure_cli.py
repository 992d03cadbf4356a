"""The Azure CLI, unmodified, signed in with the emulator's managed identity.

Runs where `az` is at hand: ACIJOBS_AZ (`.ci/az.sh` prints it), or `az` on PATH.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.in_process import InProcessEmulator
from aci_emulator.settings import for_profile
from azure_cli import OF_AZ_ITSELF, AzureCli, find_az
from guide import Step, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AZ = find_az()
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "azure-cli.md"
COMMANDS = {"create", "show", "list", "logs", "stop", "start", "restart", "export", "delete"}
OF_JOB = "--image job --os-type Linux --cpu 1 --memory 1 --restart-policy Never"
TEMPLATE = """{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": []
}"""
_PATIENCE_S = 30.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(AZ is None, reason="no Azure CLI: set ACIJOBS_AZ, or put az on PATH"),
]


def run_as_shown(az: AzureCli, before: list[str], step: Step) -> None:
    """Run a step; one that only looks is run until it sees what the page shows, or time is over."""
    looks = re.match(r"az container (show|list|logs) ", step.command)
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        done = az.run("; ".join([*before, step.command]))
        if done.returncode == 0 and step.is_as_shown(done.stdout):
            return
        if not looks or time.monotonic() > give_up_at:
            pytest.fail(
                f"{step.where}: {step.command}\n{done.returncode}\n{done.stdout}{done.stderr}"
            )


def test_the_guides_commands_do_what_the_guide_shows(tmp_path: Path) -> None:
    """Copied into a shell beside `make up`, from signing in to the last delete."""
    assert AZ is not None
    steps, shell = steps_of(GUIDE), list[str]()
    ran = {words[2] for step in steps if (words := step.command.split())[1] == "container"}
    assert ran == COMMANDS
    settings = for_profile("demo").changed(
        arm_port=0,
        control_port=0,
        state_dir=tmp_path / ".local" / "aci-emulator",
        runtime="process",
    )
    with InProcessEmulator(settings) as emulator, AzureCli(AZ, tmp_path, {}) as az:
        for step in steps:
            run_as_shown(az, shell, step)
            if not step.command.startswith("az "):
                shell.append(step.command)
        assert emulator.admin.groups() == []
        assert az.asked_network_for <= OF_AZ_ITSELF
    assert (tmp_path / ".local" / "azure" / "clouds.config").is_file()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessEmulator]:
    """An emulator on which nothing takes time but scripts, so that az need not wait 30 seconds."""
    settings = for_profile("instant").changed(
        arm_port=0,
        control_port=0,
        state_dir=tmp_path_factory.mktemp("emulator"),
        runtime="scripted",
    )
    with InProcessEmulator(settings) as running:
        yield running


@pytest.fixture(scope="module")
def az(emulator: InProcessEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCli]:
    """The CLI, signed in."""
    assert AZ is not None
    folder = tmp_path_factory.mktemp("az")
    own = {"AZURE_CONFIG_DIR": str(folder / "azure"), "AZURE_CORE_COLLECT_TELEMETRY": "false"}
    with AzureCli(AZ, folder, {**emulator.env, **own}) as cli:
        endpoint = emulator.env["ARM_ENDPOINT"]
        cli.read(f"az cloud register --name emulator --endpoint-resource-manager {endpoint}")
        cli.read("az cloud set --name emulator")
        cli.read("az login --identity")
        yield cli
        assert cli.asked_network_for <= OF_AZ_ITSELF


def asked(az: AzureCli, command: str) -> Any:
    return json.loads(az.read(f"{command} --output json"))


def test_commands_that_wait_see_the_operation_end(
    az: AzureCli, emulator: InProcessEmulator
) -> None:
    """Create, restart and start return once it is done; what was secret stays so."""
    variables = "--environment-variables A=1 --secure-environment-variables B=secret"
    script = shlex.quote("script run_s=forever lines=2")
    name = "--resource-group acijobs --name waits"
    created = asked(az, f"az container create {name} {OF_JOB} {variables} --command-line {script}")
    assert created["provisioningState"] == "Succeeded"
    assert created["instanceView"]["state"] == "Running"
    assert [v["value"] for v in created["containers"][0]["environmentVariables"]] == ["1", None]
    az.read(f"az container restart {name}")
    az.read(f"az container stop {name}")
    assert asked(az, f"az container show {name}")["instanceView"]["state"] == "Stopped"
    az.read(f"az container start {name}")
    assert asked(az, f"az container show {name}")["instanceView"]["state"] == "Running"
    [entry] = emulator.admin.containers("waits")
    assert entry["starts"] == 3


def test_an_exit_code_and_a_log(az: AzureCli) -> None:
    """A container that ended: its state, its code, its lines."""
    script = shlex.quote("script run_s=0.1 exit_code=3 lines=2")
    name = "--resource-group acijobs --name ends"
    az.read(f"az container create {name} {OF_JOB} --command-line {script}")
    state = "containers[0].instanceView.currentState.[state, exitCode]"
    assert asked(az, f"az container show {name} --query '{state}'") == ["Terminated", 3]
    assert len(az.read(f"az container logs {name}").split("\n")) >= 2


@pytest.mark.parametrize(
    ("command", "code", "exit_code"),
    [
        ("container show -g acijobs -n none", "ResourceNotFound", 3),
        ("container show -g nowhere -n none", "ResourceGroupNotFound", 3),
        (
            "container create -g acijobs -n j --image no-such-image --os-type Linux --cpu 1 --memory 1",
            "InaccessibleImage",
            1,
        ),
        ("container exec -g acijobs -n runs --exec-command sh", "NotSupportedByEmulator", 1),
        ("deployment group create -g acijobs -f template.json", "NotSupportedByEmulator", 1),
    ],
)
def test_a_refusal_is_told(az: AzureCli, command: str, code: str, exit_code: int) -> None:
    """With Azure's code, as az words it."""
    (az.folder / "template.json").write_text(TEMPLATE, "utf-8")
    if " exec " in command:
        script = shlex.quote("script run_s=forever")
        az.read(f"az container create -g acijobs -n runs {OF_JOB} --command-line {script}")
    done = az.run(f"az {command}")
    assert (done.returncode, code in done.stderr) == (exit_code, True), done.stderr


def test_what_is_around_groups(az: AzureCli) -> None:
    """The account, and the resource groups."""
    assert asked(az, "az account show")["user"]["name"] == "systemAssignedIdentity"
    assert [group["name"] for group in asked(az, "az group list")] == ["acijobs"]
    assert asked(az, "az group show --name acijobs")["location"] == "eastus"
    assert asked(az, "az group exists --name acijobs") is True
    assert asked(az, "az group exists --name nowhere") is False
