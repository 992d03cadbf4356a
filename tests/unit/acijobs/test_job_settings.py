"""Settings of how jobs are polled, and of the job that a request need not describe."""

from __future__ import annotations

import pytest

from acijobs.settings.jobs import DefaultJobSettings, PollSettings
from acijobs.settings.reading import read, read_usable
from operators_settings import wrong


def test_the_polling_interval_has_the_bounds_that_are_set() -> None:
    """The first poll never comes later than the shortest interval."""
    bounds = {"PollMinSeconds": "0.5", "PollMaxSeconds": "10"}
    policy = read(PollSettings, bounds).policy
    assert (policy.first_poll_s, policy.min_interval_s, policy.max_interval_s) == (0.5, 0.5, 10)


@pytest.mark.parametrize(
    ("bounds", "least", "most"),
    [
        ({"PollMinSeconds": "20", "PollMaxSeconds": "10"}, "20", "10"),
        ({"PollMaxSeconds": "1"}, "2.2", "1"),
    ],
)
def test_the_bounds_of_the_polling_interval_are_in_order(
    bounds: dict[str, str], least: str, most: str
) -> None:
    """One that is not set counts too, so both are shown."""
    assert wrong(PollSettings, **bounds) == (
        f"PollMinSeconds is {least}, which is greater than PollMaxSeconds, {most}",
    )


@pytest.mark.parametrize("text", ["-1", "0", "3600.1", "inf", "nan", "often", "1 2"])
def test_seconds_are_above_zero_and_up_to_an_hour(text: str) -> None:
    """Anything else is named, with what it should be."""
    assert "PollMinSeconds" in wrong(PollSettings, PollMinSeconds=text)[0]
    assert "PollMaxSeconds" in wrong(PollSettings, PollMaxSeconds=text)[0]


@pytest.mark.parametrize(
    ("bounds", "least", "most"),
    [
        ({"PollMinSeconds": "5", "PollMaxSeconds": "10"}, 5, 10),
        ({"PollMinSeconds": "often", "PollMaxSeconds": "10"}, 2.2, 10),
        ({"PollMinSeconds": "often", "PollMaxSeconds": "1"}, 2.2, 30),
        ({"PollMinSeconds": "20", "PollMaxSeconds": "10"}, 2.2, 30),
        ({"PollMinSeconds": "0", "PollMaxSeconds": "0"}, 2.2, 30),
    ],
)
def test_a_job_that_runs_is_polled_whatever_is_set(
    bounds: dict[str, str], least: float, most: float
) -> None:
    """The default takes the place of what is wrong, and of both bounds where they contradict."""
    found = read_usable(PollSettings, bounds)
    assert (found.min_seconds, found.max_seconds) == (least, most)


def test_a_default_job_has_an_image_and_a_command() -> None:
    """The command is a JSON list, as in a request."""
    job = {"DefaultImage": "alpine", "DefaultCommand": '["sh", "-c", "x"]'}
    found = read(DefaultJobSettings, job)
    assert (found.image, found.command) == ("alpine", ("sh", "-c", "x"))


@pytest.mark.parametrize(
    "text", ['"x"', "[1]", "[1, 2]", '{"a": "b"}', "{}", "null", "[", "sh -c x", "[" * 100_000]
)
def test_any_other_default_command_is_refused(text: str) -> None:
    """Once, however much of it is wrong."""
    assert wrong(DefaultJobSettings, DefaultCommand=text) == (
        'DefaultCommand is not a JSON list of strings, like ["echo", "hello"]',
    )
