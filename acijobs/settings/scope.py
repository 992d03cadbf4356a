"""Settings of the scopes and the regions in which container groups are created."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from acijobs.settings.concern import Concern

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP = r"[-\w._()]{0,89}[-\w_()]"
MOST_SCOPES = 20
_MOST_LOCATIONS = 10


def _entries(value: object) -> object:
    if not isinstance(value, str):
        return value
    entries = tuple(entry for part in value.split(",") if (entry := part.strip()))
    if not entries:
        raise ValueError("no entry")
    return entries


def _each_once(entries: tuple[str, ...]) -> tuple[str, ...]:
    if len({entry.lower() for entry in entries}) < len(entries):
        raise ValueError("an entry twice")
    return entries


_Scope = Annotated[str, Field(pattern=f"^{_GUID}/{_GROUP}$")]
_Location = Annotated[str, Field(pattern="^[a-z0-9]+$")]
_SCOPES = (
    f"<subscription id>/<resource group>, or up to {MOST_SCOPES} different ones with commas between "
    "them; AZURE_SUBSCRIPTION_ID and ResourceGroupName do not count beside it"
)


class ScopeSettings(Concern):
    """The scopes and regions of new container groups.

    Attributes:
        job_scopes: `JobScopes`: a list of `<subscription id>/<resource group>`; empty for the one that
            the next two name.
        subscription_id: `AZURE_SUBSCRIPTION_ID`.
        resource_group: `ResourceGroupName`.
        locations: `Location`: Azure regions, like `westeurope`, in the order in which jobs that name
            none try them.
        app_name: `AppName`, else the function app's own name: marks this app's container groups.
            Outside Azure, where a function app has no name, `acijobs`.
    """

    job_scopes: Annotated[
        tuple[_Scope, ...],
        BeforeValidator(_entries),
        Field(max_length=MOST_SCOPES),
        AfterValidator(_each_once),
    ] = Field((), alias="JobScopes", description=_SCOPES)
    subscription_id: str = Field(
        "",
        alias="AZURE_SUBSCRIPTION_ID",
        pattern=f"^{_GUID}$",
        description="a subscription's GUID",
        validate_default=True,
    )
    resource_group: str = Field(
        "",
        alias="ResourceGroupName",
        pattern=f"^{_GROUP}$",
        description="a resource group",
        validate_default=True,
    )
    locations: Annotated[
        tuple[_Location, ...],
        BeforeValidator(_entries),
        Field(max_length=_MOST_LOCATIONS),
        AfterValidator(_each_once),
    ] = Field(
        alias="Location",
        description="a region's short name, like 'westeurope', or up to "
        f"{_MOST_LOCATIONS} different ones with commas between them",
    )
    app_name: str = Field(
        "acijobs",
        validation_alias=AliasChoices("AppName", "WEBSITE_SITE_NAME"),
        description="an app's name",
    )

    @model_validator(mode="before")
    @classmethod
    def _scopes_replace_the_one(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "JobScopes" not in given:
            return given
        replaced = {"AZURE_SUBSCRIPTION_ID", "ResourceGroupName"}
        return {name: value for name, value in given.items() if name not in replaced}

    @field_validator("subscription_id", "resource_group", mode="wrap")
    @classmethod
    def _missing_without_scopes(
        cls, value: str, check: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> str:
        if value:
            return str(check(value))
        if info.data.get("job_scopes", True):  # there are some, or they are complained of
            return ""
        raise PydanticKnownError("missing")

    @property
    def scopes(self) -> tuple[tuple[str, str], ...]:
        """The subscription and the resource group of each scope."""
        listed = tuple(entry.partition("/") for entry in self.job_scopes)
        return tuple((before, after) for before, _, after in listed) or (
            (self.subscription_id, self.resource_group),
        )
