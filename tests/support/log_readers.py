"""The API of logs on a scripted outside, with time that skips."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import azure.functions as func

from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import End, end_job
from acijobs.usecases.ports import log_key
from acijobs.web.live_logs import LiveLogs
from acijobs.web.logs import read_logs
from acijobs_interleaving import RUN, accept, let_pass
from acijobs_world import World
from manual_clock import START

if TYPE_CHECKING:
    from acijobs.domain.row import Row

TIME = "2026-11-23T10:00:00.{:09d}Z "
"""What stands before each archived line, with a number of nanoseconds to be filled in."""
ONE, TWO = TIME.format(1) + "one\n", TIME.format(2) + "zwei €\n"
OTHERS = {
    "initContainers": [{"name": "fetch", "image": "alpine"}],
    "sidecars": [{"name": "proxy", "image": "alpine", "cpu": 1, "memoryGb": 1}],
}
"""Containers beside the job's own."""


@dataclass(frozen=True, kw_only=True)
class LogAnswer:
    """An answer of the API of logs, the names of its headers in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def is_complete(self) -> bool:
        """Whether nothing follows."""
        return self.headers["x-log-complete"] == "true"

    @property
    def next_part(self) -> dict[str, str]:
        """The parameters that go on behind it."""
        return {
            "attempt": self.headers["x-next-attempt"],
            "offset": self.headers["x-next-offset"],
        }


@dataclass(kw_only=True)
class LogReaders:
    """The API, and a world in which the job `j` runs.

    Attributes:
        world: All of the outside.
        live: What reads logs live; its time is the world's.
    """

    world: World = field(default_factory=World)
    live: LiveLogs = field(init=False)

    def __post_init__(self) -> None:
        self.live = LiveLogs(now=self._now, sleep=self._sleep)

    async def get(self, headers: dict[str, str] | None = None, **query: Any) -> LogAnswer:
        """Read a log of the job `j`."""
        return await self.get_of("j", headers, **query)

    async def get_of(
        self, job_id: str, headers: dict[str, str] | None = None, **query: Any
    ) -> LogAnswer:
        """Read a log of this job."""
        params = {name: str(value) for name, value in query.items()}
        request = func.HttpRequest(
            method="GET",
            url=f"https://app.example/api/jobs/{job_id}/logs?{urlencode(params)}",
            headers=headers,
            params=params,
            route_params={"id": job_id},
            body=b"",
        )
        answer = await read_logs(request, self.world, self.live)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return LogAnswer(status=answer.status_code, body=answer.get_body(), headers=headers)

    @property
    def row(self) -> Row:
        """The job's row as it is now."""
        return self.world.memory_rows.now_of("j")

    def run(self, after_s: float = 10, **fields: Any) -> None:
        """Add the job `j`, whose group was created so long ago."""
        accept(self.world, **fields)
        create_group(self.world, CreateRequest(run=RUN))
        let_pass(self.world, after_s)

    def end(self, *, collects_log: bool = False) -> None:
        """End the job."""
        stored = self.world.memory_rows.read("j")
        assert stored is not None
        outcome = Outcome.succeeded()
        end_job(self.world, stored, End(outcome=outcome, collects_log=collects_log))

    def write(self, text: str | bytes, container: str = "job") -> None:
        """Add this to the archive of the job's log."""
        data = text.encode() if isinstance(text, str) else text
        assert self.row.group is not None
        key = log_key(self.row.group, container)
        logs = self.world.memory_logs.logs
        logs[key] = logs.get(key, b"") + data

    def _now(self) -> float:
        return (self.world.clock.current - START).total_seconds()

    async def _sleep(self, seconds: float) -> None:
        let_pass(self.world, seconds)
        await asyncio.sleep(0)
