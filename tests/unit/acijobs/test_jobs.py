from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest
from azure.durable_functions.models.utils import http_utils

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.log_window import ArchivedEnd
from acijobs.domain.spec import MAX_BODY_BYTES
from acijobs.settings import Settings
from acijobs.web.jobs import MAX_LOG_BYTES, cancel_job, read_job, start_job
from acijobs_durable import DurableEndpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

SETTINGS = Settings(
    subscription_id="00000000-0000-0000-0000-000000000000",
    resource_group="rg",
    location="eastus",
    log_archive="file:///tmp/none",
    app_name="app",
)
WITH_DEFAULT = Settings(
    **vars(SETTINGS) | {"default_image": "alpine", "default_command": ("echo", "hello")}
)
T = "2026-11-23T10:00:00.000000001Z "


class _KeptLog:
    """An archive with one text in it."""

    def __init__(self, text: str = "") -> None:
        self.data = text.encode()

    def read_end(self, job_id: str, max_bytes: int) -> ArchivedEnd:
        return ArchivedEnd(size_bytes=len(self.data), data=self.data[-max_bytes:])

    def append(self, job_id: str, at_byte: int, data: bytes) -> None:
        raise NotImplementedError


@pytest.fixture
async def durable() -> AsyncIterator[DurableEndpoint]:
    endpoint = DurableEndpoint()
    await endpoint.start()
    yield endpoint
    await http_utils._close_session()  # shared by all clients of a process, but bound to this loop
    await endpoint.stop()


def request(url: str, body: bytes = b"", **route: str) -> func.HttpRequest:
    return func.HttpRequest(
        method="POST",
        url=f"https://app.example{url}",
        params=dict(parse_qsl(urlsplit(url).query)),
        route_params=route,
        body=body,
    )


async def post(
    durable: DurableEndpoint, body: object, settings: Settings = SETTINGS
) -> tuple[int, dict[str, Any], Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await start_job(request("/api/jobs?code=K", data), durable.client(), lambda: settings)
    return answer.status_code, json.loads(answer.get_body()), answer.headers


async def get(
    durable: DurableEndpoint, job_id: str, query: str = "", log: str = ""
) -> tuple[int, dict[str, Any]]:
    asked = request(f"/api/jobs/{job_id}{query}", id=job_id)
    answer = await read_job(asked, durable.client(), lambda: _KeptLog(log))
    return answer.status_code, json.loads(answer.get_body())


SUCCEEDED = {"phase": "Succeeded", "cleanUp": "Deleted"}


async def cancel(durable: DurableEndpoint, job_id: str, query: str = "") -> int:
    asked = request(f"/api/jobs/{job_id}{query}", id=job_id)
    status: int = (await cancel_job(asked, durable.client(), _delete_nothing)).status_code
    return status


def _delete_nothing(job_id: str) -> dict[str, Any]:
    raise AssertionError(f"the group of {job_id} is the orchestration's to delete")


async def test_a_job_is_started_with_durables_own_answer_and_its_url(
    durable: DurableEndpoint,
) -> None:
    """The job's URL carries no key of the request."""
    status, body, headers = await post(durable, {"image": "alpine"})
    assert status == 202
    assert durable.started == [body["id"]]
    assert durable.instances[body["id"]]["input"]["image"] == "alpine"
    assert {"statusQueryGetUri", "sendEventPostUri", "terminatePostUri"} <= set(body)
    assert body["jobUrl"] == f"https://app.example/api/jobs/{body['id']}"
    assert headers["Location"] == body["statusQueryGetUri"]
    assert headers["Retry-After"] == "10"


async def test_an_empty_body_starts_the_operators_job(durable: DurableEndpoint) -> None:
    """Blanks are empty too; without such a job the missing field is named."""
    for body in (b"", b" \r\n\t"):
        status, answer, _ = await post(durable, body, WITH_DEFAULT)
        assert status == 202
        job = durable.instances[answer["id"]]["input"]
        assert (job["image"], job["command"]) == ("alpine", ["echo", "hello"])
    status, answer, _ = await post(durable, b"")
    assert status == 400
    assert answer["errors"][0]["pointer"] == "#/image"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"image": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b"9" * 5_000,
        b"NaN",
        b'"text"',
        b"null",
        b'{"image": "a", "cpu": NaN}',
        b'{"image": "a", "cpu": Infinity}',
        b'{"image": "a", "cpu": 1e999}',
        b'{"image": "a"} trailing',
        b"\x00",
        b'{"image": "\\ud800"}',
    ],
)
async def test_what_is_no_job_is_refused_as_a_problem(
    durable: DurableEndpoint, body: bytes
) -> None:
    """400 with every wrong field, whatever was sent; nothing is started."""
    status, answer, headers = await post(durable, body, WITH_DEFAULT)
    assert status == 400
    assert answer["status"] == 400
    assert answer["title"] == "Bad Request"
    assert answer["errors"][0]["pointer"].startswith("#")
    assert durable.started == []
    assert headers is not None


