"""`make accept` checks an app that asks for keys, as one in Azure does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
VENV = Path(sys.executable).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    options = StackOptions(
        app=ROOT,
        state=tmp_path_factory.mktemp("accept"),
        port=0,
        arm_port=0,
        host_options=("--require-keys",),
    )
    with LocalStack(options) as running:
        yield running


def accept(url: str, key: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of its tests."""
    command = ["make", "-o", f"{VENV}/.installed", f"VENV={VENV}", "accept", "TEST_WORKERS=0"]
    command += [f"URL={url}", f"KEY={key}", "OPTIONS=-k a_repeated_request"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_with_the_key_it_checks_the_app_and_does_not_show_the_key(stack: LocalStack) -> None:
    """A key of the host is good for every function."""
    keys = json.loads((stack.options.state / "functions-host" / "keys.json").read_text("utf-8"))
    ended = accept(stack.base_url, keys["host"])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert keys["host"] not in ended.stdout + ended.stderr


def test_without_the_key_it_says_what_is_missing(stack: LocalStack) -> None:
    """At once, and not by every test that fails."""
    ended = accept(stack.base_url)
    assert ended.returncode != 0
    assert "asks for its key: make accept URL=... KEY=..." in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "no app answers at URL: GET http://127.0.0.1:1/api/jobs was not"),
        ("127.0.0.1:7071", "URL is '127.0.0.1:7071', which must begin with https://"),
    ],
    ids=["nobody there", "no scheme"],
)
def test_a_wrong_url_is_named_at_once(url: str, said: str) -> None:
    """In a line, and not by a trace of pytest."""
    ended = accept(url)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "INTERNALERROR" not in ended.stdout + ended.stderr
