"""`make` says what a command needs before it does anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENV = Path(sys.executable).parents[1]


@pytest.mark.parametrize(
    ("target", "needed"),
    [("accept", "URL="), ("test-engine", "ENGINE="), ("fault-engine", "ENGINE=")],
)
def test_a_command_names_the_variable_that_it_lacks(target: str, needed: str) -> None:
    """Instead of checking something else, or skipping all that it has."""
    command = ["make", "-o", f"{VENV}/.installed", f"VENV={VENV}", target]
    shell = {name: value for name, value in os.environ.items() if name not in {"URL", "ENGINE"}}
    ended = subprocess.run(
        command, cwd=ROOT, env=shell, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert f"make {target} needs {needed}" in ended.stdout