async def test_a_field_that_is_given_twice_counts_once(durable: DurableEndpoint) -> None:
    """As JSON is read everywhere: the last one."""
    _, answer, _ = await post(durable, b'{"image": "a", "image": "b"}')
    assert durable.instances[answer["id"]]["input"]["image"] == "b"


async def test_a_body_may_have_256_kb_and_no_more(durable: DurableEndpoint) -> None:
    """413 is told before anything is parsed."""
    start = b'{"image": "a", "command": ["'
    fits = start + b"x" * (MAX_BODY_BYTES - len(start) - 3) + b'"]}'
    assert (await post(durable, fits))[0] == 202
    assert (await post(durable, fits + b" "))[0] == 413
    assert (await post(durable, b"\xff" * (MAX_BODY_BYTES + 1)))[0] == 413


async def test_wrong_settings_are_named_before_a_job_is_started(durable: DurableEndpoint) -> None:
    """A job could only fail."""

    def read() -> Settings:
        raise InvalidSettingsError(("Location is missing",))

    answer = await start_job(request("/api/jobs", b'{"image": "a"}'), durable.client(), read)
    assert answer.status_code == 500
    assert b"Location is missing" in answer.get_body()
    assert durable.started == []


async def test_the_same_request_under_the_same_id_starts_one_job(durable: DurableEndpoint) -> None:
    """Also when the specification is written differently, and after the job has ended."""
    first = await post(durable, {"image": "a", "id": "nightly"})
    again = await post(durable, {"id": "nightly", "cpu": 1, "image": "a"})
    durable.instances["nightly"]["runtimeStatus"] = "Completed"
    late = await post(durable, {"image": "a", "id": "nightly"})
    assert [answer[0] for answer in (first, again, late)] == [202, 202, 202]
    assert first[1] == again[1] == late[1]
    assert durable.started == ["nightly"]


async def test_another_job_under_the_same_id_is_refused(durable: DurableEndpoint) -> None:
    """Neither replaced nor mixed up; also where the id is that of another orchestrator's instance."""
    await post(durable, {"image": "a", "id": "nightly"})
    status, answer, _ = await post(durable, {"image": "b", "id": "nightly"})
    assert status == 409
    assert answer["errors"][0]["pointer"] == "#/id"
    durable.add("other", name="Other", input={"image": "a", "id": "other"})
    assert (await post(durable, {"image": "a", "id": "other"}))[0] == 409
    assert durable.started == ["nightly"]


@pytest.mark.parametrize(("image", "status"), [("a", 202), ("b", 409)])
async def test_of_two_requests_at_once_one_starts_the_job(
    durable: DurableEndpoint, image: str, status: int
) -> None:
    """The engine refuses the second, which is then answered as a repeated one."""
    job = {"image": image, "id": "race"}
    text = json.dumps(json.dumps(job))  # some engines hand an input back as the text that was sent
    durable.before_start = lambda: durable.add("race", input=text)
    assert (await post(durable, {"image": "a", "id": "race"}))[0] == status
    assert durable.started == []


