"""An operator's settings, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acijobs.domain.errors import InvalidSettingsError
from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.reading import check, read

if TYPE_CHECKING:
    from acijobs.settings.concern import Concern

GOOD = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-00000000000a",
    "ResourceGroupName": "my-jobs_(1).x",
    "Location": "westeurope",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=s3cret",
}
REGIONS = (
    "a region's short name, like 'westeurope', or up to 10 different ones with commas between them"
)


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    """Return all that is wrong in this environment."""
    with pytest.raises(InvalidSettingsError) as raised:
        check(ALL_CONCERNS, environment)
    assert all(problem in str(raised.value) for problem in raised.value.problems)
    return raised.value.problems


def wrong(concern: type[Concern], **changes: str) -> tuple[str, ...]:
    """Return what is wrong with the settings of one concern."""
    with pytest.raises(InvalidSettingsError) as raised:
        read(concern, GOOD | changes)
    return raised.value.problems
