"""What every deployment of the app must do, by HTTP only; each test leaves nothing behind.

`make test` runs this on our own host, `make test-engine ENGINE=…` on a Durable engine, and
`make accept URL=… KEY=…` on anything that serves the app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from stack.http import send

if TYPE_CHECKING:
    from conftest import App

pytestmark = pytest.mark.slow

CREDENTIALS = (
    "key=", "token=", "password=", "pwd=", "server=", "data source=", "accountkey=",
    "sharedaccesskey=", "?sig=", "&sig=", "&amp;sig=", "?code=", "&code=",
    "defaultendpointsprotocol=http",
)  # fmt: skip
"""Text that a Functions host takes for a credential, and cuts out of exceptions."""
HOSTILE = " ".join(f"{text}x1" for text in CREDENTIALS) + " API_KEY=abc <'\">"


def test_a_job_that_succeeds_shows_its_log(app: App) -> None:
    """200 with Succeeded, exit code, whole log, clean-up and timeline; the orchestration Completed."""
    job = app.start(app.shell("echo one; echo two; sleep 3; echo three"))
    ended = job.end()
    assert (ended["state"], ended["exitCode"], ended["cleanUp"]) == ("Succeeded", 0, "Deleted")
    assert ended["logs"] == "one\ntwo\nthree\n"
    assert ended["logState"]["complete"]
    assert not ended["logState"]["truncated"]
    times = ended["timeline"]
    assert {"queued", "creating", "containerStarted", "containerFinished", "succeeded"} <= set(
        times
    )
    instance = job.instance()
    assert instance["runtimeStatus"] == "Completed"
    assert instance["customStatus"]["phase"] == "Succeeded"
    assert app.get(job.id).status == 200


def test_a_log_is_followed_while_the_job_runs(app: App) -> None:
    """In parts, as they are written, until it is complete."""
    job = app.start(app.shell("for i in 1 2 3 4; do echo line $i; sleep 3; done"))
    parts = [text for text in app.follow(job.id) if text]
    assert "".join(parts) == "line 1\nline 2\nline 3\nline 4\n"
    assert len(parts) > 1
    assert job.end()["state"] == "Succeeded"


def test_an_exit_code_fails_the_job_and_its_orchestration(app: App) -> None:
    """500 with the container's own exit code and a reason that says what to do."""
    job = app.start(app.shell("echo before; exit 3"))
    ended = job.end()
    assert (ended["state"], ended["exitCode"]) == ("Failed", 3)
    assert ended["reason"]["code"] == "NonZeroExitCode"
    assert ended["reason"]["fault"] == "job"
    assert ended["logs"] == "before\n"
    instance = job.instance()
    assert instance["runtimeStatus"] == "Failed"
    assert instance["customStatus"]["exitCode"] == 3
    assert "exited with code 3" in instance["output"]
    assert app.get(job.id).status == 500


@pytest.mark.parametrize("field", ["command", "environment", "tags"])
@pytest.mark.parametrize("ending", ["exit", "timeout"])
def test_credential_like_text_in_a_job_costs_it_nothing(app: App, field: str, ending: str) -> None:
    """The outcome is whole in the job and in the custom status, whatever the host cut out."""
    script = "exit 7" if ending == "exit" else "sleep 600"
    spec = app.shell(f"{script} # {HOSTILE}" if field == "command" else script)
    if field == "environment":
        spec["environment"] = {"A": HOSTILE}
    if field == "tags":
        spec["tags"] = {f"tag{i}": f"{text}x1" for i, text in enumerate(CREDENTIALS)}
    if ending == "timeout":
        spec["timeouts"] = {"runSeconds": 3}
    job = app.start(spec)
    ended, instance = job.end(), job.instance()
    expected = ("Failed", "NonZeroExitCode") if ending == "exit" else ("TimedOut", "RunTimeout")
    assert (ended["state"], ended["reason"]["code"]) == expected
    assert instance["customStatus"]["phase"] == expected[0]
    assert instance["customStatus"]["reason"]["code"] == expected[1]
    assert "Non-Deterministic" not in str(instance["output"])


def test_a_reason_with_credential_like_text_is_shown_without_it(app: App) -> None:
    """What a user writes into a cancel is public; what looks like a credential is hidden."""
    job = app.start(app.shell("sleep 600"))
    job.until("Running")
    assert app.delete(job.id, f"?reason={quote(HOSTILE[:150])}").status == 202
    ended, instance = job.end(), job.instance()
    assert ended["state"] == "Cancelled"
    assert "[hidden]" in ended["reason"]["message"]
    assert instance["customStatus"]["phase"] == "Cancelled"
    assert not [text for text in CREDENTIALS if text in str(ended).lower()]


