"""What an emulator is told at its start: where it listens, what exists, how long things take."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from aci_emulator.documents import (
    Document,
    DocumentError,
    Flag,
    Number,
    OptionalNumber,
    OptionalWhole,
    Whole,
)
from aci_emulator.fault_rules import FaultRule
from aci_emulator.scripts import Script

RuntimeName = Literal["auto", "process", "docker", "scripted"]
_SomeTexts = Annotated[tuple[str, ...], Field(min_length=1)]
ProfileName = Literal["demo", "realistic", "instant"]


class SettingsError(Exception):
    """A setting is wrong; the text names it and says what it should be."""


class Delays(Document):
    """How long the service takes for each step, in seconds of the emulator's clock.

    Attributes:
        accept_s: From the answer to PUT until the deployment begins.
        pull_s: Least time of one image pull (a pull by an engine may take longer).
        start_s: From Pulled to Started.
        lag_s: From a container's end until the service shows it.
        group_lag_s: From the last container's shown end until the group's state follows.
        delete_s: How long DELETE takes to answer.
        gone_s: From the answer to DELETE until the group is no longer shown (Azure: seconds to
            minutes).
        stop_grace_s: From SIGTERM to SIGKILL.
        backoff_s: First delay of CrashLoopBackOff; doubles with each restart.
        backoff_limit_s: Longest delay of CrashLoopBackOff.
        repair_s: How long a repair, a platform restart or the return of an evicted group takes.
    """

    accept_s: Number = 0.1
    pull_s: Number = 0.4
    start_s: Number = 0.3
    lag_s: Number = 0.2
    group_lag_s: Number = 0.0
    delete_s: Number = 0.2
    gone_s: Number = 0.0
    stop_grace_s: Number = 1.0
    backoff_s: Number = 2.0
    backoff_limit_s: Number = 30.0
    repair_s: Number = 2.0


class Limits(Document):
    """Quotas and throttles; None means none.

    Attributes:
        groups: Container groups per location.
        cores: Cores of all groups per location.
        creates_per_5_min, creates_per_hour: Rate of PUT per subscription and location.
        deletes_per_5_min, deletes_per_hour: Rate of DELETE, likewise.
        read_burst, reads_per_s: ARM's token bucket for reads.
        write_burst, writes_per_s: ARM's token buckets for writes and for deletes.
        body_bytes: Largest request body (ARM: 4 MiB).
        page_size: Groups on one page of a list.
    """

    groups: OptionalWhole = 100
    cores: OptionalNumber = 100
    creates_per_5_min: OptionalWhole = 100
    creates_per_hour: OptionalWhole = 300
    deletes_per_5_min: OptionalWhole = 100
    deletes_per_hour: OptionalWhole = 300
    read_burst: OptionalWhole = 250
    reads_per_s: Number = 25
    write_burst: OptionalWhole = 200
    writes_per_s: Number = 10
    body_bytes: Whole = 4 * 1024 * 1024
    page_size: Annotated[int, Field(strict=True, ge=1)] = 100


_CREATES = ("creates_per_5_min", "creates_per_hour")
_DELETES = ("deletes_per_5_min", "deletes_per_hour")
NO_QUOTAS = dict.fromkeys(("groups", "cores", *_CREATES, *_DELETES))
"""What lifts the resource provider's quotas and rates, and leaves ARM's token buckets."""

NO_LIMITS = Limits().changed(**NO_QUOTAS, read_burst=None, write_burst=None)

DELAYS: dict[str, Delays] = {
    "demo": Delays(),
    # Recorded: PUT 05:03:00, Pulling :04, Pulled :09, Started :18; DELETE answers after about 4 s.
    # Source: Azure/azure-powershell, ContainerInstance.Autorest/test/*.Recording.json.
    "realistic": Delays(
        accept_s=4,
        pull_s=5,
        start_s=9,
        lag_s=2,
        group_lag_s=1,
        delete_s=4,
        stop_grace_s=30,
        backoff_s=10,
        backoff_limit_s=300,
        repair_s=30,
    ),
    "instant": Delays(
        accept_s=0,
        pull_s=0,
        start_s=0,
        lag_s=0,
        delete_s=0,
        stop_grace_s=0.1,
        backoff_s=0.01,
        backoff_limit_s=0.01,
        repair_s=0,
    ),
}
"""Delays by profile name."""

LIMITS: dict[str, Limits] = {"demo": Limits(), "realistic": Limits(), "instant": NO_LIMITS}
"""Limits by profile name: `instant` is for tests that count something else."""


class Images(Document):
    """Which images the emulated registries have. Patterns are globs over the reference as given.

    Attributes:
        accessible: When not empty, only matching images exist.
        inaccessible: Matching images do not exist, whatever `accessible` says.
        os_unsupported: Matching images are refused with `OsVersionNotSupported`.
        registry_down: Matching images are answered with `RegistryErrorResponse`.
    """

    accessible: tuple[str, ...] = ()
    inaccessible: tuple[str, ...] = ("*does-not-exist*", "*no-such-image*")
    os_unsupported: tuple[str, ...] = ()
    registry_down: tuple[str, ...] = ()


class Settings(Document):
    """Everything an emulator needs to know.

    Attributes:
        arm_port: HTTPS port of the ARM endpoint on loopback; 0 for any.
        control_port: HTTP port of the identity endpoint and the admin API on loopback; 0 for any.
        vault_port: HTTPS port of the emulated key vault on loopback; 0 for any.
        allowed_hosts: More names that it may be called by, besides those of loopback; its certificate
            is good for them, too.
        audiences: What ARM takes tokens for: the public cloud's, or another cloud's.
        idle_s: How long a connection may be silent within a request, in real seconds.
        state_dir: Where the CA, the env file and the runtimes' folders live.
        runtime: Which runtime runs containers.
        subscription_id: The only subscription there is.
        resource_groups: The resource groups there are.
        locations: Where groups can be created; the first is the default.
        token_lifetime_s: How long an issued token is good.
        registered: Whether the subscription is registered for the namespace from the start.
        provisioning_timeout_s: After this a group that has not started is Failed.
        seed: Of everything random (shares of faults).
        faults: Fault rules in force from the start.
        scripts: Scripts of the scripted runtime.
    """

    arm_port: Whole = 8443
    control_port: Whole = 8444
    vault_port: Whole = 0
    allowed_hosts: tuple[str, ...] = ()
    audiences: _SomeTexts = ("https://management.azure.com", "https://management.core.windows.net")
    idle_s: Number = 30
    state_dir: Path = Path(".local/aci-emulator")
    runtime: RuntimeName = "auto"
    subscription_id: str = "00000000-0000-0000-0000-000000000001"
    resource_groups: _SomeTexts = ("acijobs",)
    locations: _SomeTexts = ("eastus",)
    token_lifetime_s: Number = 86_400
    registered: Flag = True
    provisioning_timeout_s: Number = 1800
    seed: Whole = 0
    delays: Delays = Delays()
    limits: Limits = Limits()
    images: Images = Images()
    faults: tuple[FaultRule, ...] = ()
    scripts: tuple[Script, ...] = ()


def for_profile(name: ProfileName) -> Settings:
    """Return the settings of a profile, everything else at its default."""
    return Settings(delays=DELAYS[name], limits=LIMITS[name])


def with_file(settings: Settings, path: Path) -> Settings:
    """Return `settings` with what a TOML file says laid over them.

    Raises:
        SettingsError: the file cannot be read, or has a key or value that means nothing here.
    """
    try:
        return settings.changed(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, DocumentError) as problem:
        raise SettingsError(f"{path}: {problem}") from problem
