"""One running container of the process runtime, as the emulator sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aci_emulator.runtimes.contract import ContainerExit, LogSink, RuntimeRefusalError

if TYPE_CHECKING:
    import socket

_CHUNK = 1 << 16
_KILLED = 137


class ProcessContainer:
    """A container whose supervisor is reached over `control` and whose output comes from a pipe."""

    def __init__(self, control: socket.socket, output: int, sink: LogSink) -> None:
        self._control = control
        self._output = output
        self._sink = sink
        self._started_at = datetime.now(UTC)
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = self._loop.create_future()
        self._reading = False
        self._following: asyncio.Task[None] | None = None

    @property
    def started_at(self) -> datetime:
        """When its main process started, aware UTC."""
        return self._started_at

    async def launch(self, spec: dict[str, Any]) -> None:
        """The main process runs as told by `spec` (see `supervisor`).

        Raises:
            RuntimeRefusalError: `CommandNotFound`: it cannot be executed.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._control)
        self._writer = writer
        try:
            writer.write(json.dumps(spec).encode() + b"\n")
            _check_started(await _read(reader))
        except BaseException:
            self._release()
            raise
        self._started_at = datetime.now(UTC)
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self._pump)
        self._reading = True
        self._following = self._loop.create_task(self._follow(reader))

    async def wait(self) -> ContainerExit:
        """Return once its whole tree is gone and its output has been given to the sink."""
        return await asyncio.shield(self._exit)

    async def stop(self, grace_s: float) -> None:
        """Its main process had SIGTERM and `grace_s` to end; now it and its whole tree are gone."""
        if not self._exit.done():
            with contextlib.suppress(ConnectionError):
                self._writer.write(json.dumps({"stop": grace_s}).encode() + b"\n")
        await self.wait()

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        answer = await _read(reader)
        finished_at = datetime.now(UTC)
        ended = ContainerExit(
            exit_code=answer.get("exit_code", _KILLED),
            finished_at=finished_at,
            detail="OOMKilled" if answer.get("oom") else "",
        )
        try:
            # Nobody of the tree is left to write: what the pipe holds now is all there will be.
            more = self._pump()
            while more:
                await asyncio.sleep(0)
                more = self._pump()
        finally:
            self._release()
            self._exit.set_result(ended)

    def _pump(self) -> bool:
        """Give one chunk to the sink; return whether more may follow at once."""
        if not self._reading:
            return False
        try:
            chunk = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return False
        if chunk:
            self._sink(chunk, datetime.now(UTC))
        else:
            self._stop_reading()
        return bool(chunk)

    def _stop_reading(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._output)
            self._reading = False

    def _release(self) -> None:
        self._stop_reading()
        os.close(self._output)
        self._writer.close()


def _check_started(answer: dict[str, Any]) -> None:
    if "refused" in answer:
        raise RuntimeRefusalError("CommandNotFound", answer["refused"])
    if "started" not in answer:
        reason = answer.get("failed", "its supervisor ended")
        raise RuntimeError(f"a container process could not be started: {reason}")


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Return the supervisor's next message, empty when it has died."""
    try:
        line = await reader.readline()
    except ConnectionError:
        return {}
    message = json.loads(line) if line.endswith(b"\n") else {}
    assert isinstance(message, dict)
    return message
