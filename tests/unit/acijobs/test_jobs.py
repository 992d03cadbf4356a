"""The job API, on the SDK's own Durable client: start, read and cancel."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest
from azure.durable_functions.models.utils import http_utils

from acijobs.domain.errors import InvalidSettingsError, StorageError
from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import retried
from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.domain.spec.policy import JobPolicy
from acijobs.instances import Instances
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.settings.reading import read
from acijobs.settings.web import WebSettings
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs.usecases.ports import log_key
from acijobs.web.job_logs import MAX_READ_BYTES, MAX_TEXT_BYTES
from acijobs.web.job_start import start_job
from acijobs.web.jobs import cancel_job, read_job
from acijobs.web.links import LINKS
from acijobs_durable import DurableEndpoint
from acijobs_interleaving import RUN, accept, at_call, let_pass
from acijobs_world import World, busy, denied
from job_calls import decoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from acijobs.domain.row import Row
    from job_calls import Answer

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

NO_DEFAULT = DefaultJobSettings()
WITH_DEFAULT = read(
    DefaultJobSettings, {"DefaultImage": "alpine", "DefaultCommand": '["echo", "hello"]'}
)
T = "2026-11-23T10:00:00.000000001Z "
ODD_IDS = ["none", "a/b", "..", "", "a?b", "%2e%2e", "a#b", "a b", "x" * 101, "é", "a\n", "-a"]


class Api:
    """The API on a scripted outside, and on Durable's local endpoint."""

    def __init__(self, durable: DurableEndpoint) -> None:
        self.durable = durable
        self.world = World()

    @property
    def instances(self) -> Instances:
        """The engine's instances, through a new client, as each request has one."""
        return Instances(self.durable.binding())

    async def post(
        self,
        body: object,
        default: DefaultJobSettings = NO_DEFAULT,
        *,
        headers: dict[str, str] | None = None,
        web: dict[str, str] | None = None,
        query: str = "",
    ) -> Answer:
        """Start a job."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = request(f"/api/jobs?code=K{query}", data, headers)
        addresses = read(WebSettings, web or {})
        starting = start_job(asked, self.instances, self.world, lambda: default, web=addresses)
        return decoded(await starting)

    async def get(self, job_id: str = "j", query: str = "") -> Answer:
        """Read a job."""
        asked = request(f"/api/jobs/{job_id}{query}", id=job_id)
        return decoded(await read_job(asked, self.instances, self.world))

    async def delete(self, job_id: str = "j", query: str = "") -> Answer:
        """Cancel a job."""
        asked = request(f"/api/jobs/{job_id}{query}", id=job_id)
        return decoded(await cancel_job(asked, self.instances, self.world))

    def row(self, job_id: str = "j") -> Row:
        """Return the job's row as it is now."""
        return self.world.memory_rows.now_of(job_id)

    def accepted(self) -> None:
        """Add the job `j`, which the engine is about to start."""
        accept(self.world)
        self.durable.add("j", runtimeStatus="Pending")

    def running(self, **status: Any) -> None:
        """Add the job `j`, whose container runs."""
        accept(self.world)
        create_group(self.world, CreateRequest(run=RUN))
        let_pass(self.world, 10)
        shown = {"run": RUN.execution, "phase": "Running", "restarts": 1}
        self.durable.add("j", **{"customStatus": shown} | status)

    def ended(self, outcome: Outcome | None = None, *, is_settled: bool = True) -> None:
        """Add the job `j`, which has ended."""
        self.running(runtimeStatus="Completed")
        self.world.azure.troubles["delete"] = [] if is_settled else [denied()]
        stored = self.world.memory_rows.read("j")
        assert stored is not None
        end = End(outcome=outcome or Outcome.succeeded(), collects_log=False, gives_up=True)
        end_job(self.world, stored, end)

    def write_log(self, text: str) -> None:
        """Put this into the log of the job `j`."""
        group = self.row().group
        assert group is not None
        self.world.memory_logs.logs[log_key(group, "job")] = text.encode()


@pytest.fixture
async def durable() -> AsyncIterator[DurableEndpoint]:
    endpoint = DurableEndpoint()
    await endpoint.start()
    yield endpoint
    await http_utils._close_session()  # shared by all clients of a process, but bound to this loop
    await endpoint.stop()


@pytest.fixture
def api(durable: DurableEndpoint) -> Api:
    return Api(durable)