def test_an_image_that_cannot_be_pulled_fails_the_job(app: App) -> None:
    """ImagePullFailed, with Azure's own code and words."""
    job = app.start({"image": "example.io/does-not-exist:1", "command": ["true"]})
    ended = job.end()
    assert ended["state"] == "Failed"
    assert ended["reason"]["code"] == "ImagePullFailed"


def test_a_running_job_is_cancelled(app: App) -> None:
    """DELETE answers 202; the job ends as Cancelled with the reason, its orchestration Completed."""
    job = app.start(app.shell("while true; do echo tick; sleep 1; done"))
    job.until("Running")
    assert app.delete(job.id, "?reason=enough").status == 202
    ended = job.end()
    assert (ended["state"], ended["cleanUp"]) == ("Cancelled", "Deleted")
    assert ended["reason"]["message"] == "cancelled: enough"
    assert job.instance()["runtimeStatus"] == "Completed"
    assert app.delete(job.id).status == 200


def test_a_jobs_own_urls_need_no_key(app: App) -> None:
    """They show and cancel it; a forged one tells nothing, and no one's verbs are another's."""
    job = app.start(app.shell("echo up; sleep 600"))
    job.until("Running")
    url = job.urls["jobUrl"]
    assert send("GET", url).body["id"] == job.id
    assert send("GET", url[:-1] + ("A" if url[-1] != "A" else "B")).status == 404
    assert send("GET", url.replace(job.id, app.new_id("none"))).status == 404
    assert send("GET", job.urls["cancelUrl"].removesuffix("/cancel")).status == 403
    assert send("POST", job.urls["cancelUrl"]).status == 202
    assert job.end()["state"] == "Cancelled"


def test_a_container_gets_its_secrets_and_nobody_else(app: App) -> None:
    """A value that was sent is in no answer of the API or of the engine."""
    value = f"Zq7{app.new_id('secret')}"
    spec = app.shell(
        f'test "${{#S}}" = {len(value)} && echo "has it"', secrets={"S": {"value": value}}
    )
    tried = app.post(spec, "?dryRun=true")
    if tried.status == 400 and "SealKeys" in str(tried.body):
        pytest.skip("the operator has set no SealKeys")
    job = app.start(spec)
    ended, instance = job.end(), job.instance()
    assert (ended["state"], ended["logs"]) == ("Succeeded", "has it\n")
    history = send(
        "GET", job.urls["statusQueryGetUri"] + "&showHistory=true&showHistoryOutput=true"
    )
    assert value not in str([tried.body, job.urls, ended, instance, history.body])


def test_the_event_cancel_ends_a_job(app: App) -> None:
    """Durable's own event URL does, too."""
    job = app.start(app.shell("sleep 600"))
    job.until("Running")
    url = job.urls["sendEventPostUri"].replace("{eventName}", "Cancel")
    assert send("POST", url, body={"reason": "by event"}).status == 202
    assert job.end()["reason"]["message"] == "cancelled: by event"


def test_a_job_cancelled_at_once_ends(app: App) -> None:
    """However early the request comes, it is not lost."""
    job = app.start(app.shell("sleep 600"))
    assert app.delete(job.id).status in {200, 202}
    assert job.end()["state"] == "Cancelled"


def test_a_run_deadline_ends_a_job(app: App) -> None:
    """500 with TimedOut, and the lines that were printed."""
    job = app.start(app.shell("echo started; sleep 600", timeouts={"runSeconds": 4}))
    ended = job.end()
    assert (ended["state"], ended["reason"]["code"]) == ("TimedOut", "RunTimeout")
    assert ended["logs"] == "started\n"
    assert job.instance()["runtimeStatus"] == "Failed"


def test_the_same_submission_twice_is_one_job(app: App) -> None:
    """202 again, also when it has ended; another job under the id is refused with 409."""
    spec = app.shell("echo once", id=app.new_id("twice"))
    first, second = app.start(spec), app.start(spec)
    assert first.id == second.id
    assert app.post(spec | {"cpu": 2}).status == 409
    assert first.end()["logs"] == "once\n"
    assert app.post(spec).status == 202
    assert app.get(first.id).body["logs"] == "once\n"


def test_a_wrong_submission_names_every_wrong_field(app: App) -> None:
    """400 as problem+json; nothing is started."""
    reply = app.post({"cpu": 99, "comand": "echo hi"})
    assert reply.status == 400
    assert {e["pointer"] for e in reply.body["errors"]} == {"#/image", "#/cpu", "#/comand"}


