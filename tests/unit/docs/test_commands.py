"""Every command in the documentation is run by a test, or has a reason not to be."""

from __future__ import annotations

import pytest

from guide import Step, steps_of
from guides_run import ON_THEIR_OWN, ROOT, reason_of, steps_left_out


def test_every_command_of_the_documentation_is_run_or_has_a_reason() -> None:
    """A new one must be runnable, or its reason be added."""
    assert [f"{step.where}: {step.command}" for step in steps_left_out()] == []


def test_pages_with_a_test_of_their_own_are_there() -> None:
    """And have commands."""
    assert all(steps_of(ROOT / page) for page in ON_THEIR_OWN)


@pytest.mark.parametrize(
    ("shown", "output", "is_it"),
    [
        ("a\nb", "a\n  b\n", "yes"),
        ('{"id": "…", …}', '{"id": "j-1", "state": "Running"}', "yes"),
        ('{"id": "…", …}', '{"state": "Running"}', "no"),
        ("a.c", "abc", "no"),
        ("0", "10", "no"),
    ],
)
def test_what_a_page_shows_is_compared_with_what_comes(shown: str, output: str, is_it: str) -> None:
    """But for blanks, and for what the page leaves out."""
    assert Step(command="true", shown=shown, where="").is_as_shown(output) is (is_it == "yes")


@pytest.mark.parametrize(
    ("command", "reason"),
    [("curl -s $URL", ""), ("azd up", "of Azure"), ("KEY=$(az functionapp keys list)", "of Azure")],
)
def test_commands_of_azure_are_not_run(command: str, reason: str) -> None:
    """Their parsers are asked instead."""
    assert reason_of(Step(command=command, shown="", where="")) == reason
