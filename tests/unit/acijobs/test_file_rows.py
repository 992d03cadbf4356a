from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from acijobs.domain.errors import StorageError
from acijobs.rows.file import FILE, FileRows
from acijobs.usecases.ports import StoredRow
from row_stores import FileStore, a_full_row, a_row, spec_of

ROOT = Path(__file__).parents[3]


def test_the_file_of_rows_is_the_users_alone(tmp_path: Path) -> None:
    """Folder, file, and what SQLite puts beside it while it is in use."""
    store = FileStore(tmp_path / "rows")
    rows = store.open()
    rows.insert(a_row(), {})
    with closing(sqlite3.connect(store.folder / FILE)) as file:
        file.execute("SELECT 1 FROM jobs").fetchone()
        modes = {path.name: path.stat().st_mode & 0o777 for path in store.folder.iterdir()}
    assert modes == dict.fromkeys((FILE, f"{FILE}-wal", f"{FILE}-shm"), 0o600)
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_a_hundred_changes_at_once_all_have_their_turn(tmp_path: Path) -> None:
    """As a burst of jobs on one host."""
    rows = FileRows(tmp_path)

    def run(number: int) -> None:
        stored = rows.insert(a_row(f"job-{number:03}"), {})
        for offer in range(2, 5):
            stored = rows.swap(stored, replace(stored.row, offer=offer))

    with ThreadPoolExecutor(100) as threads:
        list(threads.map(run, range(100)))
    assert len(rows.unsettled()) == 100


def test_what_a_killed_process_changed_is_there(tmp_path: Path) -> None:
    """Also where it had no time to close anything."""
    code = f"""
import os
from pathlib import Path
from acijobs.domain.row import Row
from acijobs.rows.file import FileRows
rows = FileRows(Path({str(tmp_path)!r}))
rows.insert(Row(job_id="render-42"), {{"image": "busybox"}})
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert spec_of(FileRows(tmp_path), "render-42") == {"image": "busybox"}


def test_a_file_that_stays_locked_is_an_error_soon(tmp_path: Path) -> None:
    """Reading goes on meanwhile."""
    store = FileStore(tmp_path)
    rows = store.open()
    inserted = rows.insert(a_row(), {})
    with closing(sqlite3.connect(store.folder / FILE, isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StorageError, match="locked"):
            rows.swap(inserted, a_full_row())
        assert time.monotonic() - began < 20  # and not a turn's time
        assert rows.read("render-42") == inserted


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\0" * 4_000])
def test_a_spoilt_file_is_an_error_and_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """Nothing is made in its place: the jobs in it may be saved by hand."""
    (tmp_path / FILE).write_bytes(content)
    rows = FileRows(tmp_path)
    for call in (
        rows.store,
        rows.unsettled,
        lambda: rows.insert(a_row(), {}),
        lambda: rows.read("render-42"),
        lambda: spec_of(rows, "render-42"),
        lambda: rows.swap(StoredRow(row=a_row(), version="1"), a_full_row()),
    ):
        with pytest.raises(StorageError):
            call()
    assert (tmp_path / FILE).read_bytes() == content


def test_a_half_written_file_is_an_error(tmp_path: Path) -> None:
    """As a copy that was cut short."""
    rows = FileRows(tmp_path)
    for number in range(50):
        rows.insert(a_row(f"job-{number}"), {"a": os.urandom(2_000).hex()})
    rows.close()
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    unreadable = 0
    for number in range(50):
        try:
            assert spec_of(rows, f"job-{number}")
        except StorageError:
            unreadable += 1
    assert unreadable > 0


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """Not a crash of whoever asks; its text, which callers see, names no file of the server."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="the file of rows: Not a directory") as told:
        FileRows(tmp_path / "file" / "rows").read("render-42")
    assert str(tmp_path) not in told.value.message
