"""The managed identities that a job's containers may act as."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from acijobs.domain.spec.model import SpecModel
from acijobs.domain.spec.resource_id import IdentityId
from acijobs.domain.spec.wrong import refuse_repeated


def _has_each_once(value: list[str]) -> list[str]:
    refuse_repeated(value, "identity")
    return value


class Identity(SpecModel):
    """Managed identities of the container group.

    Attributes:
        system: Whether it gets one of its own, which lives as long as the group.
        user_assigned: Ids of identities that exist; the app needs the right to assign each.
    """

    system: bool = False
    user_assigned: Annotated[
        list[IdentityId], Field(max_length=20), AfterValidator(_has_each_once)
    ] = Field(default_factory=list)
