"""Runs what the app needs on this machine.

`python -m stack up` runs the local stack, `demo` runs the demo on it, and `env` runs what
`func start` of Core Tools needs, and writes local.settings.json.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from stack.child import ChildError
from stack.core_tools import CoreToolsStack
from stack.demo import run_demo
from stack.http import NoAnswerError
from stack.job_story import StoryError
from stack.local_stack import COUNT_TO_THIRTY, LocalStack, StackError, StackOptions
from stack.state_lock import StateTakenError, state_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

_APP = Path(__file__).resolve().parents[2]
_HIGHEST_PORT = 65535
_RUNTIMES = ("process", "docker", "auto")
_ENDINGS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0 when all went well, 1 when not, 130 on Ctrl-C."""
    for ending in _ENDINGS:  # SIGINT is ignored where a shell runs us with &
        signal.signal(ending, _interrupt)
    os.umask(0o077)  # state and logs are the user's alone
    is_up = False
    try:
        chosen = _parser().parse_args(arguments)
        is_up = chosen.command != "demo"
        with ExitStack() as cleanup:
            return _run(chosen, cleanup)
    except (StackError, ChildError, StoryError, StateTakenError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped\n")
        return 0 if is_up else 130


def _run(chosen: argparse.Namespace, cleanup: ExitStack) -> int:
    _require_two_ports(chosen)
    state, settings = chosen.state.resolve(), {}
    _make(state)
    if chosen.command == "demo":
        # A demo starts from nothing and leaves nothing, and it checks the lines of its own command.
        state = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="demo-", dir=state)))
        settings = {"DefaultCommand": COUNT_TO_THIRTY}
    cleanup.enter_context(state_lock(state))
    _require_free("PORT", chosen.port, chosen.command)
    _require_free("ARM_PORT", chosen.arm_port, chosen.command)
    options = StackOptions(
        app=_APP,
        state=state,
        port=chosen.port,
        arm_port=chosen.arm_port,
        runtime=chosen.runtime,
        settings=settings,
    )
    if chosen.command == "env":
        return _env(options, chosen, cleanup)
    stack = cleanup.enter_context(LocalStack(options))
    return _demo(stack) if chosen.command == "demo" else _up(stack)


def _demo(stack: LocalStack) -> int:
    try:
        problems = run_demo(stack, _tell)
    except NoAnswerError:
        time.sleep(1)  # a connection breaks a moment before its program is seen to have ended
        stack.check()
        raise
    for problem in problems:
        _tell(f"WRONG: {problem}")
    _tell("the demo failed" if problems else "all as promised")
    return 1 if problems else 0


def _up(stack: LocalStack) -> int:
    _tell(
        f"Functions host  {stack.base_url}   ($ curl -i -X POST {stack.base_url}/api/jobs)\n"
        f"ARM endpoint    {stack.emulator_env['ARM_ENDPOINT']}\n"
        f"state and logs  {stack.options.state}\n"
        "Ctrl-C stops everything, running containers too"
    )
    while True:
        if stack.host_exit_code is not None:
            _start_host_again(stack)
        stack.check()
        time.sleep(1)


def _env(options: StackOptions, chosen: argparse.Namespace, cleanup: ExitStack) -> int:
    stack = cleanup.enter_context(
        CoreToolsStack(options, storage_port=chosen.storage_port, replaces=bool(chosen.force))
    )
    _tell(
        f"settings        {stack.path}\n"
        f"ARM endpoint    https://127.0.0.1:{options.arm_port}\n"
        f"Azurite         http://127.0.0.1:{chosen.storage_port}\n"
        "now run `func start` elsewhere; Ctrl-C stops these, running containers too"
    )
    while True:
        stack.check()
        time.sleep(1)


def _start_host_again(stack: LocalStack) -> None:
    _tell(f"the Functions host ended with code {stack.host_exit_code}: starting it again ...")
    stack.start_host()
    _tell("the Functions host is back, and running jobs go on")


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _make(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"the state folder {state} cannot be made: {error.strerror}") from None


def _require_two_ports(chosen: argparse.Namespace) -> None:
    if chosen.port == chosen.arm_port != 0:
        raise StackError(f"PORT and ARM_PORT are both {chosen.port}: choose two ports")


def _require_free(name: str, port: int, command: str) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StackError(
            f"port {port} cannot be used ({reason}): choose another, or any free one with "
            f"make {command} {name}=0"
        ) from None


def _port(name: str, text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= _HIGHEST_PORT:
        raise StackError(f"{name} is {text!r}, which is not a port from 1 to 65535, or 0 for any")
    return port


def _runtime(text: str) -> str:
    if text not in _RUNTIMES:
        raise StackError(f"RUNTIME is {text!r}, which is none of {', '.join(_RUNTIMES)}")
    return text


def _interrupt(*_: object) -> NoReturn:
    for ending in _ENDINGS:  # impatience must not interrupt the clean-up
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stack", description=__doc__)
    parser.add_argument("command", choices=["up", "demo", "env"])
    port, arm_port = functools.partial(_port, "PORT"), functools.partial(_port, "ARM_PORT")
    parser.add_argument("--port", type=port, default=7071, help="Functions host (default 7071)")
    parser.add_argument("--arm-port", type=arm_port, default=8443, help="ARM (default 8443)")
    storage_port = functools.partial(_port, "STORAGE_PORT")
    parser.add_argument(
        "--storage-port", type=storage_port, default=10000, help="Azurite, of env (default 10000)"
    )
    parser.add_argument("--force", default="", help="of env: 1 replaces local.settings.json")
    parser.add_argument("--state", type=Path, default=_APP / ".local", help="state folder")
    parser.add_argument(
        "--runtime",
        type=_runtime,
        default="process",
        help=f"what runs containers: {', '.join(_RUNTIMES)} (default: process)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
