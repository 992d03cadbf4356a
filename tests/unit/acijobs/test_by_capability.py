"""The job API by capability: each URL does what it is for, with its own job, and tells nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from acijobs.domain.outcome import Outcome
from acijobs.domain.public_text import public_text
from acijobs.instances import Instances
from acijobs.security.capability import Verb
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.settings.web import WebSettings
from acijobs.usecases.finish_job import End, end_job
from acijobs.web.by_capability import DOORS, Behind, serve
from acijobs.web.job_start import start_job
from acijobs.web.links import LINKS
from acijobs.web.live_logs import LiveLogs
from acijobs.web.pace import Pace
from acijobs_world import World

if TYPE_CHECKING:
    from acijobs_durable import DurableEndpoint

pytestmark = pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")

ALL = [(method, part) for part, doors in DOORS.items() for method in doors]


class Links:
    """Jobs on a scripted outside, and the URLs that their submission was answered with."""

    def __init__(self, durable: DurableEndpoint) -> None:
        self.durable = durable
        self.world = World()

    async def start(self, job_id: str, **headers: str) -> dict[str, str]:
        """Submit a job, with a key instead of its id where there is one; return the answer."""
        named = {"id": job_id} if not headers else {}
        asked = func.HttpRequest(
            method="POST",
            url="https://app.example/api/jobs",
            headers=headers,
            body=json.dumps({"image": "a"} | named).encode(),
        )
        instances = Instances(self.durable.binding())
        answer = await start_job(asked, instances, self.world, DefaultJobSettings, WebSettings())
        body: dict[str, str] = json.loads(answer.get_body())
        self.durable.add(job_id, runtimeStatus="Pending")
        return body

    async def send(
        self, method: str, url: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Send a request to a URL by capability; return status, body and headers."""
        _, _, rest = url.partition("/api/jobs/")
        job_id, _, rest = rest.partition("/by/")
        token, _, part = rest.partition("/")
        route = {"id": job_id, "token": token} | ({"part": part} if part else {})
        asked = func.HttpRequest(
            method=method, url=url, headers=headers, route_params=route, body=body
        )
        instances, world = Instances(self.durable.binding()), self.world
        behind = Behind(
            instances=instances,
            outside=world,
            readers=world,
            live=LiveLogs(),
            pace=Pace(),
            read_settings=DefaultJobSettings,
            web=WebSettings(),
        )
        answer = await serve(asked, behind)
        is_json = (answer.mimetype or "").endswith("json")
        body = json.loads(answer.get_body()) if is_json else {"text": answer.get_body().decode()}
        return answer.status_code, body, dict(answer.headers)

    def url(self, job_id: str, verb: Verb, part: str = "") -> str:
        """Return a URL with one verb."""
        row, now = self.world.memory_rows.now_of(job_id), self.world.clock.now()
        token = self.world.capabilities().token(job_id, row.accepted_at, [verb], now=now)
        return f"https://app.example/api/jobs/{job_id}/by/{token}" + (f"/{part}" if part else "")


@pytest.fixture
def links(durable: DurableEndpoint) -> Links:
    """Jobs that are reached by capability only."""
    return Links(durable)


async def test_the_jobs_url_reads_and_cancels_it(links: Links) -> None:
    """Without any key of the app."""
    told = await links.start("a")
    status, body, headers = await links.send("GET", told["jobUrl"])
    assert (status, body["id"], body["state"]) == (202, "a", "Pending")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert (await links.send("DELETE", told["jobUrl"]))[0] == 202
    assert links.world.memory_rows.now_of("a").cancel is not None


async def test_the_jobs_url_leads_to_its_logs(links: Links) -> None:
    """Without any key: the answer itself says where they are."""
    told = await links.start("a")
    _, body, _ = await links.send("GET", told["jobUrl"])
    assert body["logState"]["url"] == f"{told['jobUrl']}/logs"
    status, body, headers = await links.send("GET", f"{told['jobUrl']}/logs")
    assert (status, body, headers["X-Log-Complete"]) == (200, {"text": ""}, "false")
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")


