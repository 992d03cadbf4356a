"""docs/reference/settings.md has every setting that the code reads, and no other."""

from __future__ import annotations

from pathlib import Path

from documented_settings import PAGE, SETTINGS_OF_THE_HOST, settings_on, settings_read
from stack.environment import _CHOOSABLE

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "run-locally.md"


def test_every_setting_that_is_read_is_on_the_page() -> None:
    """And every setting on the page is read, by the app or by what it runs on."""
    assert settings_on(PAGE) == settings_read() | SETTINGS_OF_THE_HOST


def test_every_setting_that_the_local_stack_passes_on_is_on_the_page_and_in_the_guide() -> None:
    """The shell's settings count only if the stack knows them."""
    assert set(_CHOOSABLE) <= settings_on(PAGE)
    guide = GUIDE.read_text("utf-8")
    assert [name for name in _CHOOSABLE if f"`{name}`" not in guide] == []
