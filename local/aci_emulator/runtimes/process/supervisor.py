"""The parent of one container's main process: starts it, reports its end, and ends its tree.

A supervisor is a fork of the warden and speaks JSON lines with the emulator over its own socket. It
is a child subreaper: whatever the main process starts, daemons included, stays below it, so that a
container ends as in a PID namespace: when its main process ends, all the rest is killed. When the
socket closes, the emulator is gone, however it went, and the tree is killed at once.

    in   {"argv", "environment", "folder", "record", "cgroup", "cpu", "memory_bytes"}, at first
    in   {"stop": grace_s}
    out  {"started": pid} | {"refused": text}
    out  {"exit_code": int, "oom": bool} | {"failed": text}
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import time
from pathlib import Path
from typing import Any, NoReturn

from aci_emulator.runtimes.process import proctree
from aci_emulator.runtimes.process.cgroup import ControlGroup

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_END_TREE_WITHIN_S = 10.0


class _Refusal(Exception):  # noqa: N818 - not an error of ours: the launch cannot be done
    """The command cannot be started; the text says why, in the words of a container engine."""


def supervise(control: int, output: int) -> None:
    """One container ran to its end and its whole tree is gone.

    Args:
        control: Connected socket to the emulator.
        output: Write end of the pipe for the container's output.
    """
    proctree.prctl(proctree.PR_SET_CHILD_SUBREAPER, 1)
    wake = _wake_on_child_end()
    lines = _Lines(control)
    spec = lines.wait_for_one()
    if spec is None:
        return
    group = ControlGroup(spec["cgroup"], cpu=spec["cpu"], memory_bytes=spec["memory_bytes"])
    try:
        main = _start(spec, group, output)
        os.close(output)
    except _Refusal as refusal:
        _say(control, {"refused": str(refusal)})
    else:
        _say(control, {"started": main})
        status = _watch(main, lines, wake)
        proctree.kill_group(main)
        proctree.end_all_children(_END_TREE_WITHIN_S)
        code = os.waitstatus_to_exitcode(status)
        exit_code = 128 - code if code < 0 else code
        oom = exit_code != 0 and group.oom_kills() > 0
        Path(spec["record"]).unlink(missing_ok=True)
        group.remove()
        _say(control, {"exit_code": exit_code, "oom": oom})
    finally:
        group.remove()


class _Lines:
    """JSON lines from the emulator; `closed` once it went away."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.closed = False
        self._pending = b""

    def read(self) -> list[dict[str, Any]]:
        try:
            data = os.read(self.fd, 1 << 20)
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


def _say(control: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(control, json.dumps(message).encode() + b"\n")


def say_failure(control: int, error: BaseException) -> None:
    """The emulator knows what went wrong in a supervisor."""
    _say(control, {"failed": f"{type(error).__name__}: {error}"})


def _watch(main: int, lines: _Lines, wake: int) -> int:
    """Return the main process's wait status; it is killed when its grace or the emulator ends."""
    kill_at: float | None = None
    while True:
        status = _reap(main)
        if status is not None:
            return status
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        watched = [wake] if lines.closed else [wake, lines.fd]
        ready, _, _ = select.select(watched, [], [], timeout)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
        if lines.fd in ready:
            for order in lines.read():
                if order["stop"] > 0:
                    proctree.kill(main, signal.SIGTERM)
                kill_at = time.monotonic() + order["stop"]
        if lines.closed or (kill_at is not None and time.monotonic() >= kill_at):
            proctree.kill(main)
            kill_at = None


def _reap(main: int) -> int | None:
    """Reap every child that ended, orphans too; return the main process's status if it is one."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while found is None:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found = status if pid == main else None
    return found


def _start(spec: dict[str, Any], group: ControlGroup, output: int) -> int:
    """Start the main process and return its pid; its record is on disk before it runs."""
    environment = {"PATH": DEFAULT_PATH, **spec["environment"]}
    executable = _find(spec["argv"][0], environment["PATH"], spec["folder"])
    gate, failed = os.pipe(), os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(gate[1])
        _become(spec, (executable, environment), (gate[0], failed[1], output), parent)
    os.close(gate[0])
    os.close(failed[1])
    _write_record(spec, pid, group)
    group.add(pid)
    os.write(gate[1], b"+" if group.limits_memory else b"-")
    os.close(gate[1])
    failure = os.read(failed[0], 64)
    os.close(failed[0])
    if failure:
        os.waitpid(pid, 0)
        Path(spec["record"]).unlink(missing_ok=True)
        raise _Refusal(_exec_failure(spec["argv"][0], int(failure)))
    return pid


def _become(
    spec: dict[str, Any],
    program: tuple[str, dict[str, str]],
    fds: tuple[int, int, int],
    parent: int,
) -> NoReturn:
    """Turn this fresh fork into the container's main process; never returns."""
    executable, environment = program
    gate, failed, output = fds
    try:
        os.setsid()
        proctree.prctl(proctree.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(137)
        word = os.read(gate, 1)
        if not word:
            os._exit(137)
        _reset_signals()
        _limit(spec, by_group=word == b"+")
        os.chdir(spec["folder"])
        os.umask(0o022)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.execve(executable, spec["argv"], environment)  # noqa: S606 - the container's command
    except OSError as error:
        os.write(failed, str(error.errno or errno.EIO).encode())
    except ValueError:
        os.write(failed, str(errno.EINVAL).encode())
    finally:
        os._exit(127)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _limit(spec: dict[str, Any], *, by_group: bool) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not by_group:
        # Data, not address space: runtimes such as V8 reserve far more addresses than they use.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (spec["memory_bytes"], spec["memory_bytes"]))


def _write_record(spec: dict[str, Any], pid: int, group: ControlGroup) -> None:
    record = {
        "pid": pid,
        "start_ticks": proctree.start_ticks(pid),
        "boot_id": boot_id(),
        "folder": spec["folder"],
        "cgroups": [str(folder) for folder in group.folders],
    }
    fresh = Path(spec["record"] + ".new")
    fresh.write_text(json.dumps(record))
    fresh.replace(spec["record"])


def boot_id() -> str:
    """The kernel's name for this boot, or nothing where it has none."""
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
