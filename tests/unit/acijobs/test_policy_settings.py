from __future__ import annotations

import pytest

from acijobs.domain.errors import InvalidSettingsError
from acijobs.domain.spec.policy import JobPolicy
from acijobs.settings.policy import PolicySettings, PriceSettings
from acijobs.settings.reading import check, read

BOTH = (PolicySettings, PriceSettings)


def test_unset_settings_are_no_rules() -> None:
    """And East US's list prices."""
    prices = read(PriceSettings, {}).prices
    assert read(PolicySettings, {}).policy(prices, own_locations=()) == JobPolicy()


@pytest.mark.parametrize("text", ["a, b", "a,b", " a  b ", "a,,b,", "a\nb"])
def test_patterns_are_separated_by_commas_or_spaces(text: str) -> None:
    """As operators write lists."""
    assert read(PolicySettings, {"AllowedImages": text}).images == ("a", "b")


def test_every_wrong_rule_is_named() -> None:
    """A rule that cannot be read must not be taken for none."""
    wrong = {
        "AllowedImages": " , ",
        "MaxCpu": "many",
        "MaxMemoryGb": "nan",
        "MaxRunSeconds": "1.5",
        "MaxAttempts": "0",
        "MaxJobCostUsd": "-1",
        "RequireCostLimit": "maybe",
        "PriceVcpuHourUsd": "-0.1",
        "PriceSpotFactor": "1.5",
    }
    with pytest.raises(InvalidSettingsError) as raised:
        check(BOTH, wrong)
    assert [problem.split()[0] for problem in raised.value.problems] == list(wrong)
