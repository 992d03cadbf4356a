"""Container groups through azure-mgmt-containerinstance."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance import models as sdk

from acijobs.aci.error_map import service_error
from acijobs.domain import job_id
from acijobs.domain.observation import ContainerEvent, ContainerState, Observation
from acijobs.usecases.ports import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azure.core.credentials import TokenCredential

    from acijobs.domain.spec import JobSpec

_NO_LOG_CODES = frozenset({"ContainerLogNotAvailable", "ContainerGroupDeploymentNotReady"})
_NOWHERE_CODES = frozenset({"ResourceGroupNotFound", "SubscriptionNotFound"})
_MAX_MESSAGE_CHARS = 300


class AciContainerGroups:
    """The container groups of one resource group; implements `acijobs.usecases.ports`.

    Answers with an error status are not retried here: the orchestration waits for them with a
    durable timer, which survives this process, can be cancelled and shows in the history. Only
    broken connections are tried again at once. After a 401 the next call starts with a new
    credential, because a refused token is otherwise kept until it expires by its own word.
    """

    def __init__(  # noqa: PLR0913 - one setting each
        self,
        new_credential: Callable[[], TokenCredential],
        *,
        subscription_id: str,
        resource_group: str,
        location: str,
        arm_endpoint: str,
        arm_scope: str,
    ) -> None:
        self._resource_group = resource_group
        self._location = location
        self._new_client: Callable[[], ContainerInstanceManagementClient] = lambda: (
            ContainerInstanceManagementClient(
                new_credential(),
                subscription_id,
                base_url=arm_endpoint,
                credential_scopes=[arm_scope],
                retry_total=2,
                retry_status=0,
                connection_timeout=10,
                read_timeout=60,
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
        return Group(name=name, tags=dict(found.tags or {}), seen=_observation(found))

    def create(self, name: str, spec: JobSpec, tags: dict[str, str]) -> None:
        """Ask for a group that runs this specification; return once Azure accepted it.

        The SDK's own poller asks every 30 s, so it is not used: the watch looks at the group.
        """
        with self._service_errors():
            self._client.container_groups.begin_create_or_update(
                self._resource_group, name, _group(spec, self._location, tags), polling=False
            )

    def delete(self, name: str) -> None:
        """Ask for the group's deletion; a group that is not there is fine."""
        with self._service_errors():
            self._client.container_groups.begin_delete(self._resource_group, name, polling=False)

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


def _group(spec: JobSpec, location: str, tags: dict[str, str]) -> sdk.ContainerGroup:
    container = sdk.Container(
        name=job_id.CONTAINER_NAME,
        image=spec.image,
        command=spec.command,
        environment_variables=[
            sdk.EnvironmentVariable(name=name, value=value)
            for name, value in spec.environment.items()
        ],
        resources=sdk.ResourceRequirements(
            requests=sdk.ResourceRequests(cpu=spec.cpu, memory_in_gb=spec.memory_gb)
        ),
    )
    return sdk.ContainerGroup(
        location=location,
        tags=tags,
        containers=[container],
        os_type=spec.os,
        restart_policy=spec.restart_policy,
    )


def _observation(group: Any) -> Observation:
    view = group.instance_view
    containers = group.containers or []
    views = [c.instance_view for c in containers if c.instance_view is not None]
    events = [event for v in [*views, view] if v is not None for event in v.events or []]
    return Observation(
        group_state=view.state if view is not None else None,
        provisioning_state=group.provisioning_state,
        containers=tuple(_container(c.name, c.instance_view) for c in containers),
        events=tuple(
            ContainerEvent(
                name=event.name or "",
                message=(event.message or "")[:_MAX_MESSAGE_CHARS],
                kind=event.type or "",
                first_at=_iso(event.first_timestamp),
            )
            for event in sorted(events, key=lambda event: _iso(event.first_timestamp) or "")
        ),
    )


def _container(name: str, view: Any) -> ContainerState:
    if view is None or view.current_state is None:
        return ContainerState(name=name)
    current = view.current_state
    return ContainerState(
        name=name,
        state=current.state,
        exit_code=current.exit_code,
        restart_count=view.restart_count or 0,
        detail=current.detail_status or "",
        started_at=_iso(current.start_time),
        finished_at=_iso(current.finish_time),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None