def request(
    url: str, body: bytes = b"", headers: dict[str, str] | None = None, **route: str
) -> func.HttpRequest:
    return func.HttpRequest(
        method="POST",
        url=f"https://app.example{url}",
        headers=headers,
        params=dict(parse_qsl(urlsplit(url).query)),
        route_params=route,
        body=body,
    )


def fail() -> None:
    raise RuntimeError("the engine does not answer")


def storage_fails() -> None:
    raise StorageError("down")


async def test_a_job_is_started_with_durables_own_answer_and_its_url(api: Api) -> None:
    """The job's URL carries no key of the request."""
    answer = await api.post({"image": "alpine"})
    job_id = answer.body["id"]
    assert answer.status == 202
    assert api.durable.started == [job_id]
    assert {"statusQueryGetUri", "sendEventPostUri", "terminatePostUri"} <= set(answer.body)
    assert answer.body["jobUrl"].startswith(f"https://app.example/api/jobs/{job_id}/by/")
    assert "code=" not in answer.body["jobUrl"]
    assert answer.headers["Location"] == answer.body["statusQueryGetUri"]
    assert answer.headers["Retry-After"] == "10"


async def test_no_specification_crosses_the_engine(api: Api) -> None:
    """It is stored beside the job's row; the engine has the id and the offer."""
    await api.post({"image": "alpine", "id": "a", "environment": {"A": "s3cret"}})
    assert api.durable.instances["a"]["input"] == {"id": "a", "offer": 1}
    assert api.world.memory_rows.spec_of("a")["environment"] == {"A": "s3cret"}
    assert "s3cret" not in api.world.memory_rows.rows["a"][0]


async def test_an_empty_body_starts_the_operators_job(api: Api) -> None:
    """Blanks are empty too; without such a job the missing field is named."""
    for body in (b"", b" \r\n\t"):
        answer = await api.post(body, WITH_DEFAULT)
        assert answer.status == 202
        job = api.world.memory_rows.spec_of(answer.body["id"])
        assert (job["image"], job["command"]) == ("alpine", ["echo", "hello"])
    answer = await api.post(b"")
    assert answer.status == 400
    assert answer.body["errors"][0]["pointer"] == "#/image"


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
async def test_what_is_no_job_is_refused_as_a_problem(api: Api, body: bytes) -> None:
    """400 with every wrong field, whatever was sent; nothing is stored or started."""
    answer = await api.post(body, WITH_DEFAULT)
    assert answer.status == 400
    assert answer.body["status"] == 400
    assert answer.body["title"] == "Bad Request"
    assert answer.body["errors"][0]["pointer"].startswith("#")
    assert api.durable.started == []
    assert api.world.memory_rows.rows == {}


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json",
     "application/json, text/plain", "application/jsonp", "+json"],
)  # fmt: skip
@pytest.mark.parametrize("body", [b'{"image": "a"}', b""])
async def test_a_body_that_is_said_to_be_no_json_is_refused(
    api: Api, kind: str, body: bytes
) -> None:
    """415, though it may be JSON: any web page can make a browser send that."""
    answer = await api.post(body, WITH_DEFAULT, headers={"content-type": kind})
    assert answer.status == 415
    assert "'Content-Type: application/json'" in answer.body["detail"]
    assert api.world.memory_rows.rows == {}


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json", "", None],
)
async def test_a_body_of_json_or_of_no_type_is_taken(api: Api, kind: str | None) -> None:
    """A program that names no type is believed."""
    headers = {} if kind is None else {"Content-Type": kind}
    assert (await api.post({"image": "a"}, headers=headers)).status == 202


@pytest.mark.parametrize("default", [NO_DEFAULT, WITH_DEFAULT])
async def test_a_chunked_body_is_refused(api: Api, default: DefaultJobSettings) -> None:
    """411: on Azure it is empty here, and must not start the default job."""
    answer = await api.post(b"", default, headers={"Transfer-Encoding": "chunked"})
    assert answer.status == 411
    assert "Content-Length" in answer.body["detail"]
    assert api.world.memory_rows.rows == {}


async def test_the_urls_are_those_of_the_public_address(api: Api) -> None:
    """All of them, Location too; without one they are where the request went."""
    public = {"PublicUrl": "https://jobs.example.com:8443"}
    answer = await api.post({"image": "a", "id": "j"}, web=public)
    urls = [value for name, value in answer.body.items() if name != "id"]
    assert {urlsplit(url).netloc for url in urls} == {"jobs.example.com:8443"}
    assert answer.body["jobUrl"].startswith("https://jobs.example.com:8443/api/jobs/j/by/")
    assert answer.headers["Location"] == answer.body["statusQueryGetUri"]
    plain = await api.post({"image": "a", "id": "j"})
    assert plain.body["jobUrl"].startswith("https://app.example/api/jobs/j/by/")


