"""The terms of a job: what driving it needs of its specification, fixed when it was accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acijobs.domain.spec.job import JobSpec
    from acijobs.domain.spec.retry import Retry


@dataclass(frozen=True, kw_only=True)
class RetryRule:
    """A rule for attempts that ended badly; the first one that fits decides.

    Attributes:
        on_exit_codes: Exit codes that it fits.
        on_reasons: Codes of `acijobs.domain.reasons` that it fits.
        action: `retry`, which uses up an attempt; `ignore`, which tries again and does not; `fail`.
    """

    on_exit_codes: tuple[int, ...] = ()
    on_reasons: tuple[str, ...] = ()
    action: str = "retry"

    def fits(self, exit_code: int | None, reason: str) -> bool:
        """Tell whether an attempt that ended like this is the rule's."""
        return exit_code in self.on_exit_codes or reason in self.on_reasons


@dataclass(frozen=True, kw_only=True)
class RetryTerms:
    """How often a job is attempted, and after what.

    Attributes:
        attempts: Attempts in all, those apart that count for nothing.
        backoff_seconds: The pause before the second attempt; it doubles with each one.
        max_backoff_seconds: The longest pause.
        platform_attempts: Further attempts in all for the platform's faults, and for ignored ends.
        rules: The user's own rules.
    """

    attempts: int = 1
    backoff_seconds: int = 10
    max_backoff_seconds: int = 300
    platform_attempts: int = 3
    rules: tuple[RetryRule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The part of a specification that driving the job needs.

    Attributes:
        restart_policy: `Never` or `OnFailure`.
        priority: `Regular` or `Spot`.
        queue_seconds: From the beginning of an attempt until Azure has accepted its group.
        provision_seconds: From then until the container runs.
        run_seconds: From when the container runs until it has ended.
        silent_seconds: How long a running container may add nothing to its log; None: for ever.
        clean_up_seconds: How long the run that ends a job asks for its group's deletion.
        cancel_grace_seconds: How long a cancelled container has to end by itself after a stop.
        keep_group_seconds: How long the group stays after the job's end.
        keep_group_when: `always`, or `onFailure`.
        retry: How often it is attempted; None for exactly once.
        init_containers: The names of the containers that run before the job's own.
        sidecars: The names of those beside it.
        locations: Where the group may be, in order; empty, in rows of older releases, for the
            operator's own location.
        cpu: Cores of the whole group.
        memory_gb: GB of memory of the whole group.
        usd_per_second: Price of the whole group, as the settings had it.
        cost_seconds: Seconds of the group in all attempts that the job's cost limit pays for; None
            where it has none.
        callback_phases: The phases that somebody is told of; None for a job without a callback.
    """

    restart_policy: str = "Never"
    priority: str = "Regular"
    queue_seconds: int = 21_600
    provision_seconds: int = 1_800
    run_seconds: int = 86_400
    silent_seconds: int | None = None
    clean_up_seconds: int = 900
    cancel_grace_seconds: int = 0
    keep_group_seconds: int = 0
    keep_group_when: str = "always"
    retry: RetryTerms | None = None
    init_containers: tuple[str, ...] = field(default_factory=tuple)
    sidecars: tuple[str, ...] = field(default_factory=tuple)
    locations: tuple[str, ...] = field(default_factory=tuple)
    cpu: float = 0.0
    memory_gb: float = 0.0
    usd_per_second: float = 0.0
    cost_seconds: float | None = None
    callback_phases: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, spec: JobSpec, *, usd_per_second: float = 0.0, own_locations: tuple[str, ...] = ()
    ) -> Terms:
        """Return the terms of a specification, at this price of its group.

        Args:
            spec: The specification.
            usd_per_second: The price.
            own_locations: The operator's regions, for a job that names none. One in a subnet is in the
                first of them.
        """
        own = own_locations if spec.subnet_id is None else own_locations[:1]
        limit = spec.max_cost_usd
        return cls(
            restart_policy=spec.restart_policy,
            priority=spec.priority,
            queue_seconds=spec.timeouts.queue_seconds,
            provision_seconds=spec.timeouts.provision_seconds,
            run_seconds=spec.timeouts.run_seconds,
            silent_seconds=spec.timeouts.silent_seconds,
            clean_up_seconds=spec.timeouts.clean_up_seconds,
            cancel_grace_seconds=spec.cancel_grace_seconds,
            keep_group_seconds=spec.keep_group_seconds,
            keep_group_when=spec.keep_group_when,
            retry=_retry(spec.retry) if spec.retry is not None else None,
            init_containers=tuple(container.name for container in spec.init_containers),
            sidecars=tuple(sidecar.name for sidecar in spec.sidecars),
            locations=tuple(spec.locations) or own,
            cpu=spec.resources.cpu,
            memory_gb=spec.resources.memory_gb,
            usd_per_second=usd_per_second,
            callback_phases=tuple(spec.callback.phases) if spec.callback is not None else None,
            cost_seconds=limit / usd_per_second if limit and usd_per_second else None,
        )

    @property
    def other_containers(self) -> tuple[str, ...]:
        """The names of all containers but the job's own."""
        return (*self.init_containers, *self.sidecars)


def _retry(retry: Retry) -> RetryTerms:
    return RetryTerms(
        attempts=retry.attempts,
        backoff_seconds=retry.backoff_seconds,
        max_backoff_seconds=retry.max_backoff_seconds,
        platform_attempts=retry.platform_attempts,
        rules=tuple(
            RetryRule(
                on_exit_codes=tuple(rule.on_exit_codes or ()),
                on_reasons=tuple(rule.on_reasons or ()),
                action=rule.action,
            )
            for rule in retry.rules
        ),
    )
