"""What the app depends on: one check for each part, by the same adapters that do the work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from acijobs.domain.errors import InvalidSettingsError, ServiceError, UnwellError
from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.concern import names_of
from acijobs.settings.reading import check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acijobs.usecases.ports import ContainerGroups, LogArchive, Rows

NOBODY = "acijobs-health"
"""The id of a job that is never there, by its name: what is read is nobody's."""

_REFERENCE = "@microsoft.keyvault("


def check_settings(environment: Mapping[str, str]) -> None:
    """Check all settings, and that the platform has put secrets in the place of their references.

    Raises:
        InvalidSettingsError: every setting that is missing or wrong.
    """
    unresolved = {
        name: f"{name} is a Key Vault reference that the platform could not follow: the app's identity "
        "needs 'Key Vault Secrets User' on the vault, keyVaultReferenceIdentity must name it, and the "
        "vault must let the app in"
        for concern in ALL_CONCERNS
        for field in concern.model_fields.values()
        for name in names_of(field)
        if environment.get(name, "").lower().startswith(_REFERENCE)
    }
    others = {name: value for name, value in environment.items() if name not in unresolved}
    problems = tuple(unresolved.values())
    try:
        check(ALL_CONCERNS, others)
    except InvalidSettingsError as error:
        missing = tuple(f"{name} is missing" for name in unresolved)
        problems += tuple(one for one in error.problems if not one.startswith(missing))
    if problems:
        raise InvalidSettingsError(problems)


def check_rows(rows: Callable[[], Rows]) -> None:
    """Read the row of a job that is not there."""
    rows().read(NOBODY)


def check_logs(logs: Callable[[], LogArchive]) -> None:
    """List the logs of a job that is not there."""
    logs().keys(NOBODY)


def check_groups(scopes: Mapping[str, ContainerGroups]) -> None:
    """Read a container group that is not there, in each of these scopes at once.

    Raises:
        ServiceError: what Azure told of the one scope.
        UnwellError: what it told of which of several.
    """
    if len(scopes) == 1:
        next(iter(scopes.values())).get(NOBODY)
        return
    with ThreadPoolExecutor(len(scopes)) as pool:
        told = pool.map(_trouble, scopes.values())
        problems = tuple(f"{name}: {one}" for name, one in zip(scopes, told, strict=True) if one)
    if problems:
        raise UnwellError(problems)


def _trouble(groups: ContainerGroups) -> str:
    try:
        groups.get(NOBODY)
    except ServiceError as error:
        return str(error)
    return ""


def check_vaults(hosts: tuple[str, ...], reach: Callable[[str], None]) -> None:
    """Ask each vault that the operator names in full for a secret that it does not have."""
    for host in hosts:
        if "." in host and not set(host) & set("*?["):
            reach(host)