async def test_durables_urls_are_withheld_where_the_operator_wants_that(api: Api) -> None:
    """They hold a key to every orchestration; the job's own URLs take their place."""
    answer = await api.post({"image": "a", "id": "j"}, web={"ExposeManagementUrls": "false"})
    assert answer.status == 202
    assert set(answer.body) == {"id", *LINKS}
    assert answer.headers["Location"] == answer.body["jobUrl"]
    assert answer.headers["Retry-After"] == "5"
    assert "code=" not in json.dumps(answer.body)


async def test_a_store_that_fails_once_the_row_is_in_does_not_unmake_the_job(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """202, with the job's address under the app's key where its own cannot be made."""
    monkeypatch.setattr(World, "capabilities", lambda _: storage_fails())
    answer = await api.post({"image": "a", "id": "j"})
    assert answer.status == 202
    assert answer.body["jobUrl"] == "https://app.example/api/jobs/j"
    assert api.row().job_id == "j"


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
async def test_a_dry_run_refuses_the_secrets_that_a_post_would(api: Api, query: str) -> None:
    """And the callback: what is wrong is told at each field at once."""
    api.world.seal_keys = ()
    secrets = {"A": {"value": "s3cret"}, "B": {"appSetting": "Other"}}
    asked = request(f"/api/jobs{query}", json.dumps({"image": "a", "secrets": secrets}).encode())
    answer = decoded(
        await start_job(asked, api.instances, api.world, lambda: NO_DEFAULT, WebSettings())
    )
    pointers = [error["pointer"] for error in answer.body["errors"]]
    assert (answer.status, pointers) == (400, ["#/secrets/A/value", "#/secrets/B/appSetting"])
    assert "s3cret" not in json.dumps(answer.body)
    assert api.world.memory_rows.rows == {}


async def test_a_field_that_is_given_twice_counts_once(api: Api) -> None:
    """As JSON is read everywhere: the last one."""
    answer = await api.post(b'{"image": "a", "image": "b"}')
    assert api.world.memory_rows.spec_of(answer.body["id"])["image"] == "b"


async def test_a_body_may_have_256_kb_and_no_more(api: Api) -> None:
    """413 is told before anything is parsed."""
    start = b'{"image": "a", "command": ["'
    fits = start + b"x" * (MAX_BODY_BYTES - len(start) - 3) + b'"]}'
    assert (await api.post(fits)).status == 202
    assert (await api.post(fits + b" ")).status == 413
    assert (await api.post(b"\xff" * (MAX_BODY_BYTES + 1))).status == 413


async def test_wrong_settings_are_named_before_a_job_is_started(api: Api) -> None:
    """A job could only fail."""

    def wrong_settings() -> DefaultJobSettings:
        raise InvalidSettingsError(("Location is missing",))

    asked = request("/api/jobs", b'{"image": "a"}')
    answer = decoded(
        await start_job(asked, api.instances, api.world, wrong_settings, WebSettings())
    )
    assert answer.status == 500
    assert "Location is missing" in answer.body["detail"]
    assert api.durable.started == []
    assert api.world.memory_rows.rows == {}


async def test_a_job_that_the_operator_does_not_allow_is_answered_403(api: Api) -> None:
    """With every rule that it breaks; nothing is stored or started."""
    api.world.allowed = JobPolicy(images=("team.azurecr.io/*",), max_cpu=2)
    answer = await api.post({"image": "alpine", "cpu": 4, "id": "nightly"})
    assert (answer.status, answer.body["title"]) == (403, "Forbidden")
    assert {(error["rule"], error["pointer"]) for error in answer.body["errors"]} == {
        *(("AllowedImages", "#/image"), ("MaxCpu", "#/cpu")),
    }
    assert (api.durable.started, api.world.memory_rows.rows) == ([], {})


async def test_rules_that_are_tightened_leave_accepted_jobs_alone(api: Api) -> None:
    """Their POST may be repeated; another job under the id is refused as such."""
    body = {"image": "alpine", "id": "nightly"}
    assert (await api.post(body)).status == 202
    api.world.allowed = JobPolicy(images=("none",))
    assert (await api.post(body)).status == 202
    assert (await api.post(body | {"cpu": 2})).status == 409
    assert (await api.post({"image": "alpine"})).status == 403


async def test_a_dry_run_answers_and_starts_nothing(api: Api) -> None:
    """200 with the forecast; what is wrong with the job is told as ever."""
    answer = await api.post({"image": "alpine", "id": "nightly"}, query="&dryRun=true")
    assert answer.status == 200
    assert set(answer.body) == {
        *("spec", "location", "pricePerHourUsd", "runDeadlineSeconds", "costAtRunDeadlineUsd"),
        *("refusals", "quota"),
    }
    assert (api.durable.started, api.world.memory_rows.rows) == ([], {})
    assert (await api.post({"image": "A B"}, query="&dryRun=true")).status == 400
    assert (await api.post({"image": "alpine"}, query="&dryRun=maybe")).status == 400
    assert (await api.post({"image": "alpine"}, query="&dryRun=false")).status == 202


async def test_a_job_whose_row_is_in_is_accepted_whatever_the_engine_says(api: Api) -> None:
    """Somebody starts it later: a repeated request, or the app itself."""
    api.durable.before_start = fail
    answer = await api.post({"image": "a", "id": "nightly"})
    assert (answer.status, api.durable.started) == (202, [])
    assert api.row("nightly").offer == 1
    api.durable.before_start = lambda: None
    again = await api.post({"image": "a", "id": "nightly"})
    assert (again.status, api.durable.started) == (202, ["nightly"])
    assert api.durable.instances["nightly"]["input"] == {"id": "nightly", "offer": 1}


async def test_a_store_that_is_down_is_told_with_the_id_to_repeat_under(api: Api) -> None:
    """503, never an accepted job that nobody knows of."""
    api.world.storage_down = True
    answer = await api.post({"image": "a"})
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert api.durable.started == []
    api.world.storage_down = False
    again = await api.post({"image": "a", "id": answer.body["id"]})
    assert (again.status, again.body["id"]) == (202, answer.body["id"])


async def test_an_insert_whose_answer_was_lost_is_found_by_the_repeated_request(api: Api) -> None:
    """The row may be in, though the answer was 503."""
    rows = api.world.memory_rows
    insert = rows.insert

    def insert_and_fail(row: Row, spec: dict[str, Any]) -> None:
        insert(row, spec)
        storage_fails()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "insert", insert_and_fail)
        first = await api.post({"image": "a", "id": "j"})
    assert (first.status, first.body["id"], api.durable.started) == (503, "j", [])
    assert (await api.post({"image": "a", "id": "j"})).status == 202
    assert api.durable.started == ["j"]


