"""`python -m functions_host APP_DIR`: serve a Functions app on this machine."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from functions_host.console import set_up_logging
from functions_host.hostjson import read_host_json
from functions_host.problems import AppError
from functions_host.settings import read_local_settings
from loopback.patience import IDLE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions_host.host import FunctionsHost
    from functions_host.hostjson import HostConfig
    from functions_host.settings import LocalSettings

_USAGE, _FAILED = 2, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the app until SIGINT or SIGTERM; return the exit code."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)  # what the host and the app write is the user's alone
    try:
        return asyncio.run(_run(options))
    except AppError as error:
        print(f"functions_host: {error}", file=sys.stderr)  # noqa: T201 - the program's own voice
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="functions_host",
        description="Serves an Azure Functions app (Python, one folder per function) on this machine.",
    )
    parser.add_argument("app", type=Path, metavar="APP_DIR", help="the folder with host.json")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="HTTP port, 0 for a free one (default: LocalHttpPort or 7071)"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name that the host may be called by; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--rpc-port", type=int, default=0, help="the Durable SDK's port (default: a free one)"
    )
    parser.add_argument(
        "--state", type=Path, help="state folder (default: APP_DIR/.local/functions-host)"
    )
    parser.add_argument(
        "--require-keys", action="store_true", help="check access keys; see keys.json in the state"
    )
    _add_times_and_logs(parser)
    return parser


def _add_times_and_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--drain-seconds", type=float, default=30.0, metavar="S",
        help="how long stopping waits for running functions (default: 30)",
    )  # fmt: skip
    parser.add_argument(
        "--idle-seconds", type=float, default=IDLE_S, metavar="S",
        help="how long a caller may be silent within a request (default: 30)",
    )  # fmt: skip
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument("--json-logs", action="store_true", help="log JSON lines")


async def _run(options: argparse.Namespace) -> int:
    app_dir = options.app.resolve()
    if not app_dir.is_dir():
        raise AppError(f"{options.app} is not a folder")
    local = read_local_settings(app_dir)
    for name, value in local.values.items():
        os.environ.setdefault(name, value)
    # What Core Tools sets for a local run; apps read it to tell a laptop from Azure.
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    config = read_host_json(app_dir, os.environ)
    state = (options.state or app_dir / ".local" / "functions-host").resolve()
    os.chdir(app_dir)  # where the real worker runs: apps open files by relative names
    set_up_logging(
        verbose=options.verbose,
        as_json=options.json_logs,
        app_dir=str(app_dir),
        levels=config.logging.logLevel,
    )
    stop = _stop_signal()
    host = _make_host(options, app_dir, state, config, local)
    await host.start()
    try:
        _announce(host, config)
        return await _until_stopped(host, stop)
    finally:
        await host.stop()


def _make_host(
    options: argparse.Namespace,
    app_dir: Path,
    state: Path,
    config: HostConfig,
    local: LocalSettings,
) -> FunctionsHost:
    from functions_host.host import (  # after the app's settings are in place
        FunctionsHost,
        HostOptions,
    )

    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AppError(f"the state folder {state} cannot be made: {error.strerror}") from error
    chosen = HostOptions(
        app_dir=app_dir,
        state=state,
        address=options.host,
        port=local.port if options.port is None else options.port,
        allowed_hosts=tuple(options.allow_host),
        rpc_port=options.rpc_port,
        require_keys=options.require_keys,
        drain_s=options.drain_seconds,
        idle_s=options.idle_seconds,
    )
    return FunctionsHost(chosen, config, local, os.environ)


def _announce(host: FunctionsHost, config: HostConfig) -> None:
    from functions_host.announcement import announce

    announce(host, config)


def _stop_signal() -> asyncio.Event:
    """Return what the first SIGINT or SIGTERM sets; the second one ends the process at once."""
    stop = asyncio.Event()

    def ask(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)  # nothing is lost: the store survives a kill
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    return stop


async def _until_stopped(host: FunctionsHost, stop: asyncio.Event) -> int:
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(host.broken.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await wait
    if host.broken.is_set():
        raise AppError("the store cannot be written any more; see the log")
    return 0


def _forget_own_folder() -> None:
    """Take the folder that `python -m` was started in off the path: Azure imports nothing there."""
    if not sys.flags.safe_path and sys.path and Path(sys.path[0]) == Path.cwd():
        del sys.path[0]


if __name__ == "__main__":
    _forget_own_folder()
    sys.exit(main())
