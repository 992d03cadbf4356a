"""Settings of Azure Resource Manager."""

from __future__ import annotations

from pydantic import Field

from acijobs.settings.concern import Concern, HttpsUrl


class ArmSettings(Concern):
    """The service that groups are asked of.

    Attributes:
        endpoint: `ArmEndpoint`: another one in sovereign clouds.
        given_scope: `ArmScope`, empty where it is not set.
    """

    endpoint: HttpsUrl = Field(
        "https://management.azure.com", alias="ArmEndpoint", description="an https:// URL"
    )
    given_scope: str = Field("", alias="ArmScope", description="an OAuth scope")

    @property
    def scope(self) -> str:
        """The OAuth scope of its tokens; it follows the endpoint, unless it is set."""
        return self.given_scope or f"{self.endpoint}/.default"