async def digest_of(api: Api, body: dict[str, Any]) -> str:
    """Return the digest under which a job is stored."""
    return api.row((await api.post(body | {"id": "digest"})).body["id"]).digest


async def test_the_same_request_under_the_same_id_is_the_same_job(api: Api) -> None:
    """Also when it is written differently, when the job is driven, and when it has ended."""
    first = await api.post({"image": "a", "cpu": 1, "id": "j"})
    again = await api.post(b'{"id": "j", "cpu": 1.0, "image": "a"}')
    create_group(api.world, CreateRequest(run=RUN))
    driven = await api.post({"image": "a", "cpu": 1, "id": "j"})
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    end_job(api.world, stored, End(outcome=Outcome.succeeded()))
    del api.durable.instances["j"]
    late = await api.post({"image": "a", "cpu": 1, "id": "j"})
    assert [answer.status for answer in (first, again, driven, late)] == [202] * 4
    assert first.body == again.body == driven.body == late.body
    assert api.durable.started == ["j"]
    assert len(api.world.memory_rows.rows) == 1


@pytest.mark.parametrize("claimed", [False, True])
async def test_a_repeated_request_starts_a_job_again_that_nobody_claimed(
    api: Api, *, claimed: bool
) -> None:
    """The engine may have said yes and done nothing; who claimed it drives it."""
    await api.post({"image": "a", "id": "j"})
    if claimed:
        create_group(api.world, CreateRequest(run=RUN))
    del api.durable.instances["j"]
    await api.post({"image": "a", "id": "j"})
    assert api.durable.started == ["j"] * (1 if claimed else 2)


async def test_a_repeated_request_does_not_start_a_job_that_has_ended(api: Api) -> None:
    """It was cancelled before anybody claimed it."""
    await api.post({"image": "a", "id": "j"})
    del api.durable.instances["j"]
    assert (await api.delete()).status == 200
    assert (await api.post({"image": "a", "id": "j"})).status == 202
    assert api.durable.started == ["j"]


