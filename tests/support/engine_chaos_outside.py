"""What the jobs of a mixed run have outside: whom they call back, a vault, scopes that refuse them."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from acijobs.domain.candidates import spread
from acijobs.domain.group import Scope
from engine_chaos_hooks import ENDS, Hook
from engine_chaos_jobs import SECRET_SETTINGS, SECRETS

if TYPE_CHECKING:
    from engine_chaos_hooks import Hooks
    from engine_chaos_jobs import Plan
    from engine_chaos_place import Place

_KEYS = {name: f"whsec_{letter * 40}" for name, letter in {"app": "a", "job": "b"}.items()}
_VAULT = {"chaos": "Zq7!chaos-by-vault", "hook": f"whsec_{'d' * 40}"}
ALL_SECRETS = SECRETS | {f"key of the {name}": key for name, key in _KEYS.items()} | _VAULT
"""All that must stand nowhere but in containers."""

_SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
_OPEN, _STRICT = "chaos-a", "chaos-b"
SCOPES = tuple(
    Scope(subscription_id=_SUBSCRIPTION, resource_group=name) for name in (_OPEN, _STRICT)
)
_LOCATIONS = ("eastus", "westus2")

SETTINGS = SECRET_SETTINGS | {
    "CallbackSecret": _KEYS["app"],
    "CallbackTrustedHosts": "127.0.0.1",
    "JobScopes": ",".join(scope.path for scope in SCOPES),
    "Location": ",".join(_LOCATIONS),
}
EMULATOR_OPTIONS = (
    *(word for scope in SCOPES for word in ("--resource-group", scope.resource_group)),
    *(word for location in _LOCATIONS for word in ("--location", location)),
)

_CALL_BACK_SHARE = 0.7
_HANG_SHARE = 0.1
_NO_CAPACITY_SHARE = 0.2
_REFUSED_SHARE = 0.5
_CREATE = "ContainerGroups_CreateOrUpdate"


def fill_vault(place: Place) -> None:
    """Put the vault's secrets into it."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in place.emulator_env.items():
            environment.setenv(name, value)
        with (
            ManagedIdentityCredential() as credential,
            SecretClient(place.emulator_env["KEY_VAULT_URL"], credential) as client,
        ):
            for name, value in _VAULT.items():
                client.set_secret(name, value)


def with_outside(jobs: list[Plan], seed: int, hooks: Hooks, vault_url: str) -> list[Plan]:
    """Return the jobs with what the seed gives each of them, and have their receivers known."""
    dice = random.Random(f"{seed}:outside")
    half_way_s = max(job.at_s for job in jobs) / 2
    found = []
    for plain in jobs:
        job = _refused(_with_vault(plain, vault_url), dice)
        if dice.random() < _CALL_BACK_SHARE:
            job = _called_back(job, dice, hooks.url_of(job.id), vault_url, half_way_s)
        found.append(job)
    hooks.known = {job.id: job.hook for job in found if job.hook is not None}
    return found


def _with_vault(job: Plan, vault_url: str) -> Plan:
    """Return a job that has secrets with one from the vault too, whose hash it prints last."""
    if "secrets" not in job.spec:
        return job
    secrets = job.spec["secrets"] | {"BY_VAULT": {"keyVault": f"{vault_url}/secrets/chaos"}}
    proof = hashlib.sha256(_VAULT["chaos"].encode()).hexdigest()
    return replace(
        job, spec=job.spec | {"secrets": secrets}, preface=f"{job.preface}BY_VAULT {proof}\n"
    )


def _refused(job: Plan, dice: random.Random) -> Plan:
    """Return a job refused at first: by the strict scope for good, or where its region is full."""
    is_strict = spread(SCOPES, job.id)[0].resource_group == _STRICT
    is_denied, is_full = dice.random() < _REFUSED_SHARE, dice.random() < _NO_CAPACITY_SHARE
    once: dict[str, Any] = {"operation": _CREATE, "group": f"job-{job.id}-*", "times": 1}
    if is_strict and is_denied:
        denial = once | {"kind": "respond", "status": 403, "code": "AuthorizationFailed"}
        return replace(job, refusals=(denial,), shut_out_of=_STRICT)
    if is_full and not job.mishaps:  # a mishap that met a create which is refused would be spent
        return replace(job, refusals=(once | {"kind": "capacity"},))
    return job


def _called_back(
    job: Plan, dice: random.Random, url: str, vault_url: str, half_way_s: float
) -> Plan:
    """Return a job with a callback, which fails once at most, so that the run does not wait for it.

    A receiver hangs for a job of the first half only, and none fails whose key the vault may refuse.
    """
    others = tuple(phase for phase in ENDS if phase != job.state)
    phases = dice.choice([ENDS, ENDS, ("Running", *ENDS), ("Running", job.state), others])
    manners = ("takes", "takes", "busy", "cuts")
    hangs = dice.random() < _HANG_SHARE and job.at_s < half_way_s
    manner = "hangs" if hangs else dice.choice(manners)
    source, key = dice.choice(
        [
            (None, _KEYS["app"]),
            ({"value": _KEYS["job"]}, _KEYS["job"]),
            ({"keyVault": f"{vault_url}/secrets/hook"}, _VAULT["hook"]),
        ]
    )
    if key == _VAULT["hook"]:
        manner = "takes"
    callback: dict[str, Any] = {"url": url} | ({} if phases is ENDS else {"phases": [*phases]})
    callback |= {"secret": source} if source is not None else {}
    hook = Hook(key=key, phases=phases, manner=manner)
    return replace(job, spec=job.spec | {"callback": callback}, hook=hook)
