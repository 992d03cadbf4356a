"""Settings of the scope in which container groups are created."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from acijobs.settings.concern import Concern


class ScopeSettings(Concern):
    """The scope of new container groups.

    Attributes:
        subscription_id: `AZURE_SUBSCRIPTION_ID`.
        resource_group: `ResourceGroupName`.
        location: `Location`: the Azure region, like `westeurope`.
        app_name: `AppName`, else the function app's own name: marks this app's container groups.
            Outside Azure, where a function app has no name, `acijobs`.
    """

    subscription_id: str = Field(
        alias="AZURE_SUBSCRIPTION_ID",
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        description="a subscription's GUID",
    )
    resource_group: str = Field(
        alias="ResourceGroupName",
        pattern=r"^[-\w._()]{0,89}[-\w_()]$",
        description="a resource group",
    )
    location: str = Field(
        alias="Location",
        pattern="^[a-z0-9]+$",
        description="a region's short name, like 'westeurope'",
    )
    app_name: str = Field(
        "acijobs",
        validation_alias=AliasChoices("AppName", "WEBSITE_SITE_NAME"),
        description="an app's name",
    )