@pytest.mark.parametrize(
    "other",
    [
        {"image": "b"},
        {"image": "a", "cpu": 1},
        {"image": "a", "command": ["x"]},
        {"image": "a", "timeouts": {}},
    ],
)
async def test_another_job_under_the_same_id_is_refused(api: Api, other: dict[str, Any]) -> None:
    """What was sent decides, so that another release's defaults do not."""
    await api.post({"image": "a", "id": "nightly"})
    answer = await api.post(other | {"id": "nightly"})
    assert answer.status == 409
    assert answer.body["errors"][0]["pointer"] == "#/id"
    assert api.durable.started == ["nightly"]
    assert api.world.memory_rows.spec_of("nightly")["image"] == "a"


@pytest.mark.parametrize(("image", "status"), [("a", 202), ("b", 409)])
async def test_of_two_requests_at_once_one_makes_the_job(api: Api, image: str, status: int) -> None:
    """The other is answered as a repeated one, or refused."""
    digest = await digest_of(api, {"image": image})

    def another_request() -> None:
        accept(api.world, image=image)
        stored = api.world.memory_rows.read("j")
        assert stored is not None
        api.world.memory_rows.swap(stored, replace(stored.row, digest=digest))

    at_call(api.world, "rows.insert", another_request)
    assert (await api.post({"image": "a", "id": "j"})).status == status
    assert api.world.memory_rows.spec_of("j")["image"] == image


async def test_a_digest_does_not_tell_what_was_sent(api: Api) -> None:
    """It is keyed, so that whoever reads it cannot try values out."""
    one = await digest_of(api, {"image": "a"})
    assert one.startswith("1:")
    assert "image" not in one
    other = World()
    other.memory_rows.store = lambda: replace(World().rows().store(), digest_key=b"z" * 32)  # type: ignore[method-assign]
    api.world = other
    assert await digest_of(api, {"image": "a"}) != one


@pytest.mark.parametrize(
    ("phase", "http", "state"),
    [
        ("Queued", 202, "Pending"),
        ("Creating", 202, "Pending"),
        ("Pulling", 202, "Pending"),
        ("Running", 202, "Running"),
        ("Collecting", 202, "Running"),
        ("Cleaning", 202, "Running"),
    ],
)
@pytest.mark.parametrize("runtime", ["Pending", "Running", "Suspended"])
async def test_a_driven_job_is_shown_as_its_run_shows_it(
    api: Api, runtime: str, phase: str, http: int, state: str
) -> None:
    """In the words of jobs, 202 while it runs."""
    shown = {"run": RUN.execution, "phase": phase, "restarts": 7, "unknown": 1}
    api.running(runtimeStatus=runtime, customStatus=shown)
    answer = await api.get()
    assert (answer.status, answer.body["id"], answer.body["state"]) == (http, "j", state)
    assert (answer.body["phase"], answer.body["restarts"]) == (phase, 7)
    assert (answer.body["cleanUp"], answer.headers["Retry-After"]) == ("Pending", "5")
    assert not {"run", "group", "unknown"} & set(answer.body)


@pytest.mark.parametrize(
    "shown",
    [
        *(None, [], "x", {}, {"phase": "Running"}, {"run": "another", "phase": "Running"}),
        {"superseded": True},
    ],
)
async def test_a_status_of_another_run_is_ignored(api: Api, shown: Any) -> None:
    """The row tells what it knows."""
    api.running(customStatus=shown)
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (
        202,
        "Pending",
        "Creating",
    )
    assert set(answer.body["timeline"]) == {"queued", "creating", "groupCreated"}


async def test_no_status_is_believed_before_a_run_has_claimed_the_job(api: Api) -> None:
    """An instance of an earlier life of the id may still be shown."""
    accept(api.world)
    api.durable.add("j", runtimeStatus="Failed", customStatus={"run": "", "phase": "Running"})
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (202, "Pending", "Queued")


@pytest.mark.parametrize("runtime", ["Failed", "Terminated", "Canceled", "Completed"])
async def test_a_job_whose_orchestration_is_dead_is_not_over(api: Api, runtime: str) -> None:
    """Its row is open: the Reconciler takes it over, or ends it."""
    api.running(runtimeStatus=runtime)
    answer = await api.get()
    assert (answer.status, answer.body["cleanUp"]) == (202, "Pending")
    assert answer.body["state"] in {"Pending", "Running"}
    assert answer.body["reason"] is None


