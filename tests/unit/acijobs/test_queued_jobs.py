"""Messages of a queue start jobs, each once, on the SDK's own Durable client."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import InvalidSettingsError, StorageError
from acijobs.domain.job_id import is_valid
from acijobs.domain.outcome import Outcome
from acijobs.domain.row import closed
from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.domain.spec.policy import JobPolicy
from acijobs.instances import Instances
from acijobs.queued_jobs import id_of_message, start_queued_job
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.settings.reading import read
from acijobs_world import World

if TYPE_CHECKING:
    from acijobs_durable import DurableEndpoint

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

MESSAGE = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
JOB = MESSAGE.lower()
SPEC = {"image": "alpine:3.20"}
DEFAULT = read(DefaultJobSettings, {"DefaultImage": "alpine"})


class Queue:
    """What delivers messages to the app, on a scripted outside."""

    def __init__(self, durable: DurableEndpoint) -> None:
        self.durable = durable
        self.world = World()
        self.default = DEFAULT
        self.problems: tuple[str, ...] = ()

    async def deliver(self, body: object, message_id: str = MESSAGE) -> bool:
        """Deliver a message; tell whether it was taken for a job."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        instances = Instances(self.durable.binding())
        return await start_queued_job(data, message_id, instances, self.world, self._settings)

    def _settings(self) -> DefaultJobSettings:
        if self.problems:
            raise InvalidSettingsError(self.problems)
        return self.default


@pytest.fixture
def queue(durable: DurableEndpoint) -> Queue:
    """Return a queue."""
    return Queue(durable)


async def test_a_message_starts_a_job_under_its_own_id(queue: Queue) -> None:
    """Stored, and started with the first offer."""
    assert await queue.deliver(SPEC)
    assert queue.durable.started == [JOB]
    assert queue.world.memory_rows.spec_of(JOB)["image"] == "alpine:3.20"


async def test_the_id_of_the_specification_goes_before(queue: Queue) -> None:
    """So a sender can tell two messages that are one job."""
    assert await queue.deliver(SPEC | {"id": "render-42"})
    assert await queue.deliver(SPEC | {"id": "render-42"}, "another")
    assert set(queue.world.memory_rows.rows) == {"render-42"}


async def test_an_empty_message_starts_the_default_job(queue: Queue) -> None:
    """As an empty POST does."""
    assert await queue.deliver(b"")
    assert queue.world.memory_rows.spec_of(JOB)["image"] == "alpine"


@pytest.mark.parametrize("body", [json.dumps(SPEC).encode(), b""], ids=["job", "empty"])
async def test_a_message_that_is_delivered_again_is_the_same_job(queue: Queue, body: bytes) -> None:
    """Whatever the operator has changed since: the default job, the rules."""
    assert await queue.deliver(body)
    queue.default = read(DefaultJobSettings, {"DefaultImage": "busybox"})
    assert await queue.deliver(body)
    queue.world.allowed = JobPolicy(images=("team.azurecr.io/*",))
    assert await queue.deliver(body)
    assert set(queue.world.memory_rows.rows) == {JOB}


async def test_a_job_that_has_ended_is_not_started_by_a_late_delivery(queue: Queue) -> None:
    """A message may come twice, days apart."""
    await queue.deliver(SPEC)
    rows = queue.world.memory_rows
    stored = rows.read(JOB)
    assert stored is not None
    ended = closed(stored.row, Outcome.succeeded(), now=queue.world.clock.now())
    assert ended is not None
    rows.swap(stored, ended)
    queue.durable.instances[JOB]["runtimeStatus"] = "Completed"
    assert await queue.deliver(SPEC)
    assert queue.durable.started == [JOB]


REFUSED: dict[str, Any] = {
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "no object": b"[]",
    "no image": {},
    "unknown field": SPEC | {"imagee": 1},
    "two wrong fields": {"image": "A", "cpu": -1},
    "bad id": SPEC | {"id": "Not An Id"},
    "sealed secret": SPEC | {"secrets": {"A": {"sealed": "x"}}},
    "secret of another setting": SPEC | {"secrets": {"A": {"appSetting": "AzureWebJobsStorage"}}},
    "callback inside": SPEC | {"callback": {"url": "https://169.254.169.254/"}},
    "too large": b"{" + b" " * MAX_BODY_BYTES,
    "too many blanks": b" " * (MAX_BODY_BYTES + 1),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
async def test_what_asks_for_no_job_is_refused_at_once(
    queue: Queue, body: object, caplog: pytest.LogCaptureFixture
) -> None:
    """By the rules of a POST; nothing is stored, and the log says why."""
    caplog.set_level(logging.INFO, "acijobs")
    assert not await queue.deliver(body)
    assert queue.world.memory_rows.rows == {}
    assert queue.durable.started == []
    told = json.loads(caplog.messages[-1])
    assert told["event"] == "messageRefused"
    assert told["messageId"] == MESSAGE
    assert told["message"]


async def test_every_wrong_field_is_in_the_log(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    """At once, as a POST is answered."""
    caplog.set_level(logging.INFO, "acijobs")
    await queue.deliver(REFUSED["two wrong fields"])
    message = json.loads(caplog.messages[-1])["message"]
    assert "#/image" in message
    assert "#/cpu" in message


async def test_a_job_that_the_operator_does_not_allow_is_refused(queue: Queue) -> None:
    """A queue is no way around the rules."""
    queue.world.allowed = JobPolicy(images=("team.azurecr.io/*",))
    assert not await queue.deliver(SPEC)
    assert queue.world.memory_rows.rows == {}


async def test_an_id_of_another_job_is_refused(queue: Queue) -> None:
    """It never becomes free."""
    await queue.deliver(SPEC | {"id": "taken"}, "first")
    assert not await queue.deliver({"image": "busybox", "id": "taken"}, "second")


async def test_a_message_stays_while_storage_does_not_answer(queue: Queue) -> None:
    """It is delivered again."""
    queue.world.storage_down = True
    with pytest.raises(StorageError):
        await queue.deliver(SPEC)
    queue.world.storage_down = False
    assert await queue.deliver(SPEC)
    assert queue.durable.started == [JOB]


async def test_a_message_stays_while_settings_are_wrong(queue: Queue) -> None:
    """The operator will mend them; a good message must not be lost for that."""
    queue.problems = ("Location is missing",)
    with pytest.raises(InvalidSettingsError):
        await queue.deliver(SPEC)


async def test_an_engine_that_is_down_is_the_reconcilers_matter(queue: Queue) -> None:
    """The row is stored: the job is accepted."""

    def refuse() -> None:
        raise ConnectionError

    queue.durable.before_start = refuse
    assert await queue.deliver(SPEC)
    assert JOB in queue.world.memory_rows.rows
    assert queue.durable.started == []


@pytest.mark.parametrize("message_id", [MESSAGE, "", "x" * 60, "a--b", "é", "../x", "A_B"])
def test_every_message_has_a_job_id(message_id: str) -> None:
    """Always the same; a GUID is one as it is."""
    found = id_of_message(message_id)
    assert is_valid(found)
    assert found == id_of_message(message_id)
    assert (found == message_id.lower()) == (message_id == MESSAGE)
