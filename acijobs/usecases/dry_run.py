"""Tells what would become of a job, without starting it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from acijobs.domain.candidates import among
from acijobs.domain.cost import cost_usd, run_deadline_s, usd_per_hour
from acijobs.domain.errors import BusyError, RefusedError
from acijobs.domain.public_text import public_text
from acijobs.domain.regions import Capability, Need, is_too_large, largest, needs
from acijobs.domain.spec.policy import Refusal, refusals
from acijobs.domain.spec.secret import Secret
from acijobs.domain.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from acijobs.domain.group import Scope
    from acijobs.domain.spec.job import JobSpec
    from acijobs.usecases.ports import ContainerGroups, Outside

HIDDEN = "[hidden]"
"""What is shown of a secret's value."""

_MAX_MESSAGE_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region that a job may run in, as far as Azure tells of it.

    Attributes:
        name: Its short name.
        needs: What the job takes of the quotas there.
        most: How large a group of its kind can be there; None where Azure did not tell.
        is_too_large: Whether the job's group is larger than that.
        error: Why Azure did not tell: code and message; None where it did.
        subscriptions: How many of the operator's subscriptions were asked.
        with_room: How many of these have room for the job.
    """

    name: str
    needs: tuple[Need, ...] = ()
    most: Capability | None = None
    is_too_large: bool = False
    error: tuple[str, str] | None = None
    subscriptions: int = 1
    with_room: int = 0

    @property
    def fits(self) -> bool | None:
        """Whether the job could start there now; None where it is not known."""
        if self.error is not None:
            return None
        return not self.is_too_large and all(need.fits for need in self.needs)

    def shown(self) -> dict[str, Any]:
        """Return the region as the API shows it."""
        shown: dict[str, Any] = {"fits": self.fits}
        if self.most is not None:
            shown |= {"maxCpu": self.most.max_cpu, "maxMemoryGb": self.most.max_memory_gb}
        for need in self.needs:
            name = need.name[:1].lower() + need.name[1:]
            shown[name] = {"needed": need.needed, "used": need.used, "limit": need.limit}
        if self.subscriptions > 1:
            shown["subscriptions"] = {"asked": self.subscriptions, "withRoom": self.with_room}
        if self.error is not None:
            shown["error"] = {"code": self.error[0], "message": self.error[1]}
        return shown


def candidates(outside: Outside, spec: JobSpec) -> tuple[str, ...]:
    """Return the regions that the job may run in, in the order in which they are tried."""
    return Terms.of(spec, own_locations=outside.locations()).locations


def scopes(outside: Outside, spec: JobSpec) -> tuple[Scope, ...]:
    """Return one scope of each subscription that the job may run in: quotas are a subscription's."""
    known = among(outside.scopes(), subnet_id=spec.subnet_id or "")
    return tuple({scope.subscription_id.lower(): scope for scope in reversed(known)}.values())


def look_at(outside: Outside, spec: JobSpec, location: str, scope: Scope) -> Region:
    """Ask Azure about a region; what it refuses to tell, or cannot tell now, is told in turn."""
    try:
        return _region(outside.groups(scope), spec, location)
    except (BusyError, RefusedError) as error:
        message = public_text(error.message)[:_MAX_MESSAGE_CHARS]
        return Region(name=location, error=(error.code, message))


def _region(groups: ContainerGroups, spec: JobSpec, location: str) -> Region:
    most = largest(spec, groups.capabilities(location))
    return Region(
        name=location,
        needs=needs(spec, groups.usages(location)),
        most=most,
        is_too_large=most is not None and is_too_large(spec, most),
    )


def whole(regions: tuple[Region, ...]) -> Region:
    """Return a region as the subscription shows it that has most room there for the job.

    Args:
        regions: The region as each subscription shows it; at least one.
    """
    best = _chosen(regions)
    with_room = sum(region.fits is True for region in regions)
    return replace(best, subscriptions=len(regions), with_room=with_room)


def forecast(outside: Outside, spec: JobSpec, regions: tuple[Region, ...]) -> dict[str, Any]:
    """Return what would become of the job, as the API shows it.

    Args:
        outside: The outside.
        spec: The job.
        regions: Its candidates, in their order, each as a whole; at least one.
    """
    policy = outside.job_policy()
    hourly_usd, deadline_s = usd_per_hour(spec, policy.prices), run_deadline_s(spec, policy.prices)
    return {
        "spec": _without_values(spec).to_json(),
        "location": _chosen(regions).name,
        "pricePerHourUsd": round(hourly_usd, 6),
        "runDeadlineSeconds": deadline_s,
        "costAtRunDeadlineUsd": cost_usd(hourly_usd, deadline_s),
        "refusals": [vars(refusal) for refusal in (*refusals(spec, policy), *_too_large(regions))],
        "quota": {region.name: region.shown() for region in regions},
    }


def _chosen(regions: tuple[Region, ...]) -> Region:
    """Return the first region that has room; else the first that is not known to have none."""
    for is_wanted in _PREFERENCES:
        found = next(filter(is_wanted, regions), None)
        if found is not None:
            return found
    return regions[0]


_PREFERENCES: Iterable[Callable[[Region], bool]] = (
    lambda region: region.fits is True,
    lambda region: region.fits is None,
    lambda region: not region.is_too_large,
)


def _too_large(regions: tuple[Region, ...]) -> list[Refusal]:
    """Return what Azure would refuse in every region."""
    if not all(region.is_too_large for region in regions):
        return []
    sizes = [(region.name, region.most) for region in regions if region.most is not None]
    told = "; ".join(f"{name} {m.max_cpu:g} cores and {m.max_memory_gb:g} GB" for name, m in sizes)
    detail = f"the group is larger than any can be where it may run: at most {told}"
    return [Refusal(pointer="#/locations", detail=detail, rule="capabilities")]


def _without_values(spec: JobSpec) -> JobSpec:
    return spec.map_secrets(
        lambda _, secret: secret if secret.is_reference else Secret.of_value(HIDDEN)
    )