async def test_an_engine_that_cannot_start_a_job_is_an_error(durable: DurableEndpoint) -> None:
    """It is not taken for an id in use."""

    def fail() -> None:
        raise RuntimeError("out of storage")

    durable.before_start = fail
    with pytest.raises(Exception, match=r"."):
        await post(durable, {"image": "a", "id": "x"})


@pytest.mark.parametrize(
    ("runtime", "phase", "http", "state"),
    [
        ("Pending", None, 202, "Pending"),
        ("Running", "Queued", 202, "Pending"),
        ("Running", "Creating", 202, "Pending"),
        ("Running", "Pulling", 202, "Pending"),
        ("Running", "Running", 202, "Running"),
        ("Suspended", "Running", 202, "Running"),
        ("Running", "Collecting", 202, "Running"),
        ("Running", "Cleaning", 202, "Running"),
        ("Running", "Cancelled", 200, "Cancelled"),
        ("Completed", "Succeeded", 200, "Succeeded"),
        ("Completed", "Cancelled", 200, "Cancelled"),
        ("Failed", "Failed", 500, "Failed"),
        ("Failed", "TimedOut", 500, "TimedOut"),
        ("Failed", "Running", 500, "Failed"),
        ("Failed", None, 500, "Failed"),
        ("Terminated", "Running", 500, "Terminated"),
        ("Canceled", "Running", 500, "Terminated"),
    ],
)
async def test_a_job_is_shown_in_the_words_of_jobs(
    durable: DurableEndpoint, runtime: str, phase: str | None, http: int, state: str
) -> None:
    """202 while it runs, 200 when it succeeded or was cancelled, 500 when it failed."""
    custom = None if phase is None else {"phase": phase, "exitCode": 3, "restarts": 1}
    durable.add("j", runtimeStatus=runtime, customStatus=custom, output="why")
    status, body = await get(durable, "j")
    assert (status, body["id"], body["state"]) == (http, "j", state)
    assert body["phase"] == (phase or "Queued")
    assert body["exitCode"] == (3 if phase else None)
    if state in {"Failed", "Terminated"}:
        assert body["reason"] == {"code": f"Orchestration{state}", "message": "why"}


@pytest.mark.parametrize(
    "job_id", ["none", "a/b", "..", "", "a?b", "%2e%2e", "a#b", "a b", "x" * 101, "é", "a\n", "-a"]
)
async def test_an_unknown_job_is_404_however_odd_its_id(
    durable: DurableEndpoint, job_id: str
) -> None:
    """An id that would change the URL it is put into is never asked for."""
    durable.add("b")
    assert (await get(durable, job_id))[0] == 404
    assert await cancel(durable, job_id) == 404
    assert durable.events == []


async def test_an_instance_of_another_orchestrator_is_no_job(durable: DurableEndpoint) -> None:
    """The watch of a job, for instance, cannot be read or cancelled as one."""
    durable.add("w", name="WatchOrchestrator")
    assert (await get(durable, "w"))[0] == 404
    assert await cancel(durable, "w") == 404


@pytest.mark.parametrize(
    ("query", "logs"),
    [
        ("", "one\ntwo\rhalf\nthree\n"),
        ("?tail=0", ""),
        ("?tail=1", "three\n"),
        ("?tail=2", "two\rhalf\nthree\n"),
        ("?tail=3", "one\ntwo\rhalf\nthree\n"),
        ("?tail=999999999", "one\ntwo\rhalf\nthree\n"),
    ],
)
async def test_the_log_is_shown_as_the_container_wrote_it(
    durable: DurableEndpoint, query: str, logs: str
) -> None:
    """Whole or its last lines, without times; a carriage return ends no line."""
    durable.add("j")
    kept = f"{T}one\n{T}two\rhalf\n{T}three\n"
    status, body = await get(durable, "j", query, kept)
    assert (status, body["logs"]) == (202, logs)