async def test_the_cancel_url_cancels_and_shows_nothing(links: Links) -> None:
    """By POST, for buttons and webhooks that know no DELETE."""
    told = await links.start("a")
    status, body, _ = await links.send("GET", told["cancelUrl"].removesuffix("/cancel"))
    assert (status, body["detail"]) == (403, "this link does not allow read, but cancel")
    assert (await links.send("POST", told["cancelUrl"]))[0] == 202
    assert links.world.memory_rows.now_of("a").cancel is not None


@pytest.mark.parametrize("held", list(Verb), ids=lambda verb: verb.name)
@pytest.mark.parametrize(("method", "part"), ALL)
async def test_a_capability_opens_the_doors_of_its_verb_only(
    links: Links, method: str, part: str, held: Verb
) -> None:
    """Every other one is 403, which tells nothing that its holder does not know."""
    await links.start("a")
    needed, _ = DOORS[part][method]
    status, _, _ = await links.send(method, links.url("a", held, part))
    assert (status == 403) == (held is not needed)


async def test_each_url_leads_through_its_own_door(links: Links) -> None:
    """As the answer to the submission gives them, and with no verb too many."""
    told = await links.start("a")
    for name, (part, verbs) in LINKS.items():
        token = told[name].partition("/by/")[2].partition("/")[0]
        held = links.world.capabilities().read(token, "a", now=links.world.clock.now())
        assert held is not None
        assert held.verbs == frozenset(verbs)
        assert told[name].endswith(f"/{token}/{part}".rstrip("/"))
        assert {needed for needed, _ in DOORS[part].values()} <= held.verbs
    assert {verb for _, verbs in LINKS.values() for verb in verbs} == set(Verb)


async def test_the_log_url_shows_the_log_and_nothing_else(links: Links) -> None:
    """As text that no browser takes for a page."""
    told = await links.start("a")
    status, _, headers = await links.send("GET", told["logsUrl"])
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert (await links.send("GET", told["logsUrl"].removesuffix("/logs")))[0] == 403
    assert (await links.send("GET", told["jobUrl"] + "/logs"))[0] == 200


async def test_the_event_url_takes_what_the_job_tells_and_shows_nothing(links: Links) -> None:
    """It is in every container."""
    told = await links.start("a")
    status, body, _ = await links.send("POST", told["eventUrl"], b'{"outputs": {"n": 1}}')
    assert (status, body) == (202, {"id": "a"})
    assert links.world.memory_rows.told("a").told.outputs == {"n": 1}
    for method, part in [("GET", ""), ("GET", "/logs"), ("DELETE", ""), ("POST", "/rerun")]:
        url = told["eventUrl"].removesuffix("/events") + part
        assert (await links.send(method, url))[0] == 403


async def test_the_rerun_url_runs_the_job_again_as_it_is(links: Links) -> None:
    """And gives its holder no more of the new job than they have of this one."""
    told = await links.start("a")
    status, body, headers = await links.send("POST", told["rerunUrl"])
    assert status == 202
    assert set(body) == {"id", "rerunUrl"}
    assert body["rerunUrl"].startswith(f"https://app.example/api/jobs/{body['id']}/by/1n-")
    assert "Location" not in headers
    assert links.world.memory_rows.now_of(body["id"]).rerun_of == "a"


async def test_a_key_that_comes_with_a_link_is_nobody_elses(links: Links) -> None:
    """Sent by a link it neither tells of the app's jobs, nor takes a key that they may need later."""
    key = {"Idempotency-Key": "nightly-2026-11-27"}
    told = await links.start("a")
    _, first, _ = await links.send("POST", told["rerunUrl"], **key)
    assert (await links.send("POST", told["rerunUrl"], **key))[1]["id"] == first["id"]
    other = await links.start("b")
    status, second, _ = await links.send("POST", other["rerunUrl"], **key)
    assert (status, second["id"] != first["id"]) == (202, True)
    assert (await links.start("c", **key))["id"] not in {first["id"], second["id"]}


async def test_a_job_is_not_changed_by_who_has_no_key(links: Links) -> None:
    """A patch could have the job print its secrets."""
    told = await links.start("a")
    for patch in (b'{"command": ["env"]}', b"{}", b"x"):
        status, body, _ = await links.send("POST", told["rerunUrl"], patch)
        assert (status, "needs the app's key" in body["detail"]) == (403, True)
    assert list(links.world.memory_rows.rows) == ["a"]


