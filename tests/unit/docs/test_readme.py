"""README shows the call first."""

from __future__ import annotations

from pathlib import Path

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")


def test_the_call_is_within_the_first_forty_lines() -> None:
    """A POST with a job, the URL that follows it, and the two commands before them."""
    screen = "\n".join(README.splitlines()[:40])
    for shown in ("make demo", "make up", "curl -X POST", '"image":', "curl -i", "curl -X DELETE"):
        assert shown in screen


def test_a_newcomer_is_two_steps_from_any_behaviour() -> None:
    """README leads to the map, the map to file and function."""
    assert "(docs/architecture.md)" in README
