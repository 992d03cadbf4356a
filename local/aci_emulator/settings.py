"""What an emulator is told at its start: where it listens, what exists, how long things take."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

RuntimeName = Literal["auto", "process", "docker", "scripted"]
ProfileName = Literal["demo", "realistic", "instant"]


class SettingsError(Exception):
    """A setting is wrong; the text names it and says what it should be."""


@dataclass(frozen=True, kw_only=True)
class Delays:
    """How long the service takes for each step, in seconds of the emulator's clock.

    Attributes:
        accept_s: From the answer to PUT until the deployment begins.
        pull_s: Least time of one image pull (a pull by an engine may take longer).
        start_s: From Pulled to Started.
        lag_s: From a container's end until the service shows it.
        group_lag_s: From the last container's shown end until the group's state follows.
        delete_s: How long DELETE takes to answer.
        stop_grace_s: From SIGTERM to SIGKILL.
        backoff_s: First delay of CrashLoopBackOff; doubles with each restart.
        backoff_limit_s: Longest delay of CrashLoopBackOff.
        repair_s: How long a repair, a platform restart or the return of an evicted group takes.
    """

    accept_s: float = 0.1
    pull_s: float = 0.4
    start_s: float = 0.3
    lag_s: float = 0.2
    group_lag_s: float = 0.0
    delete_s: float = 0.2
    stop_grace_s: float = 1.0
    backoff_s: float = 2.0
    backoff_limit_s: float = 30.0
    repair_s: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Limits:
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

    groups: int | None = 100
    cores: float | None = 100
    creates_per_5_min: int | None = 100
    creates_per_hour: int | None = 300
    deletes_per_5_min: int | None = 100
    deletes_per_hour: int | None = 300
    read_burst: int | None = 250
    reads_per_s: float = 25
    write_burst: int | None = 200
    writes_per_s: float = 10
    body_bytes: int = 4 * 1024 * 1024
    page_size: int = 100


NO_LIMITS = Limits(
    groups=None,
    cores=None,
    creates_per_5_min=None,
    creates_per_hour=None,
    deletes_per_5_min=None,
    deletes_per_hour=None,
    read_burst=None,
    write_burst=None,
)

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


@dataclass(frozen=True, kw_only=True)
class Images:
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


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything an emulator needs to know.

    Attributes:
        arm_port: HTTPS port of the ARM endpoint on loopback; 0 for any.
        control_port: HTTP port of the identity endpoint and the admin API on loopback; 0 for any.
        state_dir: Where the CA, the env file and the runtimes' folders live.
        runtime: Which runtime runs containers.
        subscription_id: The only subscription there is.
        resource_groups: The resource groups there are.
        locations: Where groups can be created; the first is the default.
        token_lifetime_s: How long an issued token is good.
        registered: Whether the subscription is registered for the namespace from the start.
        provisioning_timeout_s: After this a group that has not started is Failed.
        seed: Of everything random (shares of faults).
        faults: Fault rules as read from the file, parsed by `faults.parse_rule`.
        scripts: Scripts of the scripted runtime as read, parsed by `runtimes.scripted.parse_script`.
    """

    arm_port: int = 8443
    control_port: int = 8444
    state_dir: Path = Path(".local/aci-emulator")
    runtime: RuntimeName = "auto"
    subscription_id: str = "00000000-0000-0000-0000-000000000001"
    resource_groups: tuple[str, ...] = ("acijobs",)
    locations: tuple[str, ...] = ("eastus",)
    token_lifetime_s: float = 86_400
    registered: bool = True
    provisioning_timeout_s: float = 1800
    seed: int = 0
    delays: Delays = field(default_factory=Delays)
    limits: Limits = field(default_factory=Limits)
    images: Images = field(default_factory=Images)
    faults: tuple[dict[str, Any], ...] = ()
    scripts: tuple[dict[str, Any], ...] = ()


def for_profile(name: ProfileName) -> Settings:
    """Return the settings of a profile, everything else at its default."""
    return Settings(delays=DELAYS[name], limits=LIMITS[name])


def with_file(settings: Settings, path: Path) -> Settings:
    """Return `settings` with what a TOML file says laid over them.

    Raises:
        SettingsError: the file cannot be read, or has a key or value that means nothing here.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path}: {problem}") from problem
    return overlay(settings, document, where=str(path))


def overlay(settings: Settings, document: dict[str, Any], *, where: str) -> Settings:
    """Return `settings` with the tables of `document` laid over them.

    Raises:
        SettingsError: a key or value that means nothing here.
    """
    changes: dict[str, Any] = {}
    for key, value in document.items():
        if key in ("delays", "limits", "images"):
            changes[key] = _table(getattr(settings, key), value, where=f"{where}: [{key}]")
        elif key in ("faults", "scripts"):
            changes[key] = _tables(value, where=f"{where}: [[{key}]]")
        else:
            changes |= _checked(settings, {key: value}, where=where)
    return dataclasses.replace(settings, **changes)


def _tables(value: Any, *, where: str) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise SettingsError(f"{where} must be an array of tables")
    return tuple(value)


def _table(current: Any, value: Any, *, where: str) -> Any:
    if not isinstance(value, dict):
        raise SettingsError(f"{where} must be a table")
    return dataclasses.replace(current, **_checked(current, value, where=where))


def _checked(current: Any, value: dict[str, Any], *, where: str) -> dict[str, Any]:
    """Return `value` with each entry converted to the type its field has in `current`."""
    known = {entry.name for entry in dataclasses.fields(current)}
    checked: dict[str, Any] = {}
    for key, entry in value.items():
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}; known: {', '.join(sorted(known))}")
        checked[key] = _converted(getattr(current, key), entry, where=f"{where}: {key}")
    return checked


def _converted(default: Any, value: Any, *, where: str) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise SettingsError(f"{where} must be a list of strings")
        return tuple(cast("list[str]", value))
    if isinstance(default, Path) and isinstance(value, str):
        return Path(value)
    if default is None or (isinstance(default, int | float) and not isinstance(default, bool)):
        if value is False:
            return None  # TOML has no null: `groups = false` lifts a limit
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return value
        raise SettingsError(f"{where} must be a number not below 0, or false for none")
    if not isinstance(value, type(default)):
        raise SettingsError(f"{where} must be a {type(default).__name__}")
    return value
