"""Queue triggers and outputs against a real storage queue service.

The connection string comes from ACIJOBS_AZURITE; each test has queues of its own.
"""

from __future__ import annotations

import base64
import json
import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from functions_host_process import APPS, HostProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure.storage.queue import QueueServiceClient

CONNECTION = os.environ.get("ACIJOBS_AZURITE", "")
pytestmark = [
    pytest.mark.azurite,
    pytest.mark.skipif(not CONNECTION, reason="ACIJOBS_AZURITE has no connection string"),
]


class Queues:
    """The queues of one test."""

    def __init__(self, service: QueueServiceClient) -> None:
        name = uuid.uuid4().hex[:12]
        self.service = service
        self.incoming, self.outgoing = f"in-{name}", f"out-{name}"
        self.settings = {
            "IN_QUEUE": self.incoming,
            "OUT_QUEUE": self.outgoing,
            "AzureWebJobsStore": CONNECTION,
        }

    def send(self, text: str) -> None:
        """Put a text on the incoming queue as other programs do for Functions: base64."""
        self.service.get_queue_client(self.incoming).send_message(
            base64.b64encode(text.encode()).decode()
        )

    def take(self, name: str) -> list[str]:
        """Return and remove the messages of a queue, as they are on the wire."""
        from azure.core.exceptions import ResourceNotFoundError

        client = self.service.get_queue_client(name)
        try:
            messages = list(client.receive_messages(max_messages=32))
        except ResourceNotFoundError:
            return []
        for message in messages:
            client.delete_message(message)
        return [message.content for message in messages]

    def count(self, name: str) -> int:
        """Return how many messages a queue has, hidden ones too."""
        return int(
            self.service.get_queue_client(name).get_queue_properties().approximate_message_count
            or 0
        )


@pytest.fixture
def queues() -> Iterator[Queues]:
    from azure.storage.queue import QueueServiceClient

    with QueueServiceClient.from_connection_string(CONNECTION) as service:
        found = Queues(service)
        service.create_queue(found.incoming)
        yield found
        for queue in list(service.list_queues()):
            if queue.name.startswith((found.incoming, found.outgoing)):
                service.delete_queue(queue.name)


def answers(host: HostProcess, queues: Queues, count: int) -> list[dict[str, Any]]:
    found: list[str] = []

    def enough() -> bool:
        found.extend(queues.take(queues.outgoing))
        return len(found) >= count

    host.wait_for(enough)
    return [json.loads(base64.b64decode(text)) for text in found]


def test_a_message_goes_in_and_its_answer_comes_out(tmp_path: Path, queues: Queues) -> None:
    """Base64 on the wire, text in the function, every field of the message set; then it is deleted."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        queues.send("grüße")
        [answer] = answers(host, queues, 1)
        host.wait_for(lambda: queues.count(queues.incoming) == 0)
    assert (answer["body"], answer["tries"], answer["complete"]) == ("grüße", 1, True)


def test_a_function_sends_to_a_queue_that_triggers_another(tmp_path: Path, queues: Queues) -> None:
    """One message from an output parameter, three from a list."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        assert host.request("POST", "/api/Send", "one").text == "sent"
        assert host.post("/api/SendMany", ["two", "three", "four"]).text == "sent"
        found = answers(host, queues, 4)
    assert sorted(answer["body"] for answer in found) == ["four", "one", "three", "two"]


def test_a_failed_message_is_tried_again(tmp_path: Path, queues: Queues) -> None:
    """The second time its dequeue count is 2."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        queues.send("hiccup")
        [answer] = answers(host, queues, 1)
    assert (answer["body"], answer["tries"]) == ("hiccup", 2)


def test_a_message_that_always_fails_goes_to_the_poison_queue(
    tmp_path: Path, queues: Queues
) -> None:
    """After maxDequeueCount tries, two here, with its text unchanged."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        queues.send("poison")
        [text] = host.wait_for(lambda: queues.take(f"{queues.incoming}-poison"))
        host.wait_for(lambda: queues.count(queues.incoming) == 0)
        assert host.log.count("ValueError: bad message") >= 2
    assert base64.b64decode(text) == b"poison"


def test_a_message_that_is_not_base64_goes_to_the_poison_queue(
    tmp_path: Path, queues: Queues
) -> None:
    """And the log says how to change that."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        queues.service.get_queue_client(queues.incoming).send_message("not base64!")
        assert host.wait_for(lambda: queues.take(f"{queues.incoming}-poison")) == ["not base64!"]
        host.wait_for_line("messageEncoding to none")


def test_plain_texts_if_host_json_says_so(tmp_path: Path, queues: Queues) -> None:
    """MessageEncoding none, through the environment, both ways."""
    override = {"AzureFunctionsJobHost__extensions__queues__messageEncoding": "none"}
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings | override) as host:
        queues.service.get_queue_client(queues.incoming).send_message("plain")
        [text] = host.wait_for(lambda: queues.take(queues.outgoing))
    assert json.loads(text)["body"] == "plain"


def test_two_hundred_messages_are_each_done_once(tmp_path: Path, queues: Queues) -> None:
    """In batches."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        for number in range(200):
            queues.send(str(number))
        found = answers(host, queues, 200)
    assert sorted(int(answer["body"]) for answer in found) == list(range(200))


def test_a_message_taken_before_a_kill_is_not_lost(tmp_path: Path, queues: Queues) -> None:
    """It is hidden, not deleted: it comes back when its time is up."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        queues.send("poison")
        host.wait_for_line("ValueError: bad message")
        host.kill()
    total = queues.count(queues.incoming) + len(queues.take(f"{queues.incoming}-poison"))
    assert total >= 1


def test_the_admin_api_runs_the_function_on_a_text(tmp_path: Path, queues: Queues) -> None:
    """No message is needed."""
    with HostProcess(APPS / "queues", tmp_path, settings=queues.settings) as host:
        assert host.post("/admin/functions/Receive", {"input": "by hand"}).status == 202
        [answer] = answers(host, queues, 1)
    assert answer["body"] == "by hand"


def test_an_unreachable_storage_is_told_once_and_the_rest_serves(
    tmp_path: Path, queues: Queues
) -> None:
    """HTTP functions answer, and the host ends in time."""
    nowhere = CONNECTION.replace("QueueEndpoint=http://127.0.0.1", "QueueEndpoint=http://127.0.0.2")
    settings = queues.settings | {"AzureWebJobsStore": nowhere}
    with HostProcess(APPS / "queues", tmp_path, settings=settings) as host:
        host.wait_for_line("Receive cannot read its queue")
        assert host.request("POST", "/api/Send", "x").status == 500
        assert host.log.count("cannot read its queue") == 1
        assert host.stop() == 0
