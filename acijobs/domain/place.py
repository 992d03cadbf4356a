"""Where a job's container group lives."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job's group lives, fixed when it was created.

    It travels with the job, so that a setting changed while the job runs does not make acijobs look
    for the group somewhere else, and leave it behind.

    Attributes:
        subscription_id: The subscription.
        resource_group: The resource group.
        app: The name of the app that marks its groups with it.
    """

    subscription_id: str
    resource_group: str
    app: str

    def to_json(self) -> dict[str, str]:
        """Return the place as JSON data."""
        return asdict(self)
