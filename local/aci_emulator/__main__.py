"""`python -m aci_emulator`: serve until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aci_emulator.documents import DocumentError
from aci_emulator.emulator import Emulator, PortTakenError, env_path
from aci_emulator.runtimes.contract import RuntimeRefusalError
from aci_emulator.settings import NO_QUOTAS, Settings, SettingsError, for_profile, with_file
from loopback.printable import PrintableFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence


_COLLECT_AFTER = 20_000


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog="aci-emulator",
        description="A local Azure Resource Manager endpoint for Azure Container Instances.",
    )
    parser.add_argument("--port", type=int, help="HTTPS port of the ARM endpoint; 0 for any (8443)")
    parser.add_argument(
        "--control-port",
        type=int,
        help="HTTP port of the identity endpoint and the admin API; 0 for any (8444)",
    )
    parser.add_argument("--vault-port", type=int, help="HTTPS port of the key vault; 0 for any (0)")
    parser.add_argument(
        "--allow-host", action="append", help="another name it may be called by; repeatable"
    )
    parser.add_argument(
        "--audience", action="append", help="what ARM takes tokens for; repeatable (public cloud)"
    )
    parser.add_argument("--state", type=Path, help="state folder (.local/aci-emulator)")
    parser.add_argument("--runtime", choices=("auto", "process", "docker", "scripted"))
    parser.add_argument("--profile", choices=("demo", "realistic", "instant"), default="demo")
    parser.add_argument("--config", type=Path, help="TOML file of settings, faults and scripts")
    parser.add_argument("--subscription", help="id of the one subscription there is")
    parser.add_argument("--resource-group", action="append", help="a resource group; repeatable")
    parser.add_argument("--location", action="append", help="a location; repeatable")
    parser.add_argument(
        "--no-quotas", action="store_true", help="lift quotas and the rates of create and delete"
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    return parser


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the settings: the profile, the file over it, the command line over both.

    Raises:
        SettingsError: the file, or a value, is wrong.
    """
    settings = for_profile(arguments.profile)
    if arguments.config is not None:
        settings = with_file(settings, arguments.config)
    given = {
        "arm_port": arguments.port,
        "control_port": arguments.control_port,
        "vault_port": arguments.vault_port,
        "allowed_hosts": arguments.allow_host and tuple(arguments.allow_host),
        "audiences": arguments.audience and tuple(arguments.audience),
        "state_dir": arguments.state,
        "runtime": arguments.runtime,
        "subscription_id": arguments.subscription,
        "resource_groups": arguments.resource_group and tuple(arguments.resource_group),
        "limits": NO_QUOTAS if arguments.no_quotas else None,
        "locations": arguments.location and tuple(arguments.location),
    }
    try:
        return settings.changed(**{k: v for k, v in given.items() if v is not None})
    except DocumentError as problem:
        raise SettingsError(str(problem)) from problem


async def _serve(settings: Settings) -> None:
    # A full collection walks every object of every group: with 5,000 of them a pause of a third of a
    # second, for hardly anything to free.
    gc.set_threshold(_COLLECT_AFTER, 50, 100)
    emulator = Emulator(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await emulator.start()
    try:
        print(_greeting(emulator), flush=True)  # noqa: T201 - a command's output
        await stopped.wait()
    finally:
        await emulator.stop()


def _greeting(emulator: Emulator) -> str:
    exports = "\n".join(f"{name}={value}" for name, value in emulator.environment().items())
    return (
        f"Container Instances endpoint: {emulator.addresses.arm}\n"
        f"{emulator.runtime_reason}\n"
        f"Environment for a client (also in {env_path(emulator.settings.state_dir)}):\n{exports}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then exit 0; exit 2 with one line when it cannot serve."""
    parsed = command_line().parse_args(arguments)
    os.umask(0o077)  # what it writes is the user's alone; containers get a umask of their own
    console = logging.StreamHandler()
    console.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = logging.DEBUG if parsed.verbose else logging.WARNING
    logging.basicConfig(level=level, handlers=[console])
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        asyncio.run(_serve(settings_from(parsed)))
    except (PortTakenError, SettingsError, RuntimeRefusalError) as problem:
        sys.exit(_complain(str(problem)))


def _complain(text: str) -> int:
    print(f"aci-emulator: {text}", file=sys.stderr)  # noqa: T201 - a command's output
    return 2


if __name__ == "__main__":
    main()
