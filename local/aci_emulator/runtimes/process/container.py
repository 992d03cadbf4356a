"""One running container of the process runtime, as the emulator sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aci_emulator.runtimes.contract import ContainerExit, LogSink, RuntimeRefusalError
from aci_emulator.runtimes.process.leftovers import end_recorded

_CHUNK = 1 << 16
_KILLED = 137
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from aci_emulator.runtimes.process.supervisor import main; main()"
)


class ProcessContainer:
    """A container whose supervisor is reached over a socket and whose output comes from a pipe.

    Args:
        spec: What the supervisor is told (see `supervisor`).
        sink: Takes the output.
    """

    def __init__(self, spec: dict[str, Any], sink: LogSink) -> None:
        self._spec = spec
        self._sink = sink
        self._supervisor, self._control, self._output = _supervisor()
        self._started_at = datetime.now(UTC)
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = self._loop.create_future()
        self._reading = False
        self._following: asyncio.Task[None] | None = None

    @property
    def started_at(self) -> datetime:
        """When its main process started, aware UTC."""
        return self._started_at

    async def launch(self) -> None:
        """Start the main process.

        Raises:
            RuntimeRefusalError: `CommandNotFound`: it cannot be executed.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._control)
        self._writer = writer
        try:
            writer.write(json.dumps(self._spec).encode() + b"\n")
            _check_started(await _read(reader))
        except BaseException:
            await self._release()
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
        """Give its main process SIGTERM and `grace_s`; return when its whole tree is gone."""
        if not self._exit.done():
            with contextlib.suppress(ConnectionError):
                self._writer.write(json.dumps({"stop": grace_s}).encode() + b"\n")
        await self.wait()

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        answer = await _read(reader)
        finished_at = datetime.now(UTC)
        ended = ContainerExit(exit_code=answer.get("exit_code", _KILLED), finished_at=finished_at)
        try:
            if "exit_code" not in answer:  # somebody killed the supervisor
                await asyncio.to_thread(end_recorded, Path(self._spec["record"]))
            # Nobody of the tree is left to write: what the pipe holds now is all there will be.
            more = self._pump()
            while more:
                await asyncio.sleep(0)
                more = self._pump()
        finally:
            await self._release()
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

    async def _release(self) -> None:
        self._stop_reading()
        os.close(self._output)
        self._writer.close()
        await asyncio.to_thread(self._supervisor.wait)


def _supervisor() -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """Return a new supervisor, our end of its socket, and the read end of the output pipe."""
    ours, theirs = socket.socketpair()
    output, output_write = os.pipe()
    local = Path(__file__).resolve().parents[3]
    try:
        # No site packages and no environment: it stays small and quick.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-I", "-S", "-B", "-c", _BOOT, str(local)],
            stdin=theirs.fileno(),
            stdout=output_write,
            start_new_session=True,
            cwd="/",
            env={},
        )
    except OSError:
        ours.close()
        os.close(output)
        raise
    finally:
        theirs.close()
        os.close(output_write)
    ours.setblocking(False)  # noqa: FBT003 - its only form
    return process, ours, output


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
