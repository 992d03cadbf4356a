"""The job API on a scripted outside, and on the SDK's own Durable client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from acijobs.domain.errors import StorageError
from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.instances import Instances
from acijobs.settings.jobs import DefaultJobSettings
from acijobs.settings.reading import read
from acijobs.settings.web import WebSettings
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs.usecases.ports import log_key
from acijobs.web.job_start import start_job
from acijobs.web.jobs import cancel_job, read_job
from acijobs_interleaving import RUN, accept, let_pass
from acijobs_world import World
from job_calls import decoded
from scripted_azure import denied

if TYPE_CHECKING:
    from acijobs.domain.row import Row
    from acijobs_durable import DurableEndpoint
    from job_calls import Answer


NO_DEFAULT = DefaultJobSettings()
WITH_DEFAULT = read(
    DefaultJobSettings, {"DefaultImage": "alpine", "DefaultCommand": '["echo", "hello"]'}
)


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


def request(
    url: str, body: bytes = b"", headers: dict[str, str] | None = None, **route: str
) -> func.HttpRequest:
    """Return the request as the worker gives it."""
    return func.HttpRequest(
        method="POST",
        url=f"https://app.example{url}",
        headers=headers,
        params=dict(parse_qsl(urlsplit(url).query)),
        route_params=route,
        body=body,
    )


def fail() -> None:
    """Be an engine that does not answer."""
    raise RuntimeError("the engine does not answer")


def storage_fails() -> None:
    """Be a store that does not answer."""
    raise StorageError("down")
