"""`make env` runs what the app needs around it, and local.settings.json is all that the app is told."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import socket
import stat
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployment.package import files_of, write_folder
from documented_settings import PAGE, settings_on
from stack.child import Child, is_listening, python_module
from stack.core_tools import CoreToolsStack
from stack.http import send
from stack.local_stack import StackError, StackOptions, host_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
OF_CLIENTS = {
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "no_proxy",
}
"""Read by the libraries that the app reaches Azure with."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npx") is None, reason="there is no npx to run Azurite with"),
]


def free_ports(count: int) -> int:
    """Return the first of some ports, one after the other, that nothing listens on.

    They are below those that the system gives to whoever asks for any: nobody is given one meanwhile.
    """
    while True:
        first = random.randrange(15_000, 32_000)
        try:
            with ExitStack() as probes:
                for port in range(first, first + count):
                    probes.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        return first


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> StackOptions:
    folder = tmp_path_factory.mktemp("core-tools")
    write_folder(files_of(ROOT), folder / "app")
    first = free_ports(7)
    return StackOptions(app=folder / "app", state=folder / "state", port=first, arm_port=first + 1)


@pytest.fixture(scope="module")
def storage_port(options: StackOptions) -> int:
    return options.arm_port + 3


@pytest.fixture(scope="module")
def around(options: StackOptions, storage_port: int) -> Iterator[CoreToolsStack]:
    """What `make env` runs."""
    with CoreToolsStack(options, storage_port=storage_port, replaces=False) as running:
        yield running


def written(options: StackOptions) -> dict[str, Any]:
    """Return what is in the file."""
    found: dict[str, Any] = json.loads((options.app / "local.settings.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def url(around: CoreToolsStack, options: StackOptions) -> Iterator[str]:
    """The app on our own host, which reads local.settings.json as Core Tools do, and nothing else."""
    alone = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = alone | {"PYTHONPATH": str(ROOT / "local")}
    command = python_module(
        "functions_host", str(options.app), "--state", str(options.state / "host")
    )
    host = Child("host", command, environment=environment, log=options.state / "host.log")
    address = f"http://127.0.0.1:{options.port}"
    try:
        host.wait_until(lambda: host_runs(address), timeout_s=60)
        yield f"{address}/api"
    finally:
        host.stop()


def until(condition: Callable[[], Any]) -> Any:
    """Return the condition's first true value."""
    give_up_at = time.monotonic() + 90
    while not (found := condition()):
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    return found


def ended(url: str, job_id: str) -> dict[str, Any] | None:
    job = send("GET", f"{url}/jobs/{job_id}")
    return job.body if job.status == 200 and job.body["cleanUp"] == "Deleted" else None


def test_the_app_is_well_and_runs_a_job_that_tells_of_itself(url: str) -> None:
    """Endpoint, identity, certificate, vault and the app's own address are right."""
    health = send("GET", f"{url}/health/deep")
    assert (health.status, health.body["status"]) == (200, "up"), health.body
    script = 'printf "%s" "$ACIJOBS_EVENT_URL"'
    job = {"id": "told", "image": "alpine:3.20", "command": ["/bin/sh", "-c", script]}
    assert send("POST", f"{url}/jobs", body=job).status == 202
    event_url = until(lambda: ended(url, "told"))["logs"]
    assert event_url.startswith(f"{url}/jobs/told/by/")


def test_rows_and_logs_are_in_azurite_and_its_queue_starts_jobs(
    url: str, options: StackOptions
) -> None:
    """By the connection string of the file."""
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueClient

    values = written(options)["Values"]
    storage = values["AzureWebJobsStorage"]
    with QueueClient.from_connection_string(storage, values["JobQueueName"]) as queue:
        queue.create_queue()
        job = {"image": "alpine:3.20", "command": ["/bin/sh", "-c", "echo queued"]}
        sent = queue.send_message(base64.b64encode(json.dumps(job).encode()).decode())
    assert until(lambda: ended(url, sent.id))["logs"] == "queued\n"
    with BlobServiceClient.from_connection_string(storage) as blobs:
        names = [blob.name for blob in blobs.get_container_client("acijobs-logs").list_blobs()]
    assert any(sent.id in name for name in names)


def test_every_setting_of_the_file_is_known_and_the_file_is_its_users_alone(
    around: CoreToolsStack, options: StackOptions
) -> None:
    """It holds keys, if only of this machine's emulators."""
    assert set(written(options)["Values"]) - OF_CLIENTS <= settings_on(PAGE)
    assert stat.S_IMODE((options.app / "local.settings.json").stat().st_mode) == 0o600


def test_a_file_that_says_something_else_is_left_alone_unless_forced(
    tmp_path: Path, options: StackOptions
) -> None:
    """What is the same is no reason to stop; and nothing is left running after a refusal."""
    port = free_ports(6)
    again = StackOptions(
        app=tmp_path, state=tmp_path / "state", port=options.port, arm_port=port + 3
    )
    path = tmp_path / "local.settings.json"
    for _ in range(2):
        with CoreToolsStack(again, storage_port=port, replaces=False):
            text = path.read_text("utf-8")
    path.write_text('{"Values": {"mine": "1"}}', "utf-8")
    with pytest.raises(StackError, match="FORCE=1"):
        CoreToolsStack(again, storage_port=port, replaces=False).__enter__()
    assert path.read_text("utf-8") == '{"Values": {"mine": "1"}}'
    assert not any(is_listening(one) for one in (port, again.arm_port))
    path.chmod(0o644)
    with CoreToolsStack(again, storage_port=port, replaces=True):
        assert path.read_text("utf-8") == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_ports_that_are_taken_are_refused(options: StackOptions) -> None:
    """With what would be right."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match="STORAGE_PORT"):
            CoreToolsStack(options, storage_port=port, replaces=False).__enter__()


def test_ports_that_cannot_be_written_down_are_refused(tmp_path: Path) -> None:
    """By the command, in one line."""
    command = python_module("stack", "env", "--port", "0", "--state", str(tmp_path))
    environment = os.environ | {"PYTHONPATH": str(ROOT / "local")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "must not be 0" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