async def test_a_last_line_without_an_end_is_a_line(durable: DurableEndpoint) -> None:
    """A container need not end its output with a line end."""
    durable.add("j")
    assert (await get(durable, "j", "?tail=1", f"{T}one\n{T}two"))[1]["logs"] == "two"
    assert (await get(durable, "j", "?tail=0", f"{T}one\n{T}two"))[1]["logs"] == ""


@pytest.mark.parametrize("tail", ["-1", "1.5", "x", "1e3", "٣", "9" * 10])
async def test_a_wrong_tail_is_refused(durable: DurableEndpoint, tail: str) -> None:
    """With the value that was given."""
    durable.add("j")
    assert (await get(durable, "j", f"?tail={tail}"))[0] == 400


async def test_a_long_log_is_shown_from_a_line_start(durable: DurableEndpoint) -> None:
    """The answer carries the last 4 MB of it."""
    durable.add("j")
    line = f"{T}{'x' * 100}é\n"
    _, body = await get(durable, "j", "", line * (MAX_LOG_BYTES // 100))
    assert set(body["logs"].split("\n")) == {"x" * 100 + "é", ""}


async def test_a_log_store_that_is_down_does_not_look_like_a_failed_job(
    durable: DurableEndpoint,
) -> None:
    """How the job is, is shown all the same; why there is no log, without its secrets."""

    class Broken(_KeptLog):
        def read_end(self, job_id: str, max_bytes: int) -> ArchivedEnd:
            raise OSError("disk s3cret")

    durable.add("j")
    answer = await read_job(request("/api/jobs/j", id="j"), durable.client(), Broken)
    body = json.loads(answer.get_body())
    assert answer.status_code == 202
    assert body["logs"] is None
    assert "OSError" in body["logsError"]
    assert "s3cret" not in body["logsError"]


async def test_a_cancel_is_an_event_and_twice_is_no_error(durable: DurableEndpoint) -> None:
    """With the reason, if one was given, in the form the SDK sends objects."""
    durable.add("j")
    assert await cancel(durable, "j") == 202
    assert await cancel(durable, "j", "?reason=too%20slow") == 202
    assert [(event[0], event[1]) for event in durable.events] == [("j", "Cancel")] * 2
    assert durable.events[0][2] is None
    assert durable.events[1][2] == {"reason": "too slow"}


async def test_a_cancel_of_an_ended_job_changes_nothing(durable: DurableEndpoint) -> None:
    """200, with how it ended."""
    durable.add("j", runtimeStatus="Completed", customStatus=SUCCEEDED)
    assert await cancel(durable, "j") == 200
    assert durable.events == []


async def test_a_cancel_that_comes_as_the_job_ends_is_like_one_after_it(
    durable: DurableEndpoint,
) -> None:
    """The engine answers 410 then, or 404 after a purge, which the SDK raises."""
    durable.add("j")
    durable.before_event = lambda: durable.add(
        "j", runtimeStatus="Completed", customStatus=SUCCEEDED
    )
    assert await cancel(durable, "j") == 200


@pytest.mark.parametrize(
    ("reply", "status", "clean_up"),
    [
        ({"kind": "gone"}, 200, "Deleted"),
        ({"kind": "notOurs"}, 200, "NotOurs"),
        ({"kind": "busy", "code": "TooManyRequests", "message": "later"}, 202, "Pending"),
    ],
)
async def test_cancelling_a_terminated_job_deletes_what_it_left(
    durable: DurableEndpoint, reply: dict[str, Any], status: int, clean_up: str
) -> None:
    """Durable runs no code for a terminated instance, so nobody else would."""
    left = {"phase": "Running", "cleanUp": "Pending"}
    durable.add("j", runtimeStatus="Terminated", customStatus=left)
    asked = request("/api/jobs/j", id="j")
    answer = await cancel_job(asked, durable.client(), lambda _: reply)
    assert answer.status_code == status
    assert json.loads(answer.get_body())["cleanUp"] == clean_up
