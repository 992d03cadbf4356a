from __future__ import annotations

import resource
import threading
from typing import TYPE_CHECKING

import pytest

from acijobs.archive.folder import FolderArchive
from acijobs.domain.errors import ArchiveConflictError
from acijobs.domain.log_window import ArchivedEnd

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_that_was_never_written_is_empty(tmp_path: Path) -> None:
    """Also where the folder does not exist yet; reading makes none."""
    archive = FolderArchive(tmp_path / "deep" / "logs")
    assert archive.read_end("j", 10) == ArchivedEnd(size_bytes=0, data=b"")
    assert not (tmp_path / "deep").exists()


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    """The end of it, and how large it is."""
    archive = FolderArchive(tmp_path / "logs")
    archive.append("j", 0, b"one\n")
    archive.append("j", 4, b"two\n")
    assert archive.read_end("j", 100) == ArchivedEnd(size_bytes=8, data=b"one\ntwo\n")
    assert archive.read_end("j", 3) == ArchivedEnd(size_bytes=8, data=b"wo\n")


@pytest.mark.parametrize("at_byte", [0, 3, 5])
def test_an_append_somewhere_else_is_a_conflict(tmp_path: Path, at_byte: int) -> None:
    """Somebody else wrote meanwhile; nothing is written."""
    archive = FolderArchive(tmp_path)
    archive.append("j", 0, b"one\n")
    with pytest.raises(ArchiveConflictError):
        archive.append("j", at_byte, b"two\n")
    assert archive.read_end("j", 100).data == b"one\n"


def test_of_many_writers_at_once_one_succeeds(tmp_path: Path) -> None:
    """The lock and the size together make the append a compare-and-set."""
    archive, won = FolderArchive(tmp_path), []
    gate = threading.Barrier(8)

    def write(number: int) -> None:
        gate.wait(10)
        try:
            archive.append("j", 0, b"%d" % number * 100_000)
        except ArchiveConflictError:
            return
        won.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert len(won) == 1
    assert archive.read_end("j", 10**6).data == b"%d" % won[0] * 100_000


def test_a_full_disk_leaves_no_half_of_an_append(tmp_path: Path) -> None:
    """What was written of it is taken back, and the log can be appended to later."""
    archive = FolderArchive(tmp_path)
    archive.append("j", 0, b"one\n")
    # The kernel writes what fits and refuses the rest, as on a full disk.
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, unlimited[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            archive.append("j", 4, b"a long line\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert archive.read_end("j", 100) == ArchivedEnd(size_bytes=4, data=b"one\n")
    archive.append("j", 4, b"two\n")


@pytest.mark.parametrize("job_id", ["../escape", "a/b", ".", "", "A" * 300, "é\n", "x\0y"])
def test_an_odd_id_stays_within_the_folder(tmp_path: Path, job_id: str) -> None:
    """Ids that are no file names are replaced by their digest."""
    archive = FolderArchive(tmp_path / "logs")
    archive.append(job_id, 0, b"x")
    assert archive.read_end(job_id, 10).data == b"x"
    assert len(list((tmp_path / "logs").iterdir())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_log_begins_anew_for_a_job_of_the_same_id(tmp_path: Path) -> None:
    """An id is free again after a purge; the earlier job's lines are not the new one's."""
    archive = FolderArchive(tmp_path)
    archive.start("j")
    archive.append("j", 0, b"of the first\n")
    archive.start("j")
    assert archive.read_end("j", 100).size_bytes == 0
    archive.append("j", 0, b"of the second\n")
    assert archive.read_end("j", 100).data == b"of the second\n"
