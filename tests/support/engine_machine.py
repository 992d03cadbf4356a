"""A second machine for a Durable engine: an owner of partitions is known by its machine's name."""

from __future__ import annotations

import shlex
import subprocess

import pytest

_SECOND = ["unshare", "--uts", "sh", "-c", 'hostname second && exec "$0" "$@"']


def on_second_machine(engine: str) -> str:
    """Return the command that runs an engine's command under another machine's name.

    The test is skipped where that needs more rights than it has.
    """
    if subprocess.run([*_SECOND, "true"], capture_output=True, check=False).returncode:
        pytest.skip("two machines' names need the rights to `unshare --uts`")
    return shlex.join([*_SECOND, *shlex.split(engine)])
