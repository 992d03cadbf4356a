"""What users are shown of errors, and what a console is shown of users."""

from __future__ import annotations

import json
import logging
from functools import reduce
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from acijobs.aci.error_map import service_error
from acijobs.domain.messages import Busy
from acijobs.domain.public_text import HIDDEN, public_text, without_paths
from acijobs.log_lines import tell
from acijobs.orchestrations.waiting import Cancellation, reply_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "[Errno 13] Permission denied: '/srv/app/rows.sqlite'",
            "[Errno 13] Permission denied: '[path]'",
        ),
        ("invalid path: /etc/ssl/ca.pem, stop", "invalid path: [path], stop"),
        ("/home/site/wwwroot/x.py:3", "[path]:3"),
        ("pull docker.io/library/alpine:3.20", "pull docker.io/library/alpine:3.20"),
        ("GET https://a.example/b/c?d=/e", "GET https://a.example/b/c?d=/e"),
        ("3 s / 4 s and 1/2", "3 s / 4 s and 1/2"),
    ],
)
def test_paths_of_the_server_are_hidden(text: str, shown: str) -> None:
    """URLs and names of images are not."""
    assert without_paths(text) == shown


def test_an_activity_that_raised_shows_no_path() -> None:
    """Whatever it raised: the text becomes what the job waits for."""
    steps = reply_of("task")
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.throw(OSError("cannot read /opt/app/ca.pem\nand more"))
    assert ended.value.value == Busy(code="ActivityFailed", message="cannot read [path]")
    steps = reply_of("task")
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.throw(ValueError(""))
    assert ended.value.value.message == "ValueError"


def test_a_network_error_shows_no_path() -> None:
    """Nor does a credential's."""
    error = service_error(ServiceRequestError("no certificate in /opt/app/ca.pem"))
    assert error.message == "no certificate in [path]"


def test_a_log_line_has_no_control_character(caplog: pytest.LogCaptureFixture) -> None:
    """An image's name may have them; whoever reads the JSON gets them back."""
    image = "alpine\x1b[2J\x9b\x7f\u202e"
    with caplog.at_level(logging.INFO, logger="acijobs"):
        tell("accepted", image=image)
    line = caplog.records[-1].getMessage()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["image"] == image


def test_a_long_word_is_read_once() -> None:
    """A job may send 64 KB of one: from each of its letters on, that would take minutes."""
    word = "a" * 60_000
    assert public_text(f"{word} apikey=x") == f"{word} {HIDDEN}"


def test_a_link_is_hidden_however_its_path_is_written() -> None:
    """The host takes `/BY/` for `/by/`."""
    token = "1rlc-t6w2kd-0-qT3hVw2c9vJ0mB4sX7yLzE5n"
    assert public_text(f"GET /api/jobs/j/BY/{token}") == f"GET /api/jobs/j/BY/{HIDDEN}"


def test_a_cancel_whose_reason_has_no_text_is_a_cancel_all_the_same() -> None:
    """Whoever may raise events may send any JSON; what raises fails the orchestration for good."""
    deep = reduce(lambda inner, _: [inner], range(5_000), ["x"])
    event = SimpleNamespace(is_completed=True, result={"reason": deep})
    context: Any = SimpleNamespace(
        wait_for_external_event=lambda _: event, current_utc_datetime=None
    )
    cancellation = Cancellation(context)
    cancellation.wait()
    assert cancellation.heard is not None
    assert cancellation.heard.why == ""