@pytest.mark.parametrize(
    ("outcome", "http", "state"),
    [
        (Outcome.succeeded(), 200, "Succeeded"),
        (Outcome.cancelled("slow"), 200, "Cancelled"),
        (Outcome.refused("InaccessibleImage", "no"), 500, "Failed"),
        (Outcome.timed_out(Reason.RUN_TIMEOUT, "late"), 500, "TimedOut"),
    ],
)
async def test_an_ended_job_is_answered_from_its_row_alone(
    api: Api, outcome: Outcome, http: int, state: str
) -> None:
    """The engine is not asked, and may have forgotten it."""
    api.ended(outcome)
    del api.durable.instances["j"]
    asked: list[int] = []
    api.durable.before_status = lambda: asked.append(1)
    answer = await api.get()
    assert (answer.status, answer.body["state"], answer.body["phase"]) == (http, state, state)
    assert (answer.body["cleanUp"], answer.body["exitCode"]) == ("Deleted", outcome.exit_code)
    assert (answer.body["reason"] or {}).get("message", "") == outcome.message
    assert "Retry-After" not in answer.headers
    assert asked == []


async def test_a_timeline_is_shown_in_the_order_of_a_jobs_life(api: Api) -> None:
    """However the store kept it."""
    api.ended()
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    at = stored.row.accepted_at
    names = ["queued", "creating", "containerStarted", "running", "collecting", "succeeded"]
    row = replace(stored.row, times=dict.fromkeys(sorted(names), at))
    api.world.memory_rows.swap(stored, row)
    shown = list((await api.get()).body["timeline"])
    assert [name for name in shown if name in names] == names


async def test_an_engine_that_does_not_answer_hides_no_job(api: Api) -> None:
    """What the row knows is shown."""
    api.running()
    api.durable.before_status = fail
    answer = await api.get()
    assert (answer.status, answer.body["phase"]) == (202, "Creating")


async def test_a_store_that_is_down_is_not_an_unknown_job(api: Api) -> None:
    """503 with Retry-After, never 404."""
    api.running()
    api.world.storage_down = True
    for answer in (await api.get(), await api.delete()):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert api.durable.events == []


@pytest.mark.parametrize("job_id", ODD_IDS)
async def test_an_unknown_job_is_404_however_odd_its_id(api: Api, job_id: str) -> None:
    """An id that no job can have is looked for nowhere."""
    api.durable.add("b")
    assert (await api.get(job_id)).status == 404
    assert (await api.delete(job_id)).status == 404
    assert api.durable.events == []


async def test_an_instance_without_a_row_is_no_job(api: Api) -> None:
    """The watch of a job, for instance, or one that was started past the API."""
    api.durable.add("w", name="WatchOrchestrator")
    assert (await api.get("w")).status == 404
    assert (await api.delete("w")).status == 404
    assert api.durable.events == []


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
async def test_the_log_is_shown_as_the_container_wrote_it(api: Api, query: str, logs: str) -> None:
    """Whole or its last lines, without times; a carriage return ends no line."""
    api.running()
    api.write_log(f"{T}one\n{T}two\rhalf\n{T}three\n")
    answer = await api.get("j", query)
    assert (answer.status, answer.body["logs"]) == (202, logs)
    assert answer.body["logState"]["archivedBytes"] > 0


async def test_a_job_without_a_group_has_an_empty_log(api: Api) -> None:
    """Nothing was created yet."""
    api.accepted()
    answer = await api.get()
    assert (answer.body["logs"], answer.body["logState"]["archivedBytes"]) == ("", 0)


async def test_a_last_line_without_an_end_is_a_line(api: Api) -> None:
    """A container need not end its output with a line end."""
    api.running()
    api.write_log(f"{T}one\n{T}two")
    assert (await api.get("j", "?tail=1")).body["logs"] == "two"
    assert (await api.get("j", "?tail=0")).body["logs"] == ""


@pytest.mark.parametrize("tail", ["-1", "1.5", "x", "1e3", "٣", "9" * 10])
async def test_a_wrong_tail_is_refused(api: Api, tail: str) -> None:
    """With the value that was given."""
    api.running()
    assert (await api.get("j", f"?tail={tail}")).status == 400


