"""Container groups through azure-mgmt-containerinstance."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from acijobs.aci.error_map import service_error
from acijobs.aci.measuring import MeasuringPolicy
from acijobs.aci.reading import capability, observation, usage
from acijobs.aci.request.group import container_group
from acijobs.usecases.ports import Group
from acijobs.usecases.telemetry import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.core.credentials import TokenCredential

    from acijobs.domain.regions import Capability, Usage
    from acijobs.domain.spec.job import JobSpec
    from acijobs.usecases.telemetry import Telemetry

_NO_LOG_CODES = frozenset({"ContainerLogNotAvailable", "ContainerGroupDeploymentNotReady"})
_NOWHERE_CODES = frozenset({"ResourceGroupNotFound", "SubscriptionNotFound"})


class AciContainerGroups:
    """The container groups of one resource group; implements `acijobs.usecases.ports`.

    Answers with an error status are not retried here (`usecases.patience` retries brief ones, the
    orchestration waits for the others). Only connections that could not be made are tried again
    at once: a request that was sent may have worked. After a 401 the next call starts with a new
    credential, because a refused token is otherwise kept until it expires by its own word.
    """

    def __init__(  # noqa: PLR0913 - one setting each
        self,
        new_credential: Callable[[], TokenCredential],
        *,
        subscription_id: str,
        resource_group: str,
        arm_endpoint: str,
        arm_scope: str,
        telemetry: Telemetry = NO_TELEMETRY,
    ) -> None:
        self._resource_group = resource_group
        measuring = [MeasuringPolicy(telemetry)] if telemetry.is_on else []
        self._new_client: Callable[[], ContainerInstanceManagementClient] = lambda: (
            ContainerInstanceManagementClient(
                new_credential(),
                subscription_id,
                base_url=arm_endpoint,
                credential_scopes=[arm_scope],
                retry_total=2,
                retry_read=0,
                retry_status=0,
                connection_timeout=10,
                read_timeout=60,
                per_retry_policies=measuring,
            )
        )
        self._client = self._new_client()

    def get(self, name: str) -> Group | None:
        """Return the group, or None when there is none of this name."""
        with self._service_errors():
            try:
                found = self._client.container_groups.get(self._resource_group, name)
            except ResourceNotFoundError as error:
                if _code(error) in _NOWHERE_CODES:
                    raise
                return None
        return Group(name=name, tags=dict(found.tags or {}), seen=observation(found))

    def listed(self) -> dict[str, dict[str, str]]:
        """Return the tags of every group in the list of the resource group, by the group's name."""
        with self._service_errors():
            listed = self._client.container_groups.list_by_resource_group(self._resource_group)
            return {(group.name or "").lower(): dict(group.tags or {}) for group in listed}

    def create(self, name: str, spec: JobSpec, tags: dict[str, str], *, location: str) -> None:
        """Ask for a group that runs this specification; return once Azure accepted it.

        The SDK's own poller asks every 30 s, so it is not used: the watch polls the group.
        """
        with self._service_errors():
            self._client.container_groups.begin_create_or_update(
                self._resource_group,
                name,
                container_group(spec, location, tags),
                polling=False,
            )

    def delete(self, name: str) -> None:
        """Ask for the group's deletion; a group that is not there is fine."""
        with self._service_errors():
            self._client.container_groups.begin_delete(self._resource_group, name, polling=False)

    def usages(self, location: str) -> tuple[Usage, ...]:
        """Return the subscription's quotas in a region."""
        with self._service_errors():
            return tuple(usage(found) for found in self._client.location.list_usage(location))

    def capabilities(self, location: str) -> tuple[Capability, ...]:
        """Return how large groups of each kind can be in a region."""
        with self._service_errors():
            listed = self._client.location.list_capabilities(location)
            return tuple(capability(found) for found in listed)

    def stop(self, name: str) -> None:
        """Ask the group's containers to end; a group that is not there is fine."""
        with self._service_errors(), suppress(ResourceNotFoundError):
            self._client.container_groups.stop(self._resource_group, name)

    def read_log(self, name: str, container: str) -> str | None:
        """Return the newest part of the container's log, each line with its time.

        None when Azure has no log yet, or no longer.
        """
        with self._service_errors():
            try:
                logs = self._client.containers.list_logs(
                    self._resource_group, name, container, timestamps=True
                )
            except HttpResponseError as error:
                if error.status_code == HTTPStatus.NOT_FOUND or _code(error) in _NO_LOG_CODES:
                    return None
                raise
        return logs.content or ""

    @contextmanager
    def _service_errors(self) -> Iterator[None]:
        try:
            yield
        except AzureError as error:
            if (
                isinstance(error, HttpResponseError)
                and error.status_code == HTTPStatus.UNAUTHORIZED
            ):
                self._client = self._new_client()
            raise service_error(error) from error


def _code(error: HttpResponseError) -> str | None:
    return error.error.code if error.error else None
