"""The emulator as a program of its own: what it prints is all an unmodified SDK client needs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aci_emulator_raw import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[3]
_PATIENCE_S = 40.0
_CLIENT = """
    import asyncio, os
    from azure.identity import DefaultAzureCredential
    from azure.identity.aio import DefaultAzureCredential as AsyncCredential
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient as Client
    from azure.mgmt.containerinstance.aio import ContainerInstanceManagementClient as AsyncClient

    env = os.environ
    group = {
        "location": env["LOCATION"],
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Never",
            "containers": [{"name": "main", "properties": {
                "image": "alpine:3.20",
                "command": ["/bin/sh", "-c", "echo $GREETING; exit 5"],
                "environmentVariables": [{"name": "GREETING", "value": "hello"}],
                "resources": {"requests": {"cpu": 1, "memoryInGB": 1}}}}],
        },
    }
    options = {"base_url": env["ARM_ENDPOINT"], "credential_scopes": [env["ARM_SCOPE"]]}

    async def names():
        async with AsyncCredential() as credential:
            client = AsyncClient(credential, env["AZURE_SUBSCRIPTION_ID"], **options)
            async with client:
                return [g.name async for g in client.container_groups.list()]

    import json, time
    with DefaultAzureCredential() as credential:
        with Client(credential, env["AZURE_SUBSCRIPTION_ID"], **options) as client:
            groups, rg = client.container_groups, env["RESOURCE_GROUP"]
            body = json.dumps(group).encode()
            groups.begin_create_or_update(rg, "job", body, polling_interval=0.1).result()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                state = groups.get(rg, "job").containers[0].instance_view.current_state
                if state.state == "Terminated":
                    break
                time.sleep(0.1)
            print("exit code", state.exit_code)
            print("log", client.containers.list_logs(rg, "job", "main").content.strip())
            print("async", asyncio.run(names()))
            groups.begin_delete(rg, "job").result()
            print("left", [g.name for g in groups.list()])
"""


def _start(state: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "aci_emulator", "--state", str(state), *options],
        env={**os.environ, "PYTHONPATH": str(_ROOT / "local")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_env(process: subprocess.Popen[str], state: Path) -> dict[str, str]:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not (state / "env").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s, "the emulator does not serve"
        time.sleep(0.05)  # another process: there is no event to wait for
    lines = (state / "env").read_text(encoding="utf-8").splitlines()
    return dict(line.partition("=")[::2] for line in lines)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A running emulator with the process runtime, and the environment it wrote."""
    options = ("--port", "0", "--control-port", "0", "--runtime", "process")
    process = _start(tmp_path, *options)
    try:
        yield process, _wait_for_env(process, tmp_path)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=_PATIENCE_S)


def test_a_client_needs_nothing_but_the_printed_environment(
    emulator: tuple[subprocess.Popen[str], dict[str, str]],
) -> None:
    """Both clients, DefaultAzureCredential and TLS work from the environment; a command really runs."""
    _, env = emulator
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_CLIENT)],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "exit code 5",
        "log hello",
        "async ['job']",
        "left []",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT: exit 0, the env file gone, the printed text the same as the file."""
    options = ("--port", "0", "--control-port", "0", "--runtime", "scripted")
    process = _start(tmp_path, *options)
    env = _wait_for_env(process, tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    for name, value in env.items():
        assert f"{name}={value}\n" in out
    assert not (tmp_path / "env").exists()


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    """The message names the port and the option that chooses another; the exit code is not 0."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = _start(tmp_path, "--port", str(port), "--runtime", "scripted")
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 2
    assert out == ""
    assert err == (
        f"aci-emulator: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another port with --port\n"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[delays]\npul_s = 1\n", "delays.pul_s: unknown"),
        ("[[faults]]\nkind = 'explode'\n", "faults.0.kind: must be one of"),
        ("[[scripts]]\nrun = 1\n", "scripts.0.run: unknown"),
        ("seed = ", "Invalid value"),
        ("[limits]\ngroups = -1\n", "limits.groups: must be greater than or equal to 0"),
    ],
)
def test_a_wrong_config_file_is_one_clear_line(tmp_path: Path, text: str, complaint: str) -> None:
    """What is wrong with the file is said, and nothing is served."""
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8")
    process = _start(tmp_path, "--config", str(config), "--runtime", "scripted", "--port", "0")
    _, err = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 2
    assert complaint in err
    assert err.count("\n") == 1


def test_the_same_state_folder_keeps_its_authority_and_tokens(tmp_path: Path) -> None:
    """After a restart clients go on trusting the same CA, and old tokens are still good."""
    options = ("--port", "0", "--control-port", "0", "--runtime", "scripted")
    seen = []
    for _ in range(2):
        process = _start(tmp_path, *options)
        env = _wait_for_env(process, tmp_path)
        seen.append((env["IDENTITY_HEADER"], (tmp_path / "ca.pem").read_bytes()))
        process.terminate()
        process.communicate(timeout=_PATIENCE_S)
    assert seen[0] == seen[1]


def test_a_volume_no_runtime_has_is_refused(
    emulator: tuple[subprocess.Popen[str], dict[str, str]],
) -> None:
    """An azureFile volume is refused loudly when containers really run: they would miss their files."""
    _, env = emulator
    share = {"shareName": "s", "storageAccountName": "a", "storageAccountKey": "k"}
    requests = {"requests": {"cpu": 1, "memoryInGB": 1}}
    body = {
        "location": "eastus",
        "properties": {
            "osType": "Linux",
            "containers": [
                {"name": "main", "properties": {"image": "alpine", "resources": requests}}
            ],
            "volumes": [{"name": "files", "azureFile": share}],
        },
    }
    with closing(RawClient(env)) as raw:
        reply = raw.call("PUT", f"{raw.groups_path}/job", body)
    assert (reply.status, reply.body["error"]["code"]) == (400, "NotSupportedByEmulator")


def test_a_second_emulator_leaves_the_first_ones_env_file(tmp_path: Path) -> None:
    """Failing to start in a folder that is in use does no harm there."""
    options = ("--port", "0", "--control-port", "0", "--runtime", "scripted")
    first = _start(tmp_path, *options)
    env = _wait_for_env(first, tmp_path)
    port = env["ARM_ENDPOINT"].rpartition(":")[2]
    second = _start(tmp_path, "--port", port, "--runtime", "scripted")
    second.communicate(timeout=_PATIENCE_S)
    assert second.returncode == 2
    assert (tmp_path / "env").exists()
    first.terminate()
    first.communicate(timeout=_PATIENCE_S)
