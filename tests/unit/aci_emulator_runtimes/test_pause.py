"""The program that holds a group's network."""

from __future__ import annotations

import io
import platform
import struct
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from aci_emulator.runtimes.contract import RuntimeRefusalError
from aci_emulator.runtimes.docker.pause import pause_image


def program(architecture: str) -> bytes:
    """Return the program of the image."""
    _, root = pause_image(architecture)
    with tarfile.open(fileobj=io.BytesIO(root)) as tar:
        file = tar.extractfile("pause")
        assert file is not None
        return file.read()


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", 62), ("arm64", 183)])
def test_it_is_an_executable_for_the_engines_machine(architecture: str, machine: int) -> None:
    """One loaded segment that holds the whole file and its entry point."""
    data = program(architecture)
    kind, found, _, entry, table = struct.unpack_from("<HHIQQ", data, 16)
    assert (data[:4], kind, found, table) == (b"\x7fELF", 2, machine, 64)
    segment = struct.unpack_from("<IIQQQQQQ", data, table)
    assert segment[:3] == (1, 5, 0)
    assert segment[3] <= entry < segment[3] + segment[5] == segment[3] + len(data)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="runs the x86-64 program")
def test_it_sleeps_until_it_is_killed(tmp_path: Path) -> None:
    """It neither ends nor burns a core."""
    path = tmp_path / "pause"
    path.write_bytes(program("x86_64"))
    path.chmod(0o755)
    with subprocess.Popen([path]) as sleeping:
        about = Path("/proc") / str(sleeping.pid) / "stat"
        give_up_at = time.monotonic() + 60
        while about.read_text().split()[2] != "S":
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
        with pytest.raises(subprocess.TimeoutExpired):
            sleeping.wait(0.3)
        ticks = about.read_text().split()
        sleeping.kill()
    assert ticks[2] == "S"
    assert int(ticks[13]) + int(ticks[14]) == 0


def test_the_tag_follows_from_the_program() -> None:
    """A changed program is another image; names of one machine mean the same image."""
    assert pause_image("x86_64") == pause_image("amd64")
    assert pause_image("aarch64")[0].startswith("arm64-")
    assert pause_image("amd64")[0] != pause_image("arm64")[0]


def test_an_unknown_machine_is_refused() -> None:
    """The refusal names it."""
    with pytest.raises(RuntimeRefusalError, match="s390x"):
        pause_image("s390x")
