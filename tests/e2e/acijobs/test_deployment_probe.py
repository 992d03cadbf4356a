"""What azd runs after a deployment, on the local stack."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from acijobs.version import VERSION

if TYPE_CHECKING:
    from stack.local_stack import LocalStack

ROOT = Path(__file__).parents[3]


def test_the_hook_of_azd_finds_the_app_up(stack: LocalStack) -> None:
    """The very line of azure.yaml, run by a shell, with what azd puts into its environment."""
    text = (ROOT / "azure.yaml").read_text("utf-8").split("\n  postdeploy:\n")[1]
    line = next(one for one in text.splitlines() if one.strip().startswith("run:"))
    python = Path(sys.executable).parent
    done = subprocess.run(
        ["sh", "-c", line.split("run: ", 1)[1]],
        cwd=ROOT,
        env=os.environ | {"APP_URL": stack.base_url, "PATH": f"{python}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{stack.base_url} is up, version {VERSION}\n"
