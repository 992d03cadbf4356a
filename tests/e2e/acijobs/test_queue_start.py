"""Jobs that messages of a real storage queue start, on the whole local stack.

The connection string comes from ACIJOBS_AZURITE; each stack has a queue of its own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.storage.queue import QueueClient

CONNECTION = os.environ.get("ACIJOBS_AZURITE", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.azurite,
    pytest.mark.skipif(not CONNECTION, reason="ACIJOBS_AZURITE has no connection string"),
]
APP = Path(__file__).resolve().parents[3]
FAILED = re.compile(r"QueueStart queue \S+ Failed")
JOB = {"image": "alpine:3.20", "command": ["/bin/sh", "-c", "echo queued"]}


class Queue:
    """The queue that starts jobs, and the one of what asked for none."""

    def __init__(self, name: str) -> None:
        from azure.storage.queue import QueueServiceClient

        service = QueueServiceClient.from_connection_string(CONNECTION)
        self.name = name
        self.jobs: QueueClient = service.get_queue_client(name)
        self.poison: QueueClient = service.get_queue_client(f"{name}-poison")
        self.jobs.create_queue()

    def put(self, body: object) -> str:
        """Send a message as Functions expect it, in base64; return its id."""
        text = body if isinstance(body, str) else json.dumps(body)
        sent: str = self.jobs.send_message(base64.b64encode(text.encode()).decode()).id
        return sent

    def is_empty(self) -> bool:
        """Whether no message is left, hidden ones counted."""
        return not self.jobs.get_queue_properties().approximate_message_count

    def poisoned(self) -> list[str]:
        """Return what is in the poison queue, decoded."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return [
                base64.b64decode(message.content).decode()
                for message in self.poison.receive_messages(visibility_timeout=1)
            ]
        except ResourceNotFoundError:
            return []


@pytest.fixture(scope="module")
def queue() -> Iterator[Queue]:
    from azure.core.exceptions import ResourceNotFoundError

    found = Queue(f"jobs-{uuid.uuid4().hex[:12]}")
    yield found
    for client in (found.jobs, found.poison):
        try:
            client.delete_queue()
        except ResourceNotFoundError:
            continue
        finally:
            client.close()


def options(state: Path, queue: Queue, **settings: str) -> StackOptions:
    queues = {
        "JobQueueName": queue.name,
        "AzureWebJobsStorage": CONNECTION,
        "AzureWebJobs.QueueStart.Disabled": "false",
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.5",
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
    }
    return StackOptions(app=APP, state=state, settings=queues | settings)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, queue: Queue) -> Iterator[LocalStack]:
    with LocalStack(options(tmp_path_factory.mktemp("queue"), queue)) as running:
        yield running


def until(condition: Callable[[], Any], within_s: float = 60) -> Any:
    """Return the condition's first true value."""
    give_up_at = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    return found


def ended(stack: LocalStack, job_id: str) -> dict[str, Any] | None:
    job = send("GET", f"{stack.base_url}/api/jobs/{job_id}")
    is_over = job.status in {200, 500} and job.body["cleanUp"] != "Pending"
    return job.body if is_over else None


def told(stack: LocalStack, event: str) -> list[dict[str, Any]]:
    """Return the lines of the app's log with this event."""
    log = (stack.options.state / "functions_host.log").read_text("utf-8")
    texts = (line[line.find("{") :] for line in log.splitlines() if f'"event": "{event}"' in line)
    return [json.loads(text) for text in texts]


def test_a_message_becomes_a_job_under_its_id(stack: LocalStack, queue: Queue) -> None:
    """The sender knows the id from the answer of the queue; then the message is gone."""
    job_id = queue.put(JOB)
    job = until(lambda: ended(stack, job_id))
    assert (job["state"], job["logs"]) == ("Succeeded", "queued\n")
    until(queue.is_empty)


def test_the_same_job_sent_twice_runs_once(stack: LocalStack, queue: Queue) -> None:
    """By the id in its specification."""
    job_id = f"twice-{uuid.uuid4().hex[:8]}"
    queue.put(JOB | {"id": job_id})
    queue.put(JOB | {"id": job_id})
    until(lambda: ended(stack, job_id))
    until(queue.is_empty)
    assert [line["job"] for line in told(stack, "accepted")].count(job_id) == 1


def test_a_bad_message_is_set_aside_at_once(stack: LocalStack, queue: Queue) -> None:
    """As it came, with its reason in the log; those behind it are taken."""
    bad = json.dumps({"image": "alpine:3.20", "cpu": -1, "grüße": 1})
    bad_id, good_id = queue.put(bad), queue.put(JOB)
    assert until(queue.poisoned) == [bad]
    until(lambda: ended(stack, good_id))
    until(queue.is_empty)
    [line] = [line for line in told(stack, "messageRefused") if line["messageId"] == bad_id]
    assert "#/cpu" in line["message"]
    assert send("GET", f"{stack.base_url}/api/jobs/{bad_id}").status == 404


@contextmanager
def broken(state: Path, queue: Queue) -> Iterator[LocalStack]:
    """Run a stack whose rows cannot be reached."""
    nowhere = {"JobStoreUrl": "https://127.0.0.2:1"}
    with LocalStack(options(state, queue, **nowhere)) as running:
        yield running


def test_a_message_outlives_an_outage(tmp_path: Path) -> None:
    """After more tries than the default allows it is neither set aside nor lost."""
    queue = Queue(f"out-{uuid.uuid4().hex[:12]}")
    with broken(tmp_path / "broken", queue) as stack:
        job_id = queue.put(JOB)
        log = stack.options.state / "functions_host.log"
        until(lambda: len(FAILED.findall(log.read_text("utf-8"))) >= 7, within_s=90)
    assert not queue.is_empty()
    assert queue.poisoned() == []
    with LocalStack(options(tmp_path / "mended", queue)) as stack:
        assert until(lambda: ended(stack, job_id))["state"] == "Succeeded"
        until(queue.is_empty)
    queue.jobs.delete_queue()
    queue.jobs.close()
    queue.poison.close()