async def test_a_long_log_is_shown_from_a_line_start(api: Api) -> None:
    """The answer carries the last 64 KB of it, the times not counted, and says so."""
    api.running()
    line = f"{T}{'x' * 100}é\n"
    api.write_log(line * (MAX_TEXT_BYTES // 100))
    body = (await api.get()).body
    assert set(body["logs"].split("\n")) == {"x" * 100 + "é", ""}
    assert MAX_TEXT_BYTES - len(line) < len(body["logs"].encode()) <= MAX_TEXT_BYTES
    assert body["logState"]["partial"]


async def test_a_log_of_very_short_lines_is_read_far_back(api: Api) -> None:
    """Most of what is read are times, so that there is less text than in other logs."""
    api.running()
    line = f"{T}y\n"
    api.write_log(line * (2 * MAX_READ_BYTES // len(line)))
    body = (await api.get()).body
    assert body["logs"] == "y\n" * (MAX_TEXT_BYTES // len("y\n") - 1)
    assert body["logState"]["partial"]


@pytest.mark.parametrize(
    ("log", "query", "logs", "partial"),
    [
        (f"{T}one\n{T}two\n", "", "one\ntwo\n", False),
        (f"{T}one\n{T}two\n", "?tail=2", "one\ntwo\n", False),
        (f"{T}one\n{T}two\n", "?tail=1", "two\n", True),
        (f"{T}one\n", "?tail=0", "", True),
        ("", "?tail=0", "", False),
        (T + "é" * MAX_TEXT_BYTES, "", "é" * (MAX_TEXT_BYTES // 2), True),
        (T + "z" * MAX_TEXT_BYTES + f"\n{T}end\n", "", "end\n", True),
    ],
)
async def test_a_part_of_a_log_is_said_to_be_one(
    api: Api, log: str, query: str, logs: str, *, partial: bool
) -> None:
    """Whether it was asked for or is all that one answer carries."""
    api.running()
    api.write_log(log)
    body = (await api.get("j", query)).body
    assert body["logs"] == logs
    assert body["logState"]["partial"] is partial


async def test_a_part_of_a_log_says_where_the_rest_is(api: Api) -> None:
    """At the address that callers know, without the key that was sent."""
    api.running()
    asked = request("/api/jobs/j?code=K&tail=1", id="j")
    for public_url, host in (("", "app.example"), ("https://jobs.example", "jobs.example")):
        answer = await read_job(asked, api.instances, api.world, public_url=public_url)
        url = decoded(answer).body["logState"]["url"]
        assert url == f"https://{host}/api/jobs/j/logs"


async def test_between_two_attempts_the_log_of_the_last_one_is_shown(api: Api) -> None:
    """The next one has none yet, and a job that is cancelled then never will."""
    api.running()
    api.write_log(f"{T}one\n")
    stored = api.world.memory_rows.read("j")
    assert stored is not None
    failed = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)
    again = retried(stored.row, Again(delay_s=60), failed, now=api.world.clock.now())
    assert again is not None
    api.world.memory_rows.swap(stored, again)
    assert (await api.get()).body["logs"] == "one\n"


async def test_a_log_store_that_is_down_does_not_look_like_a_failed_job(api: Api) -> None:
    """How the job is, is shown all the same; why there is no log, without its secrets."""
    api.running()
    api.world.memory_logs.troubles = [OSError("disk s3cret")]
    answer = await api.get()
    assert (answer.status, answer.body["logs"]) == (202, None)
    assert "OSError" in answer.body["logsError"]
    assert "s3cret" not in answer.body["logsError"]


async def test_a_request_to_cancel_is_in_the_row_before_the_event_is_raised(api: Api) -> None:
    """The event only makes it quicker; its data is in the form in which the SDK sends objects."""
    api.running()
    seen: list[Any] = []
    api.durable.before_event = lambda: seen.append(api.row().cancel)
    answer = await api.delete("j", "?reason=too%20slow")
    assert answer.status == 202
    assert [cancel.why for cancel in seen] == ["too slow"]
    assert api.durable.events == [("j", "Cancel", {"reason": "too slow"})]


async def test_cancelling_twice_is_cancelling_once(api: Api) -> None:
    """The first request stays; the second may still help a lost event."""
    api.running()
    assert (await api.delete("j", "?reason=first")).status == 202
    first = api.row()
    assert (await api.delete("j", "?reason=second")).status == 202
    assert api.row() == first
    assert first.cancel is not None
    assert first.cancel.why == "first"


async def test_an_event_that_is_lost_costs_nothing_but_a_poll(api: Api) -> None:
    """The request is in the row, and the answer is the same."""
    api.running()
    api.durable.before_event = fail
    assert (await api.delete()).status == 202
    assert api.row().cancel is not None
    assert api.durable.events == []


async def test_a_job_that_has_not_been_claimed_yet_is_cancelled_by_its_row(api: Api) -> None:
    """Its first step finds the request, and asks nothing of Azure."""
    api.accepted()
    assert (await api.delete()).status == 202
    create_group(api.world, CreateRequest(run=RUN))
    assert not api.world.azure.calls


async def test_a_cancel_of_an_ended_job_changes_nothing(api: Api) -> None:
    """200, with how it ended."""
    api.ended()
    row, calls = api.row(), api.world.azure.calls.copy()
    answer = await api.delete()
    assert (answer.status, answer.body["state"]) == (200, "Succeeded")
    assert (api.row(), api.world.azure.calls, api.durable.events) == (row, calls, [])


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_cancel_answers_the_whole_job_but_its_log(api: Api, is_over: bool) -> None:  # noqa: FBT001
    """Whether it runs or has ended, with its attempts and what it cost."""
    if is_over:
        api.ended()
    else:
        api.running()
    shown = (await api.get()).body
    assert set((await api.delete()).body) == set(shown) - {"logs"}


async def test_a_job_that_ends_while_it_is_cancelled_has_ended(api: Api) -> None:
    """The close came between the look and the request."""
    api.running()

    def end() -> None:
        stored = api.world.memory_rows.read("j")
        assert stored is not None
        end_job(api.world, stored, End(outcome=Outcome.succeeded(), collects_log=False))

    at_call(api.world, "rows.swap", end)
    answer = await api.delete()
    assert (answer.status, answer.body["state"]) == (200, "Succeeded")
    assert api.row().cancel is None
    assert api.durable.events == []


@pytest.mark.parametrize("runtime", ["Terminated", "Failed", "Completed", None])
async def test_a_job_whose_orchestration_is_dead_is_ended_by_its_cancel(
    api: Api, runtime: str | None
) -> None:
    """Durable runs no code for it: log, outcome and deletion are made here."""
    api.running(runtimeStatus=runtime or "Running")
    if runtime is None:
        del api.durable.instances["j"]
    answer = await api.delete("j", "?reason=stuck")
    assert (answer.status, answer.body["state"]) == (200, "Cancelled")
    assert answer.body["cleanUp"] == "Deleted"
    assert answer.body["reason"]["message"] == "cancelled: stuck"
    assert answer.body["logState"]["archivedBytes"] > 0
    assert api.world.azure.alive == {}
    assert api.row().settled


async def test_a_job_that_was_never_started_is_ended_by_its_cancel(api: Api) -> None:
    """Nothing was asked of Azure, so nothing is to be cleaned up."""
    accept(api.world)
    answer = await api.delete()
    assert (answer.status, answer.body["cleanUp"]) == (200, "NotNeeded")
    assert not api.world.azure.calls


async def test_a_dead_job_that_azure_does_not_let_go_is_told_so(api: Api) -> None:
    """202: the outcome is decided, and the clean-up goes on."""
    api.running(runtimeStatus="Terminated")
    api.world.azure.troubles["delete"] = [busy("TooManyRequests")]
    answer = await api.delete()
    assert (answer.status, answer.body["cleanUp"]) == (202, "Pending")
    assert "TooManyRequests" in answer.body["cleanUpDetail"]
    assert (await api.delete()).body["cleanUp"] == "Deleted"


async def test_a_closed_job_that_is_not_settled_asks_azure_again(api: Api) -> None:
    """Whoever cancels it wants the group gone; the outcome stays."""
    api.ended(is_settled=False)
    assert api.row().clean_up.value == "Failed"
    answer = await api.delete()
    assert (answer.status, answer.body["state"], answer.body["cleanUp"]) == (
        *(200, "Succeeded", "Deleted"),
    )
    assert api.world.azure.alive == {}


@pytest.mark.parametrize("point", ["rows.swap:1", "rows.swap:2", "rows.swap:3"])
async def test_a_store_that_fails_within_a_cancel_is_503(api: Api, point: str) -> None:
    """The request, the close and the settling; the next one goes on where it was."""
    api.running(runtimeStatus="Terminated")

    def go_down() -> None:
        api.world.storage_down = True
        storage_fails()

    at_call(api.world, point, go_down)
    answer = await api.delete()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    api.world.storage_down = False
    assert (await api.delete()).body["cleanUp"] == "Deleted"


async def test_a_row_that_others_change_all_the_time_is_503(api: Api) -> None:
    """It is no defect, and will be over."""
    api.running()

    def touch() -> None:
        found = api.world.memory_rows.rows["j"]
        api.world.memory_rows.rows["j"] = (found[0], found[1] + 1)

    api.world.memory_rows.before["swap"] = touch
    assert (await api.delete()).status == 503
