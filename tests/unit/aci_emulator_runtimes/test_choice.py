"""Which runtime `auto` takes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from aci_emulator.runtimes.choice import choose_runtime
from aci_emulator.runtimes.contract import RuntimeRefusalError
from runtime_trials import require_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def silent_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A DOCKER_HOST that accepts connections and never answers."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield listening


def test_auto_is_process_when_no_engine_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so, and where it looked."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    runtime, why = choose_runtime("auto", tmp_path)
    assert runtime.name == "process"
    assert "no isolation" in why
    assert f"{tmp_path}/none.sock" in why


def test_auto_does_not_wait_for_a_silent_engine(
    tmp_path: Path, silent_engine: socket.socket
) -> None:
    """A socket that nobody serves costs about a second, not a minute."""
    began = time.monotonic()
    runtime, _ = choose_runtime("auto", tmp_path)
    assert runtime.name == "process"
    assert time.monotonic() - began < 20
    silent_engine.accept()[0].close()  # it was asked


def test_docker_is_refused_when_no_engine_answers(
    tmp_path: Path, silent_engine: socket.socket
) -> None:
    """Asked for by name, it is never replaced by something else."""
    with pytest.raises(RuntimeRefusalError, match="no container engine answers") as caught:
        choose_runtime("docker", tmp_path)
    assert f"unix://{silent_engine.getsockname()}" in str(caught.value)
    assert "start Docker or Podman" in str(caught.value)


def test_a_malformed_docker_host_is_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported like one that does not answer."""
    monkeypatch.setenv("DOCKER_HOST", "nonsense://x:y")
    assert choose_runtime("auto", tmp_path)[0].name == "process"


def test_process_needs_no_engine(tmp_path: Path, silent_engine: socket.socket) -> None:
    """Asked for by name, no engine is looked for."""
    assert choose_runtime("process", tmp_path)[0].name == "process"
    with pytest.raises(BlockingIOError):
        silent_engine.accept()


@pytest.mark.docker
def test_auto_is_docker_when_an_engine_answers(tmp_path: Path) -> None:
    """And says which engine, and where."""
    address = require_engine()
    runtime, why = choose_runtime("auto", tmp_path)
    assert runtime.name == "docker"
    assert address.product in why
    assert address.url in why


def test_the_sdk_is_not_loaded_before_it_is_needed(tmp_path: Path) -> None:
    """Importing the choice, as every test run does, stays quick."""
    program = "import sys, aci_emulator.runtimes.choice; sys.exit('docker' in sys.modules)"
    local = choose_runtime.__code__.co_filename.split("/aci_emulator/")[0]
    ended = subprocess.run([sys.executable, "-c", program], cwd=local, check=False)
    assert ended.returncode == 0
