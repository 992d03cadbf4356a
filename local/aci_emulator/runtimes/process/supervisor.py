"""The parent of one container's main process: starts it, reports its end, and ends its tree.

A supervisor is a small interpreter of its own: forking the emulator, with its event loop and
threads, is not safe. It speaks JSON lines with the emulator over its standard input, a socket; its
standard output is the pipe for the container's output. It is a child subreaper: whatever the main
process starts, daemons included, stays below it, so that a container ends as in a PID namespace: when
its main process ends, all the rest is killed. When the socket closes, the emulator is gone, however it
went, and the tree is killed at once.

    in   {"argv", "environment", "folder", "record"}, at first
    in   {"stop": grace_s}
    out  {"started": pid} | {"refused": text} | {"failed": text}
    out  {"exit_code": int} | {"failed": text}
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from aci_emulator.runtimes.process import proctree

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONTROL, _OUTPUT = 0, 1
_END_TREE_WITHIN_S = 10.0


class _Refusal(Exception):  # noqa: N818 - not an error of ours: the launch cannot be done
    """The command cannot be started; the text says why, in the words of a container engine."""


def main() -> None:
    """Take one container to its end; tell the emulator whatever goes wrong with that."""
    try:
        _supervise()
    except BaseException as error:  # noqa: BLE001 - the emulator shows it; nothing else runs here
        _say({"failed": f"{type(error).__name__}: {error}"})


def _supervise() -> None:
    proctree.prctl(proctree.PR_SET_CHILD_SUBREAPER, 1)
    wake = _wake_on_child_end()
    lines = _Lines()
    spec = lines.wait_for_one()
    if spec is None:
        return
    try:
        main = _start(spec)
    except _Refusal as refusal:
        _say({"refused": str(refusal)})
        return
    os.close(_OUTPUT)
    _say({"started": main.pid})
    status = _watch(main.pid, lines, wake)
    proctree.kill_group(main.pid)
    proctree.end_all_children(_END_TREE_WITHIN_S)
    Path(spec["record"]).unlink(missing_ok=True)
    code = os.waitstatus_to_exitcode(status)
    _say({"exit_code": 128 - code if code < 0 else code})


class _Lines:
    """JSON lines from the emulator; `closed` once it went away."""

    def __init__(self) -> None:
        self.closed = False
        self._pending = b""

    def read(self) -> list[dict[str, Any]]:
        try:
            data = os.read(_CONTROL, 1 << 20)
        except ConnectionError:
            data = b""
        self.closed = not data
        *whole, self._pending = (self._pending + data).split(b"\n")
        return [json.loads(line) for line in whole]

    def wait_for_one(self) -> dict[str, Any] | None:
        while not self.closed:
            for line in self.read():
                return line
        return None


def _wake_on_child_end() -> int:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return read_end


def _say(message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(_CONTROL, json.dumps(message).encode() + b"\n")


def _watch(main: int, lines: _Lines, wake: int) -> int:
    """Return the main process's wait status; it is killed when its grace or the emulator ends."""
    kill_at: float | None = None
    while True:
        status = _reap(main)
        if status is not None:
            return status
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        watched = [wake] if lines.closed else [wake, _CONTROL]
        ready, _, _ = select.select(watched, [], [], timeout)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
        if _CONTROL in ready:
            for order in lines.read():
                if order["stop"] > 0:
                    proctree.kill(main, signal.SIGTERM)
                kill_at = time.monotonic() + order["stop"]
        if lines.closed or (kill_at is not None and time.monotonic() >= kill_at):
            proctree.kill(main)
            kill_at = None


def _reap(main: int) -> int | None:
    """Reap every child that ended, orphans too; return the main process's status if it is one."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # nobody is left, the main process neither
            return signal.SIGKILL
        if pid in (0, main):
            return status if pid else None


def _start(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the main process; its record is on disk before it runs.

    Whoever gets it must hold it: one that is let go reaps the process, and nobody learns how it ended.
    """
    environment = {"PATH": DEFAULT_PATH, **spec["environment"]}
    supervisor = os.getpid()

    def become() -> None:
        proctree.prctl(proctree.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(137)
        _reset_signals()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _write_record(spec)

    try:
        return subprocess.Popen(  # noqa: S603 - the container's command
            spec["argv"],
            executable=_find(spec["argv"][0], environment["PATH"], spec["folder"]),
            env=environment,
            cwd=spec["folder"],
            stdin=subprocess.DEVNULL,
            stdout=_OUTPUT,
            stderr=_OUTPUT,
            start_new_session=True,
            umask=0o022,
            preexec_fn=become,  # noqa: PLW1509 - a supervisor has one thread
        )
    except OSError as error:
        Path(spec["record"]).unlink(missing_ok=True)
        raise _Refusal(_exec_failure(spec["argv"][0], error.errno or errno.EIO)) from error


def _reset_signals() -> None:
    """Give every signal its default meaning: what is ignored would stay so in the container."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _write_record(spec: dict[str, Any]) -> None:
    """Name this process in its container's record."""
    pid = os.getpid()
    record = {
        "pid": pid,
        "start_ticks": proctree.start_ticks(pid),
        "boot_id": boot_id(),
        "folder": spec["folder"],
    }
    fresh = Path(spec["record"] + ".new")
    fresh.write_text(json.dumps(record))
    fresh.replace(spec["record"])


def boot_id() -> str:
    """Return the kernel's name for this boot, or nothing where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _find(command: str, path: str, folder: str) -> str:
    """Return the executable's path, looked up as a container engine does."""
    if "/" in command:
        return command
    for entry in path.split(":"):
        candidate = os.path.join(folder, entry, command)  # noqa: PTH118 - keeps "./" as given
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):  # noqa: PTH113 - same
            return candidate
    raise _Refusal(f'exec: "{command}": executable file not found in $PATH')


def _exec_failure(command: str, number: int) -> str:
    reasons = {errno.ENOEXEC: "exec format error", errno.EINVAL: "invalid argument"}
    reason = reasons.get(number) or os.strerror(number).lower()
    return f'exec: "{command}": {reason}'
