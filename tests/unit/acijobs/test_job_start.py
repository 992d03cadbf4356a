"""The job API, on the SDK's own Durable client: start."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.domain.spec.job import MAX_BODY_BYTES
from acijobs.domain.spec.policy import JobPolicy
from acijobs.settings.web import WebSettings
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs.web.job_start import start_job
from acijobs.web.links import LINKS
from acijobs_interleaving import RUN, accept, at_call
from acijobs_world import World
from job_api import NO_DEFAULT, WITH_DEFAULT, Api, fail, request, storage_fails
from job_calls import decoded

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from acijobs.settings.jobs import DefaultJobSettings


pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")


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


async def test_a_body_that_is_no_json_is_told_where(api: Api) -> None:
    """Once: a place that is named twice reads like two."""
    (wrong,) = (await api.post(b'{\n  "image": "a",\n}')).body["errors"]
    assert wrong["detail"].startswith("the body is not JSON in UTF-8: ")
    assert wrong["detail"].count("line ") == 1


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
    assert (await api.post(b" " * (MAX_BODY_BYTES + 1))).status == 413  # no default job


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


async def test_a_misspelt_dry_run_starts_nothing(api: Api) -> None:
    """Who asks for one does not want to pay."""
    answer = await api.post({"image": "alpine"}, query="&dryrun=true")
    assert (answer.status, api.durable.started) == (400, [])
    [wrong] = answer.body["errors"]
    assert wrong == {"pointer": "?dryrun", "detail": "is no parameter here: known are dryRun"}


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