async def test_a_capability_opens_no_other_job(links: Links) -> None:
    """The answer is that of a job that does not exist."""
    told, _ = await links.start("a"), await links.start("b")
    stolen = told["jobUrl"].replace("/jobs/a/", "/jobs/b/")
    for method in ("GET", "DELETE", "POST"):
        assert await links.send(method, stolen) == await links.send(
            method, stolen.replace("/jobs/b/", "/jobs/none/")
        )
        assert (await links.send(method, stolen))[0] == 404
    assert links.world.memory_rows.now_of("b").cancel is None


async def test_who_forges_a_token_learns_nothing(links: Links) -> None:
    """Whether there is the job, or the part of it, whatever the method."""
    told = await links.start("a")
    forged = told["jobUrl"][:-1] + ("A" if told["jobUrl"][-1] != "A" else "B")
    answers = [
        await links.send(method, url + part)
        for method in ("GET", "POST", "DELETE")
        for url in (forged, forged.replace("/jobs/a/", "/jobs/none/"), forged[:-9], forged + "x")
        for part in ("", "/cancel", "/logs", "/none")
    ]
    assert [status for status, _, _ in answers] == [404] * len(answers)
    assert len({str(answer) for answer in answers}) == 1


async def test_a_capability_is_worth_nothing_after_its_time(links: Links) -> None:
    """Where the operator set one."""
    links.world.capability_days = 1
    told = await links.start("a")
    links.world.clock.current += timedelta(hours=23)
    assert (await links.send("GET", told["jobUrl"]))[0] == 202
    links.world.clock.current += timedelta(hours=2)
    assert (await links.send("GET", told["jobUrl"]))[0] == 404


async def test_a_capability_is_worth_nothing_without_its_key(links: Links) -> None:
    """Links from before a rotation hold until the old key is removed."""
    told = await links.start("a")
    links.world.capability_keys = (b"n" * 32, *links.world.capability_keys)
    assert (await links.send("GET", told["jobUrl"]))[0] == 202
    links.world.capability_keys = links.world.capability_keys[:1]
    assert (await links.send("GET", told["jobUrl"]))[0] == 404


async def test_a_capability_of_an_earlier_job_does_not_open_the_next_of_its_id(
    links: Links,
) -> None:
    """Once a job is purged its id is free again."""
    told = await links.start("a")
    stored = links.world.memory_rows.read("a")
    assert stored is not None
    end_job(links.world, stored, End(outcome=Outcome.succeeded(), collects_log=False))
    del links.world.memory_rows.rows["a"]
    links.world.clock.current += timedelta(days=30)
    again = await links.start("a")
    assert (await links.send("GET", told["jobUrl"]))[0] == 404
    assert (await links.send("GET", again["jobUrl"]))[0] == 202


async def test_a_repeated_submission_gets_the_same_urls(links: Links) -> None:
    """It is the same job."""
    first, again = await links.start("a"), await links.start("a")
    assert {name: first[name] for name in LINKS} == {name: again[name] for name in LINKS}


async def test_what_is_not_there_is_said_to_who_may_know(links: Links) -> None:
    """405 names the methods; a part that does not exist is 404."""
    told = await links.start("a")
    status, _, headers = await links.send("POST", told["jobUrl"])
    assert (status, headers["Allow"]) == (405, "GET, DELETE")
    assert (await links.send("GET", told["jobUrl"] + "/none"))[0] == 404


async def test_storage_that_is_down_is_503(links: Links) -> None:
    """Not 404: the link may be good."""
    told = await links.start("a")
    links.world.storage_down = True
    status, _, headers = await links.send("GET", told["jobUrl"])
    assert (status, headers["Retry-After"]) == (503, "5")


async def test_a_token_is_hidden_in_what_is_shown_of_an_error(links: Links) -> None:
    """A container's URL may stand in a message of Azure's."""
    told = await links.start("a")
    shown = public_text(f"cannot reach {told['jobUrl']}/logs now")
    assert shown == "cannot reach https://app.example/api/jobs/a/by/[hidden]/logs now"
