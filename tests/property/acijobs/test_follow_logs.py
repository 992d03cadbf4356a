"""A log is followed by its cursor through everything that may happen meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acijobs.domain.messages import CreateRequest
from acijobs.domain.outcome import Outcome
from acijobs.domain.reasons import Reason
from acijobs.domain.retry import Again
from acijobs.domain.row import retried
from acijobs.logs.text import without_stamps
from acijobs.usecases.create_group import create_group
from acijobs.usecases.fetch_logs import LogSource, fetch_log
from acijobs.usecases.ports import log_key
from acijobs.web import log_view
from acijobs.web.live_logs import LiveLogs
from acijobs_interleaving import RUN, let_pass
from acijobs_log_model import ServiceLog
from log_readers import LogReaders

WORDS = st.text(alphabet="ab é漢😀\r:.0123456789-TZ", max_size=30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), WORDS),
        st.tuples(st.just("write part"), WORDS),
        st.tuples(st.sampled_from(["pass", "watch", "container", "host", "attempt"]), st.just("")),
        st.tuples(st.just("read"), st.sampled_from(["0", "1", "5"])),
        st.tuples(st.just("time"), st.just("")),
    ),
    max_size=25,
)


class Followed:
    """A job, its container's log in Azure, and one who follows it."""

    def __init__(self) -> None:
        self.api = LogReaders()
        self.api.run(after_s=10)
        self.service = self._new_container()
        self.got = b""
        self.query = {"attempt": "1", "offset": "0"}
        self.is_complete = False

    async def do(self, what: str, argument: str) -> None:
        """Let one thing happen."""
        steps: dict[str, Any] = {
            "write": lambda: self.service.write(argument),
            "write part": lambda: self.service.write(argument, ends_line=False),
            "pass": lambda: let_pass(self.api.world, 0.4),
            "time": lambda: let_pass(self.api.world, 3),
            "watch": self._watch,
            "container": self.service.restart,
            "host": self._restart_host,
            "attempt": self._begin_another_attempt,
        }
        if what == "read":
            await self.read(wait=argument)
        else:
            steps[what]()

    async def read(self, wait: str = "0") -> None:
        """Ask for the next part."""
        answer = await self.api.get(wait=wait, **self.query)
        assert answer.status == 200
        answer.text.encode()
        self.got, self.query = self.got + answer.body, answer.next_part
        self.is_complete = answer.is_complete

    def archived(self) -> bytes:
        """Return the text of all attempts, as it is archived."""
        row, logs = self.api.row, self.api.world.memory_logs.logs
        groups = [*(attempt.group for attempt in row.attempts), row.group]
        data = [logs.get(log_key(group, "job"), b"") for group in groups if group is not None]
        return b"".join(without_stamps(log).decode("utf-8", "replace").encode() for log in data)

    def _watch(self) -> None:
        group = self.api.row.group
        assert group is not None
        fetch_log(LogSource.of(self.api.world, group), has_ended=False)

    def _restart_host(self) -> None:
        self.api.live = LiveLogs(now=self.api._now, sleep=self.api._sleep)

    def _begin_another_attempt(self) -> None:
        stored = self.api.world.memory_rows.read("j")
        assert stored is not None
        failed = Outcome.failed(Reason.EXIT_CODE, "it exited", exit_code=3, has_ended=True)
        row = retried(stored.row, Again(), failed, now=self.api.world.clock.now())
        assert row is not None
        self.api.world.memory_rows.swap(stored, replace(row, due_at=None))
        create_group(self.api.world, CreateRequest(run=RUN))
        self.service = self._new_container()

    def _new_container(self) -> ServiceLog:
        service = ServiceLog(running_bytes=10**6, stopped_bytes=10**6, stopped_lines=10**6)
        self.api.world.azure.read_log = lambda *_: service.read().text  # type: ignore[method-assign]
        return service


@given(STEPS, st.integers(60, 300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_follower_loses_nothing_and_reads_nothing_twice(
    steps: list[tuple[str, str]], most_bytes: int
) -> None:
    """Whatever was restarted or began anew meanwhile: the host, the container, or an attempt."""

    async def follow() -> Followed:
        job = Followed()
        for what, argument in steps:
            await job.do(what, argument)
        job.api.end()
        for _ in range(2_000):
            await job.read()
            if job.is_complete:
                break
        return job

    with patch.object(log_view, "MAX_ANSWER_BYTES", most_bytes):
        followed = asyncio.run(follow())
    assert followed.is_complete
    assert followed.got == followed.archived()
