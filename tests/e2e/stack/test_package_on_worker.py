"""The package, unpacked, serves whole jobs in Microsoft's worker library on the deployed Python.

Its Python has `requirements.txt` of the package and the worker library, and nothing else. Blobs, queues
and tables are Azurite's, container groups the emulator's, and the host is ours.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callback_receivers import Receiver
from deployment.package import files_of, write_zip
from stack.azurite import Azurite
from stack.http import read_text, send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
SUPPORT = ROOT / "tests" / "support"
LIBRARY = "azure-functions-runtime-v1==1.2.0"
QUEUE = "acijobs-jobs"
PATIENCE_S = 90
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        sys.version_info < (3, 13), reason="the worker library is for Python 3.13 and later"
    ),
    pytest.mark.skipif(shutil.which("npx") is None, reason="there is no npx to run Azurite with"),
]


class WorkerStack(LocalStack):
    """The local stack, its functions in Microsoft's worker library; all it keeps is in Azurite."""

    python: str

    def host_command(self) -> list[str]:
        """Return the host of `tests/support`, with the Python of its worker."""
        _, app, *options = super().host_command()
        return ["host_of_worker", app, *options, "--worker", self.python]

    def app_settings(self) -> dict[str, str]:
        """Return the settings without folders: rows and logs are in `AzureWebJobsStorage`."""
        settings = super().app_settings()
        return {k: v for k, v in settings.items() if k not in {"JobStoreUrl", "LogArchiveUrl"}}


def unpacked(folder: Path) -> Path:
    """Make the package, and return the folder of what is in it."""
    write_zip(files_of(ROOT), folder / "acijobs.zip")
    shutil.unpack_archive(folder / "acijobs.zip", folder / "app")
    return folder / "app"


def python_for(app: Path, folder: Path) -> str:
    """Return a Python that has what the package asks for, and the worker library."""
    # Without what Python was told of this checkout.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, env=alone)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(app / "requirements.txt"), LIBRARY], check=True, env=alone)
    return python


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty account of Azurite's own."""
    with Azurite(tmp_path_factory.mktemp("azurite") / "state") as azurite:
        yield azurite.connection


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Who is told of ends."""
    with Receiver() as found:
        yield found


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, storage: str, receiver: Receiver
) -> Iterator[WorkerStack]:
    folder = tmp_path_factory.mktemp("packed")
    app = unpacked(folder)
    settings = {
        "AzureWebJobsStorage": storage,
        "JobQueueName": QUEUE,
        "AzureWebJobs.QueueStart.Disabled": "false",
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.5",
        "CallbackTrustedHosts": f"127.0.0.1:{receiver.port}",
        "PollMinSeconds": "0.1",
        "PollMaxSeconds": "0.1",
        "PYTHONPATH": f"{ROOT / 'local'}:{SUPPORT}",  # of the host; the worker is given none
    }
    options = StackOptions(app=app, state=folder / "state", settings=settings)
    stack = WorkerStack(options)
    stack.python = python_for(app, folder / "python")
    with stack:
        yield stack


def until(condition: Callable[[], Any]) -> Any:
    """Return the condition's first true value."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    return found


def ended(stack: WorkerStack, job_id: str) -> dict[str, Any] | None:
    """Return a job that is over, its group gone, and whoever is to be told is told."""
    job = send("GET", f"{stack.base_url}/api/jobs/{job_id}")
    if job.status not in {200, 500} or job.body["cleanUp"] == "Pending":
        return None
    owed = (job.body["callback"] or {"state": "Delivered"})["state"] == "Pending"
    return None if owed else job.body


def shell(script: str, **fields: Any) -> dict[str, Any]:
    """Return a job that runs this script."""
    return {"image": "alpine:3.20", "command": ["/bin/sh", "-c", script], **fields}


def test_every_function_of_the_package_works_in_the_worker(
    stack: WorkerStack, storage: str, receiver: Receiver
) -> None:
    """Jobs by POST and by a message run to result and log; then every other function is called."""
    url = f"{stack.base_url}/api"
    health = send("GET", f"{url}/health/deep")
    assert (health.status, health.body["status"]) == (200, "up"), health.body
    assert send("GET", f"{url}/health").body["status"] == "up"
    assert send("GET", f"{url}/openapi.json").body["openapi"].startswith("3.1")

    told = {"url": f"http://127.0.0.1:{receiver.port}/hook", "secret": {"value": key()}}
    posted = send(
        "POST", f"{url}/jobs", body=shell("echo one; echo two", id="posted", callback=told)
    )
    assert posted.status == 202, posted.body
    job = until(lambda: ended(stack, "posted"))
    assert (job["state"], job["logs"]) == ("Succeeded", "one\ntwo\n")
    assert read_text(f"{url}/jobs/posted/logs") == "one\ntwo\n"
    assert job["callback"]["state"] == "Delivered"
    (said,) = receiver.received
    assert json.loads(said.body)["data"]["id"] == "posted"

    message_id = put(storage, shell("echo queued"))
    job = until(lambda: ended(stack, message_id))
    assert (job["state"], job["logs"]) == ("Succeeded", "queued\n")

    # A log that cannot be read at first is asked for by an activity of its own.
    fault = {
        "kind": "respond",
        "operation": "Containers_ListLogs",
        "group": "job-again-*",
        "status": 429,
        "retry_after_s": 60,
        "times": 4,
    }
    send("POST", f"{stack.emulator_env['ACI_EMULATOR_ADMIN']}/faults", body=fault)
    again = send("POST", f"{url}/jobs/posted/rerun", body={"id": "again"})
    assert again.status == 202, again.body
    assert until(lambda: ended(stack, "again"))["logs"] == "one\ntwo\n"

    # Polled for longer than the first orchestration does it, so that the second goes on.
    long = send("POST", f"{url}/jobs", body=shell("sleep 600", id="long"))
    assert send("POST", f"{url}/jobs/long/events", body={"progress": 0.5}).status == 202
    assert send("GET", long.body["jobUrl"]).body["id"] == "long"
    assert send("POST", long.body["eventUrl"], body={"message": "half"}).status == 202
    until(lambda: watched(stack))
    until(lambda: '"half"' in json.dumps(send("GET", f"{url}/jobs/long").body))
    assert send("DELETE", f"{url}/jobs/long").status == 202
    assert until(lambda: ended(stack, "long"))["state"] == "Cancelled"
    listed = send("GET", f"{url}/jobs").body["jobs"]
    assert {one["id"] for one in listed} == {"posted", message_id, "again", "long"}

    assert send("POST", f"{stack.base_url}/admin/functions/Reconcile", body={}).status == 202
    stack.stop()
    log = (stack.options.state / "host_of_worker.log").read_text("utf-8")
    assert "not loaded" not in log
    called = {
        name for line in log.splitlines() if line.startswith("called:") for name in line.split()[1:]
    }
    assert called == {path.parent.name for path in stack.options.app.glob("*/function.json")}


def watched(stack: WorkerStack) -> bool:
    """Tell whether an orchestration that watches a job is there."""
    instances = send("GET", f"{stack.base_url}/runtime/webhooks/durabletask/instances").body
    return any(one["name"] == "WatchOrchestrator" for one in instances)


def key() -> str:
    """Return a key that callbacks are signed with."""
    return f"whsec_{base64.b64encode(b'k' * 24).decode()}"


def put(storage: str, job: dict[str, Any]) -> str:
    """Send a message that asks for a job; return its id, which is the job's."""
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(storage, QUEUE) as queue:
        queue.create_queue()
        text = base64.b64encode(json.dumps(job).encode()).decode()
        return str(queue.send_message(text).id)
