"""Where a job's group may be asked for: in one of the operator's scopes, and in one of the regions.

Quotas and the rates of creates belong to a subscription in a region; capacity belongs to a region. So
a refusal tells which candidates are not worth asking next.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from acijobs.domain.group import Scope
from acijobs.domain.reasons import Reason, reason_of_azure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acijobs.domain.group import GroupRef

Candidates = tuple["Candidate", ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A scope and a region in which a group may be asked for.

    Attributes:
        scope: The scope.
        location: The region.
    """

    scope: Scope
    location: str

    @classmethod
    def of(cls, group: GroupRef) -> Candidate:
        """Return where this group was asked for."""
        return cls(scope=group.scope, location=group.location)

    @property
    def name(self) -> str:
        """What a row notes it by."""
        return f"{self.scope.path}/{self.location}"


class Lack(Enum):
    """Why Azure refused a group that it might take elsewhere."""

    QUOTA = "quota"
    """The subscription may have, or ask for, no more in that region for now."""

    CAPACITY = "capacity"
    """The region has no room for now, whoever asks."""

    REGION = "region"
    """There is no such region for this subscription, and waiting makes none."""

    SCOPE = "scope"
    """The resource group is not there, or the app has no right in it."""

    @property
    def is_for_good(self) -> bool:
        """Whether the same request will not be taken later either."""
        return self in {Lack.REGION, Lack.SCOPE}


_THROTTLES = ("TooManyRequests", "SubscriptionRequestsThrottled", "HTTP 429")
_NO_REGION = (
    *("LocationNotAvailableForResourceType", "NoRegisteredProviderFound", "RegionNotSupported"),
)
_NO_SCOPE = (
    *("ResourceGroupNotFound", "ResourceGroupBeingDeleted", "SubscriptionNotFound"),
    *("ReadOnlyDisabledSubscription", "MissingSubscriptionRegistration", "AuthorizationFailed"),
)
_LACKS = {
    **dict.fromkeys(_THROTTLES, Lack.QUOTA),
    **dict.fromkeys(_NO_REGION, Lack.REGION),
    **dict.fromkeys(_NO_SCOPE, Lack.SCOPE),
}
"""Source: Resource Manager's common deployment errors; request-limits-and-throttling."""

_LACKS_BY_REASON = {Reason.QUOTA: Lack.QUOTA, Reason.CAPACITY: Lack.CAPACITY}


def lack(code: str) -> Lack | None:
    """Return what another candidate may have that the one that answered so lacks; None for nothing."""
    return _LACKS.get(code) or _LACKS_BY_REASON.get(reason_of_azure(code))


def is_for_good(code: str) -> bool:
    """Return whether whoever answered so will not take the group later either."""
    why = lack(code)
    return why is not None and why.is_for_good


def spread(scopes: Iterable[Scope], job_id: str) -> tuple[Scope, ...]:
    """Return the scopes in the order in which a job tries them: each job has its own, for good.

    The scope with the highest hash of itself and the job comes first (rendezvous hashing): jobs are
    spread evenly, and a scope that is added or removed moves no job between two others.
    """

    def weight(scope: Scope) -> bytes:
        return hashlib.sha256(f"{scope.path}:{job_id}".encode("utf-8", "replace")).digest()

    return tuple(sorted(scopes, key=weight, reverse=True))


def candidates(
    scopes: Iterable[Scope], locations: Iterable[str], job_id: str, *, subnet_id: str = ""
) -> Candidates:
    """Return where a job's group may be, the best first: each region in all scopes, then the next."""
    ordered = spread(among(scopes, subnet_id=subnet_id), job_id)
    return tuple(
        Candidate(scope=scope, location=location) for location in locations for scope in ordered
    )


def among(scopes: Iterable[Scope], *, subnet_id: str) -> tuple[Scope, ...]:
    """Return the scopes that a group may be in: one in a subnet is in the subnet's subscription.

    All of them where the operator has none there: Azure then tells what is wrong.
    Source: container-instances-vnet, learn.microsoft.com.
    """
    known = tuple(scopes)
    return tuple(one for one in known if _holds(one, subnet_id)) or known


def _holds(scope: Scope, resource_id: str) -> bool:
    return resource_id.lower().startswith(f"/subscriptions/{scope.subscription_id.lower()}/")


def ruled_out(here: Candidate, why: Lack, among: Candidates) -> tuple[str, ...]:
    """Return the names of the candidates that the refusal of one speaks of, itself among them."""
    match why:
        case Lack.SCOPE:
            alike = (one for one in among if one.scope.path == here.scope.path)
        case _:
            alike = (
                one
                for one in among
                if one.location == here.location
                and one.scope.subscription_id.lower() == here.scope.subscription_id.lower()
            )
    return tuple(dict.fromkeys((here.name, *(one.name for one in alike))))


def without_room(groups: Iterable[GroupRef], among: Candidates) -> tuple[str, ...]:
    """Return the names of the candidates where these groups found no capacity."""
    names = (ruled_out(Candidate.of(group), Lack.CAPACITY, among) for group in groups)
    return tuple(dict.fromkeys(name for each in names for name in each))


def best(left: Candidates, tried: Iterable[str], why: Lack) -> Candidate | None:
    """Return where to ask next, None where nothing is left.

    Where a region has no capacity, one comes first in which nothing was refused so far; another
    subscription in the same region comes after those.
    """
    if why is not Lack.CAPACITY:
        return next(iter(left), None)
    refused = {name.rpartition("/")[2] for name in tried}
    elsewhere = (one for one in left if one.location not in refused)
    return next(elsewhere, next(iter(left), None))
