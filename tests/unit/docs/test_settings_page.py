"""docs/reference/settings.md has every setting that the code reads, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from acijobs.settings.all_concerns import ALL_CONCERNS
from acijobs.settings.concern import names_of
from stack.environment import _CHOOSABLE

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "run-locally.md"
EXAMPLE = Path(__file__).parents[3] / "local.settings.json.example"

NOT_OURS = {
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_TOKEN_CREDENTIALS",
    "FUNCTIONS_WORKER_RUNTIME",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}
"""Read by azure-identity or by the Functions host, on the page because an operator needs them."""


def settings_read() -> set[str]:
    """Return the names of the settings that the app reads."""
    return {
        name
        for concern in ALL_CONCERNS
        for field in concern.model_fields.values()
        for name in names_of(field)
    }


def settings_on(page: Path) -> set[str]:
    """Return the names in the first column of the page's tables."""
    first_cells = re.findall(r"^\| (`[^|]*`) \|", page.read_text("utf-8"), re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_setting_that_is_read_is_on_the_page() -> None:
    """And every setting on the page is read, by the app or by what it runs on."""
    assert settings_on(PAGE) == settings_read() | NOT_OURS


def test_every_setting_that_the_local_stack_passes_on_is_on_the_page_and_in_the_guide() -> None:
    """The shell's settings count only if the stack knows them."""
    assert set(_CHOOSABLE) <= settings_on(PAGE)
    guide = GUIDE.read_text("utf-8")
    assert [name for name in _CHOOSABLE if f"`{name}`" not in guide] == []


def test_every_setting_of_the_example_is_on_the_page() -> None:
    """What a developer copies is explained."""
    names = set(re.findall(r'^    "(\w+)":', EXAMPLE.read_text("utf-8"), re.MULTILINE))
    assert names
    assert names <= settings_on(PAGE)
