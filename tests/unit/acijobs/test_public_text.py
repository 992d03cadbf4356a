"""What users are shown of errors, and what a console is shown of users."""

from __future__ import annotations

import json
import logging

import pytest
from azure.core.exceptions import ServiceRequestError

from acijobs.aci.error_map import service_error
from acijobs.domain.messages import Busy
from acijobs.domain.public_text import without_paths
from acijobs.log_lines import tell
from acijobs.orchestrations.waiting import reply_of


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
