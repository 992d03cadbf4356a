"""Limits of the process runtime, on systems this machine is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aci_emulator.runtimes.process import cgroup
from aci_emulator.runtimes.process.cgroup import ControlGroup

LOCAL = Path(cgroup.__file__).resolve().parents[3]
MEMORY = 64 << 20


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A control group file system of plain files; what `own` holds says where we are in it."""
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "_OWN", tmp_path / "own")
    return tmp_path


def test_version_2_with_delegated_controllers(system: Path) -> None:
    """One group holds both limits, below our own."""
    (system / "own").write_text("0::/user/app\n")
    parent = system / "user" / "app"
    parent.mkdir(parents=True)
    (parent / "cgroup.subtree_control").write_text("cpu io memory pids\n")
    group = ControlGroup("aci-x", cpu=1.5, memory_bytes=MEMORY)
    assert group.folders == [parent / "aci-x"]
    assert group.limits_memory
    assert (parent / "aci-x" / "cpu.max").read_text() == "150000 100000"
    assert (parent / "aci-x" / "memory.max").read_text() == str(MEMORY)


def test_version_2_without_them(system: Path) -> None:
    """No group is made where it could not limit anything."""
    (system / "own").write_text("0::/user/app\n")
    parent = system / "user" / "app"
    parent.mkdir(parents=True)
    (parent / "cgroup.subtree_control").write_text("pids\n")
    group = ControlGroup("aci-x", cpu=1, memory_bytes=MEMORY)
    assert (group.folders, group.limits_memory) == ([], False)


def test_version_1_with_joined_controllers(system: Path) -> None:
    """Each hierarchy gets a group, wherever we are in it."""
    (system / "own").write_text("4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n")
    (system / "memory" / "m").mkdir(parents=True)
    (system / "cpu,cpuacct" / "c").mkdir(parents=True)
    group = ControlGroup("aci-x", cpu=0.5, memory_bytes=MEMORY)
    memory, cpu = system / "memory/m/aci-x", system / "cpu,cpuacct/c/aci-x"
    assert set(group.folders) == {memory, cpu}
    assert (memory / "memory.limit_in_bytes").read_text() == str(MEMORY)
    assert (cpu / "cpu.cfs_quota_us").read_text() == "50000"


def test_a_system_without_control_groups(system: Path) -> None:
    """Nothing is made, nothing is counted, and removal is no error."""
    group = ControlGroup("aci-x", cpu=1, memory_bytes=MEMORY)
    group.add(1)
    group.remove()
    assert (group.folders, group.limits_memory, group.oom_kills()) == ([], False, 0)


@pytest.mark.parametrize(
    ("name", "text", "kills"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 0\n", 2),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1),
        ("memory.events", "low 0\noom_kill 0\n", 0),
    ],
)
def test_kills_for_want_of_memory_are_counted(
    tmp_path: Path, name: str, text: str, kills: int
) -> None:
    """In both versions' own file."""
    group = ControlGroup.__new__(ControlGroup)
    group.folders = [tmp_path]
    (tmp_path / name).write_text(text)
    assert group.oom_kills() == kills


def test_without_a_group_data_is_limited_per_process() -> None:
    """An allocation beyond the limit fails; a large reservation of mere addresses does not."""
    program = (
        "import mmap\n"
        "from aci_emulator.runtimes.process.supervisor import _limit\n"
        f"_limit({{'memory_bytes': {MEMORY}}}, by_group=False)\n"
        "mmap.mmap(-1, 1 << 33, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)\n"
        "try:\n"
        "    bytearray(200 << 20)\n"
        "except MemoryError:\n"
        "    raise SystemExit(42)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=LOCAL, check=False)
    assert ended.returncode == 42
