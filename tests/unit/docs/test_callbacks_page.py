"""What docs/guides/callbacks.md says of verifying a message is true: its code is run."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.callback.signing import read_key, signed
from acijobs.domain.callback.state import PAUSES_S
from scripted_callbacks import CALLBACK_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[3] / "docs" / "guides" / "callbacks.md").read_text("utf-8")
BODY = b'{"id": "x", "time": "2026-11-26T05:20:00Z"}\n'


def code(language: str) -> str:
    """Return the page's block of code in this language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def headers(sent_s: int) -> dict[str, str]:
    return signed(read_key(CALLBACK_KEY), "msg", sent_s, BODY)


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The page's own function."""
    names: dict[str, Any] = {}
    exec(compile(code("python"), "callbacks.md", "exec"), names)
    found: Callable[..., bool] = names["is_genuine"]
    return found


def test_the_python_code_takes_what_we_sign(is_genuine: Callable[..., bool]) -> None:
    """And refuses another body, another key, and what is old."""
    now = int(time.time())
    assert is_genuine(CALLBACK_KEY, headers(now), BODY)
    assert not is_genuine(CALLBACK_KEY, headers(now), BODY + b" ")
    assert not is_genuine("whsec_" + "A" * 40, headers(now), BODY)
    assert not is_genuine(CALLBACK_KEY, headers(now - 301), BODY)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on the PATH")
def test_the_shell_code_makes_the_same_signature(tmp_path: Path) -> None:
    """With openssl."""
    (tmp_path / "body.json").write_bytes(BODY)
    told = headers(1_795_672_800)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "CALLBACK_KEY": CALLBACK_KEY,
        "WEBHOOK_ID": told["webhook-id"],
        "WEBHOOK_TIMESTAMP": told["webhook-timestamp"],
    }
    made = subprocess.run(
        ["bash", "-c", code("bash")],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert made.stdout.strip() == told["webhook-signature"]


def test_the_pauses_are_those_of_the_code() -> None:
    """In its words."""
    told = "after 5 s, 20 s and 1 min, then after 5 and 15 min, 1, 2, 4, 8 and 8 hours"
    assert told in PAGE
    minutes, hours = 60.0, 3_600.0
    assert (
        *(5.0, 20.0, 1 * minutes),
        *(5 * minutes, 15 * minutes),
        *(1 * hours, 2 * hours, 4 * hours, 8 * hours, 8 * hours),
    ) == PAUSES_S
