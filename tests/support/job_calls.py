"""Calls of the job API on a scripted outside, and an engine that takes everything."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from acijobs.domain.outcome import Outcome
from acijobs.domain.row import cancelled, claimed, closed, created
from acijobs.instances import Instance
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.settings.web import WebSettings
from acijobs.web.job_events import take_events
from acijobs.web.job_list import list_jobs
from acijobs.web.job_start import start_job
from acijobs.web.jobs import read_job
from acijobs.web.links import Caller
from acijobs.web.pace import Pace
from acijobs.web.rerun import rerun_job
from acijobs_world import HERE, World

if TYPE_CHECKING:
    from acijobs.domain.row import Row, Run

ALPINE = {"image": "alpine:3.20", "command": ["true"]}
HOST = "http://localhost:7071"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of the API, decoded."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(kw_only=True)
class QuietInstances:
    """What `acijobs.instances.Instances` is, without an engine.

    Attributes:
        started: Ids that were started.
        looked: Ids that were asked to be looked at.
        shown: What the engine shows, by id.
    """

    started: list[str] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    shown: dict[str, Instance] = field(default_factory=dict)

    async def start(self, job_id: str, offer: int, trace_parent: str | None = None) -> bool:
        """Note the start."""
        del offer
        self.started.append(job_id)
        return True

    async def look(self, job_id: str) -> bool:
        """Note the event."""
        self.looked.append(job_id)
        return True

    async def find(self, job_id: str) -> Instance:
        """Return what the engine shows."""
        return self.shown.get(job_id, Instance())

    def links(self, url: str, job_id: str) -> func.HttpResponse:
        """Return no links."""
        del url
        return func.HttpResponse(json.dumps({"id": job_id}), status_code=202)


class Calls:
    """The API on a world of its own.

    Attributes:
        world: The outside.
        instances: The engine.
        pace: How often progress is written; without pauses.
    """

    def __init__(self) -> None:
        self.world = World()
        self.instances = QuietInstances()
        self.pace = Pace(sleep=self._sleep)

    async def post(self, body: object, **headers: str) -> Answer:
        """Start a job."""
        asked = request("POST", "/api/jobs", body, headers)
        return decoded(
            await start_job(asked, self.instances, self.world, DefaultJobSettings, WebSettings())  # type: ignore[arg-type]
        )

    async def get(self, job_id: str) -> Answer:
        """Read a job."""
        asked = request("GET", f"/api/jobs/{job_id}", id=job_id)
        return decoded(await read_job(asked, self.instances, self.world))  # type: ignore[arg-type]

    async def page(self, query: str = "") -> Answer:
        """List jobs."""
        asked = request("GET", f"/api/jobs{query}")
        return decoded(await list_jobs(asked, self.instances, self.world))  # type: ignore[arg-type]

    async def ids(self, query: str = "") -> list[str]:
        """Return the ids of the jobs of a page."""
        answer = await self.page(query)
        assert answer.status == 200, answer
        return [job["id"] for job in answer.body["jobs"]]

    async def rerun(
        self, job_id: str, patch: object = b"", query: str = "?code=K", **headers: str
    ) -> Answer:
        """Run a job again."""
        asked = request("POST", f"/api/jobs/{job_id}/rerun{query}", patch, headers, id=job_id)
        caller = Caller(web=WebSettings())
        return decoded(
            await rerun_job(asked, self.instances, self.world, DefaultJobSettings, caller)  # type: ignore[arg-type]
        )

    async def tell(self, job_id: str, event: object, **headers: str) -> Answer:
        """Tell of a job from inside."""
        asked = request("POST", f"/api/jobs/{job_id}/events", event, headers, id=job_id)
        return decoded(
            await take_events(asked, self.instances, self.world, self.pace)  # type: ignore[arg-type]
        )

    def row(self, job_id: str) -> Row:
        """Return the job's row as it is now."""
        return self.world.memory_rows.now_of(job_id)

    def let_pass(self, seconds: float) -> None:
        """Let time pass."""
        self.world.clock.current += timedelta(seconds=seconds)

    def close(self, job_id: str, outcome: Outcome | None = None) -> None:
        """End a job that asked nothing of Azure."""
        stored = self.world.memory_rows.read(job_id)
        assert stored is not None
        now = self.world.clock.now()
        changed = closed(stored.row, outcome or Outcome.succeeded(), now=now)
        assert changed is not None
        self.world.memory_rows.swap(stored, changed)

    def run(self, run: Run) -> None:
        """Let this run drive its job, and its group be created."""
        now = self.world.clock.now()

        def claim(row: Row) -> Row | None:
            return claimed(row, run, candidates=HERE, nonce="n", now=now)

        def create(row: Row) -> Row | None:
            return created(row, run, now=now)

        for step in (claim, create):
            stored = self.world.memory_rows.read(run.job_id)
            assert stored is not None
            changed = step(stored.row)
            assert changed is not None
            self.world.memory_rows.swap(stored, changed)

    def cancel(self, job_id: str) -> None:
        """Note a request to cancel the job."""
        stored = self.world.memory_rows.read(job_id)
        assert stored is not None
        changed = cancelled(stored.row, why="", now=self.world.clock.now())
        assert changed is not None
        self.world.memory_rows.swap(stored, changed)

    async def _sleep(self, seconds: float) -> None:
        self.world.clock.slept.append(seconds)


def request(
    method: str, path: str, body: object = b"", headers: dict[str, str] | None = None, **route: str
) -> func.HttpRequest:
    """Return the request as the worker gives it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return func.HttpRequest(
        method=method,
        url=f"{HOST}{path}",
        headers={name.replace("_", "-"): value for name, value in (headers or {}).items()},
        params=dict(parse_qsl(urlsplit(path).query)),
        route_params=route,
        body=data,
    )


def decoded(answer: func.HttpResponse) -> Answer:
    """Return what was answered."""
    body = json.loads(answer.get_body())
    return Answer(status=answer.status_code, body=body, headers=dict(answer.headers))


def pointers(answer: Answer) -> list[str]:
    """Return the pointers of all wrong fields."""
    return [wrong["pointer"] for wrong in answer.body.get("errors", [])]
