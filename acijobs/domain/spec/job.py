"""The job specification that a user submits, and its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from acijobs.domain import job_id
from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.domain.group import MAIN_CONTAINER
from acijobs.domain.spec.callback import Callback
from acijobs.domain.spec.command import Command
from acijobs.domain.spec.complaints import violations_of
from acijobs.domain.spec.containers import InitContainer, Secrets, Sidecar
from acijobs.domain.spec.environment import Environment
from acijobs.domain.spec.identity import Identity
from acijobs.domain.spec.image import Image
from acijobs.domain.spec.keeping import CancelGraceSeconds, KeepGroupSeconds, KeepGroupWhen
from acijobs.domain.spec.labels import Labels
from acijobs.domain.spec.locations import Locations
from acijobs.domain.spec.model import SpecModel, told_as
from acijobs.domain.spec.network import Dns
from acijobs.domain.spec.registry import Registry
from acijobs.domain.spec.resource_id import SubnetId
from acijobs.domain.spec.resources import Cpu, MemoryGb, Resources, sum_of
from acijobs.domain.spec.retry import Retry
from acijobs.domain.spec.secrets_within import secrets_of, with_secrets
from acijobs.domain.spec.stored import construct
from acijobs.domain.spec.tags import Tags
from acijobs.domain.spec.text import lone_surrogates
from acijobs.domain.spec.timeouts import Timeouts
from acijobs.domain.spec.together import broken_rules
from acijobs.domain.spec.volumes import MAX_VOLUMES, Volume
from acijobs.domain.spec.wrong import wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.spec.secret import Secret

MAX_BODY_BYTES = 256 * 1024
"""Largest request body. The specification is stored with the job; large inputs belong in a file."""


def _is_job_id(value: str) -> str:
    if not job_id.is_valid(value):
        raise wrong(
            f"must be 1 to {job_id.MAX_LENGTH} lower-case letters, digits and single hyphens, "
            "with no hyphen at either end, like 'nightly-2026-11-23'"
        )
    return value


class JobSpec(SpecModel):
    """One job, validated; in JSON all names are camelCase.

    Attributes:
        image: Image reference, as `docker run` takes it.
        command: Executable and arguments; None runs the image's entry point. No shell is added.
        environment: Variables; their values are stored with the job, so no secrets here.
        secrets: Secret variables.
        cpu: Cores requested, above 0 and up to 31, in steps of 0.01.
        memory_gb: GB of memory requested, above 0 and up to 240, in steps of 0.1.
        os: `Linux` or `Windows`.
        priority: `Regular`, or `Spot` for capacity that is cheap and can be taken back.
        restart_policy: `Never`, or `OnFailure` to restart a container that exits non-zero.
        registry: Where images are pulled from, with a login.
        identity: Managed identities of the containers.
        volumes: Volumes, at most 20.
        subnet_id: Id of a subnet to run in.
        dns: How names are resolved there.
        init_containers: Containers that run first, one after the other.
        sidecars: Containers beside the job's own.
        locations: Regions in the order in which they are tried; empty for the operator's.
        tags: Azure tags put on the container group, besides acijobs' own.
        labels: The user's own labels, kept with the job; Azure does not see them.
        timeouts: Deadlines.
        retry: When it is attempted again; None for exactly one attempt.
        keep_group_seconds: How long the container group stays after the end.
        keep_group_when: After which ends: `always`, or `onFailure`.
        cancel_grace_seconds: How long a cancelled container may go on to end by itself.
        callback: Whom to tell of its end.
        max_cost_usd: Most that it may cost at list prices, in USD; None for no limit.
        id: The client's own id for the job, or None for a new one.
    """

    image: Image
    command: Command = None
    environment: Environment = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=dict)
    cpu: Cpu = 1.0
    memory_gb: MemoryGb = 1.5
    os: Literal["Linux", "Windows"] = "Linux"
    priority: Literal["Regular", "Spot"] = "Regular"
    restart_policy: Literal["Never", "OnFailure"] = "Never"
    registry: Registry | None = None
    identity: Identity = Field(default_factory=Identity)
    volumes: Annotated[list[Volume], Field(max_length=MAX_VOLUMES)] = Field(default_factory=list)
    subnet_id: SubnetId | None = None
    dns: Dns | None = None
    init_containers: list[InitContainer] = Field(default_factory=list)
    sidecars: list[Sidecar] = Field(default_factory=list)
    locations: Locations = Field(default_factory=list)
    tags: Tags = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)
    timeouts: Timeouts = Field(default_factory=Timeouts)
    retry: Retry | None = None
    keep_group_seconds: KeepGroupSeconds = 0
    keep_group_when: KeepGroupWhen = "always"
    cancel_grace_seconds: CancelGraceSeconds = 0
    callback: Callback | None = None
    max_cost_usd: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    id: (
        Annotated[
            str,
            AfterValidator(_is_job_id),
            told_as(job_id.PATTERN, most_chars=job_id.MAX_LENGTH),
        ]
        | None
    ) = None

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON data in wire names, without fields left at None."""
        return self.model_dump(by_alias=True, exclude_none=True, warnings=False)

    @classmethod
    def stored(cls, data: dict[str, Any]) -> JobSpec:
        """Return a specification that was accepted earlier, perhaps under other rules.

        Only requests are validated: a rule that was tightened since, or a field of another release,
        must not fail a job that was accepted.
        """
        return construct(cls, data)

    @property
    def containers(self) -> tuple[str, ...]:
        """The names of all containers: the job's own, those before it, those at its side."""
        others = (*self.init_containers, *self.sidecars)
        return (MAIN_CONTAINER, *(container.name for container in others))

    @property
    def images(self) -> tuple[str, ...]:
        """The images of all containers, in the same order."""
        others = (*self.init_containers, *self.sidecars)
        return (self.image, *(container.image for container in others))

    @property
    def resources(self) -> Resources:
        """What the whole group asks for; containers that run first take it from what is there."""
        return Resources(
            cpu=sum_of([self.cpu, *(sidecar.cpu for sidecar in self.sidecars)]),
            memory_gb=sum_of([self.memory_gb, *(sidecar.memory_gb for sidecar in self.sidecars)]),
        )

    @property
    def attempts(self) -> int:
        """Most attempts that count; those that end by the platform's fault come on top."""
        return 1 if self.retry is None else self.retry.attempts

    @property
    def most_runs(self) -> int:
        """Most attempts that the job may run to their end by its own rules.

        One that a rule ignores does not count as an attempt, but runs, and costs, like any.
        """
        retry = self.retry
        if retry is None or all(rule.action != "ignore" for rule in retry.rules):
            return self.attempts
        return self.attempts + retry.platform_attempts

    @property
    def identities(self) -> tuple[str, ...]:
        """The ids of the group's user-assigned identities, the one that pulls its images included."""
        ids = list(self.identity.user_assigned)
        pulling = self.registry.identity if self.registry is not None else None
        if pulling is not None and pulling.lower() not in {known.lower() for known in ids}:
            ids.append(pulling)
        return tuple(ids)

    @property
    def all_secrets(self) -> dict[str, Secret]:
        """Every secret in it, by JSON pointer (`#/registry/secret`)."""
        return secrets_of(self)

    def map_secrets(self, change: Callable[[str, Secret], Secret]) -> JobSpec:
        """Return a copy with every secret in it replaced.

        Args:
            change: Returns what takes the place of the secret at a JSON pointer.
        """
        return with_secrets(self, change)

    def with_secret_variable(self, name: str, secret: Secret) -> JobSpec:
        """Return a copy in which every container has this secret variable."""
        return self._with_all("secrets", {name: secret})

    def with_variables(self, variables: dict[str, str]) -> JobSpec:
        """Return a copy in which every container has these variables."""
        return self._with_all("environment", variables)

    def _with_all(self, field: str, more: dict[str, Any]) -> JobSpec:
        """Return a copy in which this field of every container, a dictionary, has more entries."""

        def added(container: Any) -> Any:
            return container.model_copy(update={field: getattr(container, field) | more})

        mine: JobSpec = added(self)
        return mine.model_copy(
            update={
                "init_containers": [added(container) for container in self.init_containers],
                "sidecars": [added(container) for container in self.sidecars],
            }
        )


def parse(data: object) -> JobSpec:
    """Return the specification that this JSON data describes.

    Raises:
        InvalidSpecError: something is wrong; every wrong field is named.
    """
    if not isinstance(data, dict):
        raise InvalidSpecError(
            (Violation(pointer="#", detail="must be a JSON object describing one job"),)
        )
    if broken := lone_surrogates(data):
        raise InvalidSpecError(broken)
    spec, violations = _checked(data)
    if violations:
        raise InvalidSpecError(violations)
    return spec


def _checked(data: dict[str, Any]) -> tuple[JobSpec, tuple[Violation, ...]]:
    """Return the specification, and what is wrong; with what is wrong left out, if anything is."""
    violations: tuple[Violation, ...] = ()
    wrong_fields: set[str] = set()
    try:
        spec = JobSpec.model_validate(data)
    except ValidationError as error:
        violations = violations_of(error, JobSpec)
        wrong_fields = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        right = {name: value for name, value in data.items() if name not in wrong_fields}
        spec = construct(JobSpec, right)
    return spec, violations + broken_rules(spec, wrong_fields)
