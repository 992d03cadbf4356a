"""What the guides show of refusals is what the app answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from acijobs.domain.cost import Prices
from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec.job import parse
from acijobs.domain.spec.policy import refusals
from acijobs.settings.policy import PolicySettings
from acijobs.settings.reading import read

GUIDES = Path(__file__).parents[3] / "docs" / "guides"


def blocks(page: str, language: str) -> list[str]:
    """Return the page's blocks of code in this language."""
    text = (GUIDES / f"{page}.md").read_text("utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [str(block) for block in found]


def test_a_wrong_job_is_refused_in_the_words_of_the_guide() -> None:
    """With a volume for a container that it does not have, and a variable that it has twice."""
    job, answer = (json.loads(block) for block in blocks("describe-a-job", "json"))
    job["volumes"][0]["containers"] = ["main"]
    job["secrets"]["PGHOST"] = {"appSetting": "JobSecret_Host"}
    with pytest.raises(InvalidSpecError) as refused:
        parse(job)
    told = [{"pointer": each.pointer, "detail": each.detail} for each in refused.value.violations]
    assert told == answer["errors"]


def settings_of(block: str) -> dict[str, str]:
    """Return the settings of a block with a name and a value on each line."""
    return dict(line.split(maxsplit=1) for line in block.splitlines())


def test_a_job_that_breaks_rules_is_refused_in_the_words_of_the_guide() -> None:
    """With the settings that the page shows."""
    [settings] = blocks("policy", "")
    [answer] = (json.loads(block) for block in blocks("policy", "json"))
    rules = read(PolicySettings, settings_of(settings))
    policy = rules.policy(Prices(), own_locations=("westeurope",))
    job: dict[str, Any] = {"image": "alpine", "cpu": 16, "maxCostUsd": 5}
    job["timeouts"] = {"runSeconds": 14_400}
    told = [
        {"pointer": each.pointer, "detail": each.detail, "rule": each.rule}
        for each in refusals(parse(job), policy)
    ]
    assert told == answer["errors"]
