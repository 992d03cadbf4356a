"""The operator's rules: which jobs this app runs, whoever submits them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acijobs.domain.cost import Prices, most_it_may_cost_usd
from acijobs.domain.errors import Violation
from acijobs.domain.spec import image_patterns
from acijobs.domain.spec.model import pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from acijobs.domain.spec.job import JobSpec

_MOST_SHOWN = 10
"""Most patterns of a rule that are told."""


@dataclass(frozen=True, kw_only=True)
class JobPolicy:
    """What jobs may ask for; a rule that is empty, or None, allows everything.

    Texts are patterns, in which `*` and `?` stand for any text. All but those of images are compared
    without letter case.

    Attributes:
        images: Patterns of images.
        registries: Patterns of the hosts that images are pulled from and logged in to.
        locations: Patterns of regions.
        own_locations: The operator's regions, which are always allowed.
        subnets: Patterns of ids of subnets.
        identities: Patterns of ids of user-assigned identities.
        key_vaults: Patterns of the hosts of key vaults.
        callback_hosts: Patterns of the hosts of callbacks.
        max_cpu: Most cores of a group.
        max_memory_gb: Most GB of memory of a group.
        max_run_seconds: Longest `runSeconds`.
        max_attempts: Most `attempts`, with those that a rule of the job ignores.
        max_job_cost_usd: Most that a job may cost at list prices, with all its attempts.
        requires_cost_limit: Whether a job must have `maxCostUsd`.
        prices: List prices.
    """

    images: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    own_locations: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    key_vaults: tuple[str, ...] = ()
    callback_hosts: tuple[str, ...] = ()
    max_cpu: float | None = None
    max_memory_gb: float | None = None
    max_run_seconds: int | None = None
    max_attempts: int | None = None
    max_job_cost_usd: float | None = None
    requires_cost_limit: bool = False
    prices: Prices = Prices()


@dataclass(frozen=True, kw_only=True)
class Refusal(Violation):
    """A field that breaks a rule of the operator.

    Attributes:
        rule: The app setting that the rule is in, like `AllowedImages`.
    """

    rule: str


def refusals(spec: JobSpec, policy: JobPolicy) -> tuple[Refusal, ...]:
    """Return everything in a job that breaks a rule of the operator."""
    found = [*_disallowed(spec, policy), *_too_much(spec, policy)]
    return tuple(dict.fromkeys(found))


def _disallowed(spec: JobSpec, policy: JobPolicy) -> Iterator[Refusal]:
    yield from _unfit("AllowedImages", policy.images, _images(spec), image_patterns.fits)
    rules = (
        ("AllowedRegistries", policy.registries, _registries(spec)),
        ("AllowedLocations", policy.locations, _locations(spec, policy.own_locations)),
        ("AllowedSubnets", policy.subnets, _one("subnetId", spec.subnet_id)),
        ("AllowedIdentities", policy.identities, _identities(spec)),
        ("AllowedKeyVaults", policy.key_vaults, _key_vaults(spec)),
        ("AllowedCallbackHosts", policy.callback_hosts, _callback_hosts(spec)),
    )
    for rule, patterns, asked in rules:
        yield from _unfit(rule, patterns, asked, _fits)


def _unfit(
    rule: str,
    patterns: tuple[str, ...],
    asked: Iterable[tuple[str, str]],
    fits: Callable[[str, str], bool],
) -> Iterator[Refusal]:
    if not patterns:
        return
    shown = ", ".join(patterns[:_MOST_SHOWN]) + (", …" if len(patterns) > _MOST_SHOWN else "")
    for where, value in asked:
        if not any(fits(value, pattern) for pattern in patterns):
            detail = f"is not allowed by the operator's {rule}: {shown}"
            yield Refusal(pointer=where, detail=detail, rule=rule)


def _fits(value: str, pattern: str) -> bool:
    return fnmatchcase(value.lower(), pattern.lower())


def _images(spec: JobSpec) -> list[tuple[str, str]]:
    return [
        (pointer("image"), spec.image),
        *(
            (pointer(field, at, "image"), container.image)
            for field, containers in (
                ("initContainers", spec.init_containers),
                ("sidecars", spec.sidecars),
            )
            for at, container in enumerate(containers)
        ),
    ]


def _registries(spec: JobSpec) -> list[tuple[str, str]]:
    hosts = [(where, image_patterns.registry(image)) for where, image in _images(spec)]
    login = () if spec.registry is None else _one("registry", spec.registry.server, "server")
    return [*hosts, *login]


def _locations(spec: JobSpec, own: tuple[str, ...]) -> list[tuple[str, str]]:
    listed = _listed("locations", spec.locations)
    return [(where, name) for where, name in listed if name not in own]


def _identities(spec: JobSpec) -> list[tuple[str, str]]:
    pulling = None if spec.registry is None else spec.registry.identity
    return [
        *_listed("identity", spec.identity.user_assigned, "userAssigned"),
        *_one("registry", pulling, "identity"),
    ]


def _key_vaults(spec: JobSpec) -> list[tuple[str, str]]:
    return [
        (f"{where}/keyVault", urlsplit(secret.content).netloc)
        for where, secret in spec.all_secrets.items()
        if secret.kind == "keyVault"
    ]


def _callback_hosts(spec: JobSpec) -> list[tuple[str, str]]:
    url = None if spec.callback is None else urlsplit(spec.callback.url).hostname
    return _one("callback", url, "url")


def _listed(field: str, values: list[str], *within: str) -> list[tuple[str, str]]:
    return [(pointer(field, *within, at), value) for at, value in enumerate(values)]


def _one(field: str, value: str | None, *within: str) -> list[tuple[str, str]]:
    return [] if value is None else [(pointer(field, *within), value)]


def _too_much(spec: JobSpec, policy: JobPolicy) -> Iterator[Refusal]:
    group = spec.resources
    cost_usd = most_it_may_cost_usd(spec, policy.prices)
    bounds: tuple[tuple[str, str, float, float | None], ...] = (
        ("MaxCpu", pointer("cpu"), group.cpu, policy.max_cpu),
        ("MaxMemoryGb", pointer("memoryGb"), group.memory_gb, policy.max_memory_gb),
        (
            *("MaxRunSeconds", pointer("timeouts", "runSeconds")),
            *(spec.timeouts.run_seconds, policy.max_run_seconds),
        ),
        ("MaxAttempts", pointer("retry", "attempts"), spec.most_runs, policy.max_attempts),
        ("MaxJobCostUsd", pointer("maxCostUsd"), cost_usd, policy.max_job_cost_usd),
    )
    for rule, where, asked, most in bounds:
        if most is not None and asked > most:
            detail = (
                f"must be at most {most:g} by the operator's {rule}; {_amount(rule, asked, spec)}"
            )
            yield Refusal(pointer=where, detail=detail, rule=rule)
    if policy.requires_cost_limit and spec.max_cost_usd is None:
        detail = "is required by the operator's RequireCostLimit"
        yield Refusal(pointer=pointer("maxCostUsd"), detail=detail, rule="RequireCostLimit")


def _amount(rule: str, asked: float, spec: JobSpec) -> str:
    if rule == "MaxJobCostUsd" and spec.max_cost_usd is None:
        return f"without it the job may cost {asked:.2f} USD by its deadlines"
    if rule == "MaxAttempts" and asked > spec.attempts:
        return f"with the platformAttempts that its rules may ignore it is {asked:g}"
    if rule in {"MaxCpu", "MaxMemoryGb"} and spec.sidecars:
        return f"with the sidecars it is {asked:g}"
    return f"it is {asked:g}"
