"""One running container of an engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound
from requests.exceptions import RequestException

from aci_emulator.runtimes.contract import ContainerExit, LogSink
from aci_emulator.runtimes.docker.stream import STDERR, STDOUT, OutputStream

if TYPE_CHECKING:
    from aci_emulator.runtimes.docker.engine import Engine

_log = logging.getLogger(__name__)
_KILLED = 137
_LOOK_AFTER_S = 0.02
_LOOK_AT_MOST_AFTER_S = 1.0
_MOMENT_S = 0.3


class DockerContainer:
    """A started container whose output streams to its sink; removed from the engine once it ended.

    Must be made on the event loop, right after the container was started.
    """

    def __init__(self, engine: Engine, container_id: str, attached: Any, sink: LogSink) -> None:
        self._engine = engine
        self._id = container_id
        self._started_at = datetime.now(UTC)
        self._sink = sink
        self._stream = OutputStream(attached, lambda data: sink(data, datetime.now(UTC)))
        loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = loop.create_future()
        self._stopping = False
        self._following = loop.create_task(self._follow())

    @property
    def started_at(self) -> datetime:
        """When it started, aware UTC."""
        return self._started_at

    async def wait(self) -> ContainerExit:
        """Return once it ended and all its output has been given to the sink."""
        return await asyncio.shield(self._exit)

    async def stop(self, grace_s: float) -> None:
        """Give its main process SIGTERM and `grace_s`; return when nothing of it runs.

        When the engine itself has gone meanwhile, it counts as killed: the next `open()` with this
        state folder looks for it.
        """
        if grace_s > 0:
            await self._signal("SIGTERM")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace_s)
        self._stopping = True
        if not self._exit.done():
            await self._signal("SIGKILL")
        await self.wait()

    async def removed(self) -> None:
        """Return once it has ended and the engine has forgotten it."""
        await asyncio.shield(self._following)

    async def _signal(self, name: str) -> None:
        # Refused when it is not running any more, which is what the signal is for.
        with contextlib.suppress(APIError, RequestException):
            await self._engine.call(self._engine.api.kill, self._id, name)

    async def _follow(self) -> None:
        await self._stream.ended.wait()
        state, cut = await self._ended_state()
        if cut:
            await self._give_missed_output()
        code = int(state.get("ExitCode", _KILLED))
        ended = ContainerExit(
            exit_code=code,
            finished_at=datetime.now(UTC),
            detail="OOMKilled" if state.get("OOMKilled") and code else "",
        )
        self._exit.set_result(ended)
        await self._engine.call(self._remove)

    async def _ended_state(self) -> tuple[dict[str, Any], bool]:
        """Return the state once it is not running, and whether its output ended long before."""
        delay_s = _LOOK_AFTER_S
        while True:
            cut = delay_s > _MOMENT_S
            try:
                seen = await self._engine.call(self._engine.api.inspect_container, self._id)
            except NotFound:
                return {}, False
            except (APIError, RequestException) as error:
                _log.warning("the engine did not tell how container %s is: %s", self._id, error)
                if self._stopping:
                    return {}, False
            else:
                state: dict[str, Any] = seen["State"]
                if not state.get("Running") and state.get("Status") not in {"created", "stopping"}:
                    return state, cut
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _LOOK_AT_MOST_AFTER_S)

    async def _give_missed_output(self) -> None:
        """Give the sink what the engine's own log holds beyond what was streamed.

        For an engine that was restarted, or a connection that broke. It comes late and one stream
        after the other, but it comes.
        """
        for stream, taken in self._stream.frames.taken.items():
            try:
                missed = await self._engine.call(self._logged_beyond, stream, taken)
            except (APIError, RequestException) as error:
                _log.warning("the engine's log of container %s is lost: %s", self._id, error)
                return
            if missed:
                self._sink(missed, datetime.now(UTC))

    def _logged_beyond(self, stream: int, taken: int) -> bytes:
        api = self._engine.api
        logged = api.logs(self._id, stdout=stream == STDOUT, stderr=stream == STDERR)
        return bytes(logged[taken:])

    def _remove(self) -> None:
        # What cannot be removed now is found by its label when the group goes.
        with contextlib.suppress(APIError, RequestException):
            self._engine.api.remove_container(self._id, v=True, force=True)
