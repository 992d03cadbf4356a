"""A small process that forks one supervisor per container, and outlives the emulator by a moment.

It exists because forking the emulator itself, with its event loop and threads, is not safe, and
starting a fresh interpreter per container would cost tens of milliseconds and megabytes each. It is
a child subreaper as well: should a supervisor be killed, what it left behind lands here and is
killed, too.

Each message on its socket is one byte with two descriptors: a container's control socket and the
write end of its output pipe. When the socket closes it waits for the supervisors, which have
noticed the same, and ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from aci_emulator.runtimes.process import proctree
from aci_emulator.runtimes.process.supervisor import say_failure, supervise


def main() -> None:
    """Serve the socket whose descriptor is the first argument until it closes."""
    Warden(socket.socket(fileno=int(sys.argv[1]))).run()


class Warden:
    """Forks supervisors on request and reaps them."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._supervisors: set[int] = set()
        self._wake, self._wake_write = os.pipe()

    def run(self) -> None:
        """Every supervisor has ended, and so has the emulator's interest in them."""
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        proctree.prctl(proctree.PR_SET_CHILD_SUBREAPER, 1)
        # What exists now never changes: kept out of collections, it stays shared with the forks.
        gc.freeze()
        serving = True
        while serving or self._supervisors:
            watched = [self._wake, self._requests.fileno()] if serving else [self._wake]
            ready, _, _ = select.select(watched, [], [])
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
                self._reap()
            if self._requests.fileno() in ready:
                serving = self._take_request()

    def _take_request(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._requests, 1, 2)
        if not data:
            return False
        for fd in fds:
            os.set_inheritable(fd, False)  # noqa: FBT003 - its only form
        control, output = fds
        pid = os.fork()
        if pid == 0:
            self._become_supervisor(control, output)
        self._supervisors.add(pid)
        os.close(control)
        os.close(output)
        return True

    def _become_supervisor(self, control: int, output: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            self._requests.close()
            os.close(self._wake)
            os.close(self._wake_write)
            supervise(control, output)
        except BaseException as error:  # noqa: BLE001 - the emulator shows it; nothing else runs here
            say_failure(control, error)
        finally:
            os._exit(0)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                self._supervisors.discard(pid)
        self._end_orphans()

    def _end_orphans(self) -> None:
        """Kill what a killed supervisor left behind; it has become our child."""
        for orphan in set(proctree.children(os.getpid())) - self._supervisors:
            for pid in (*proctree.descendants(orphan), orphan):
                proctree.kill(pid)