def test_a_jobs_result_is_its_own_containers(app: App) -> None:
    """Containers before it run first; those beside it are not waited for, and go with it."""
    init = {"name": "first", **app.shell("echo prepared"), "environment": {"A": "1"}}
    beside = {"name": "beside", **app.shell("sleep 600"), "cpu": 0.5, "memoryGb": 0.5}
    job = app.start(app.shell("sleep 2; exit 4", cpu=0.5, initContainers=[init], sidecars=[beside]))
    ended = job.end()
    assert (ended["state"], ended["exitCode"], ended["cleanUp"]) == ("Failed", 4, "Deleted")
    ends = {container["name"]: container["state"] for container in ended["containers"]}
    assert (ends["job"], ends["beside"]) == ("Terminated", "Running")


def test_a_dry_run_starts_nothing(app: App) -> None:
    """The job with its defaults, its price, the room in its region; afterwards there is no such job."""
    job_id = app.new_id("dry")
    reply = app.post(app.shell("exit 1", id=job_id, cpu=2), "?dryRun=true")
    assert reply.status == 200
    assert reply.body["spec"]["timeouts"]["runSeconds"] == 86_400
    assert reply.body["pricePerHourUsd"] > 0
    assert list(reply.body["quota"]) == [reply.body["location"]]
    assert app.get(job_id).status == 404


def test_the_api_describes_itself_to_anybody(app: App) -> None:
    """In OpenAPI 3.1; without a key."""
    reply = send("GET", f"{app.url}/api/openapi.json")
    assert (reply.status, reply.body["openapi"]) == (200, "3.1.0")
    assert "JobSpec" in reply.body["components"]["schemas"]


@pytest.mark.parametrize("job_id", ["none-such", "a%20b", "_x", "A"])
def test_a_job_that_is_not_there_is_404(app: App, job_id: str) -> None:
    """GET and DELETE alike, whatever the id looks like."""
    assert app.get(job_id).status == 404
    assert app.delete(job_id).status == 404


def test_purging_forgets_only_the_history(app: App) -> None:
    """The job is still answered, from its row."""
    job = app.start(app.shell("echo kept"))
    job.end()
    job.instance()
    assert send("DELETE", job.urls["purgeHistoryDeleteUri"]).status == 200
    assert app.get(job.id).body["logs"] == "kept\n"


def test_restarting_does_nothing(app: App) -> None:
    """The restarted execution finds its offer used."""
    job = app.start(app.shell("echo once"))
    job.end()
    job.instance()
    restarted = send("POST", job.urls["restartPostUri"] + "&restartWithNewInstanceId=false")
    assert restarted.status == 202
    assert job.instance()["customStatus"] == {"superseded": True}
    assert app.get(job.id).body["logs"] == "once\n"


@pytest.mark.parametrize("given", [{"image": "x"}, {"id": "other", "offer": 1}])
def test_an_orchestration_started_past_the_api_says_where_jobs_are_started(
    app: App, given: dict[str, Any]
) -> None:
    """It fails, and nothing is asked of Azure."""
    root = _any_instance(app).split("/instances/")
    url = (
        f"{root[0]}/orchestrators/JobOrchestrator/{app.new_id('past')}?{root[1].partition('?')[2]}"
    )
    started = send("POST", url, body=given)
    assert started.status == 202
    while (found := send("GET", started.body["statusQueryGetUri"])).status == 202:
        pass
    assert found.body["customStatus"]["reason"]["code"] == "NotAJob"
    assert "POST /api/jobs" in found.body["output"]


def _any_instance(app: App) -> str:
    """Return the status URL of a job that has ended."""
    job = app.start(app.shell("true", id=app.new_id("any")))
    job.end()
    return str(job.urls["statusQueryGetUri"])


@pytest.mark.timeout(300)
def test_a_job_that_people_terminate_is_ended(app: App) -> None:
    """Within two rounds of the Reconciler: its log collected, its group gone, the job Cancelled."""
    job = app.start(app.shell("echo begun; sleep 600"))
    job.until("Running")
    url = job.urls["terminatePostUri"].replace("{text}", "enough")
    assert send("POST", url).status == 202
    ended = job.end()
    assert (ended["state"], ended["cleanUp"]) == ("Cancelled", "Deleted")
    assert ended["reason"]["code"] == "Terminated"
    assert ended["logs"] == "begun\n"


@pytest.mark.timeout(300)
def test_a_job_that_people_terminate_and_purge_is_ended(app: App) -> None:
    """The history is forgotten; the job is not."""
    job = app.start(app.shell("sleep 600"))
    job.until("Running")
    send("POST", job.urls["terminatePostUri"].replace("{text}", "enough"))
    job.instance()
    assert send("DELETE", job.urls["purgeHistoryDeleteUri"]).status == 200
    app.make_round()
    ended = job.end()
    assert (ended["state"], ended["cleanUp"]) == ("Cancelled", "Deleted")
