"""Every command of azd that the documentation names is one that azd has, with its flags."""

from __future__ import annotations

import re

import pytest

from azd_commands import complaint_of
from azure_commands import ROOT, commands_of
from azure_plan import outputs

NAMED = commands_of("azd")


def test_azd_takes_every_command() -> None:
    """By its usage texts."""
    assert len(NAMED) > 20
    complaints = {f"{where}: {' '.join(words)}": complaint_of(words) for where, words in NAMED}
    assert {command: text for command, text in complaints.items() if text} == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "upp",
        "up now",
        "env get-value",
        "down --forced",
        "env new a --location",
        "env set A B C",
    ],
)
def test_a_wrong_command_is_seen(wrong: str) -> None:
    """So that the test above can fail."""
    assert complaint_of(wrong.split())


def test_every_value_that_is_asked_for_is_an_output_of_the_templates() -> None:
    """With the parameters of any deployment."""
    asked = {words[2] for _, words in NAMED if words[:2] == ["env", "get-value"]}
    assert asked <= set(outputs())
    assert {"APP_URL", "APP_NAME"} <= asked


def test_every_value_that_is_set_is_read_by_the_templates() -> None:
    """A misspelt one would have no effect."""
    set_ = {words[2] for _, words in NAMED if words[:2] == ["env", "set"]}
    template = (ROOT / "infra" / "main.bicepparam").read_text("utf-8")
    assert set_ <= set(re.findall(r"readEnvironmentVariable\(\s*'(\w+)'", template))
    assert "ACIJOBS_PLAN" in set_
