from __future__ import annotations

import resource
import threading
from typing import TYPE_CHECKING

import pytest

from acijobs.domain.errors import ArchiveConflictError, StorageError
from acijobs.logs.folder import FolderArchive
from acijobs.logs.text import ArchivedPart
from acijobs.logs.window import ArchivedEnd

if TYPE_CHECKING:
    from pathlib import Path


KEY = "render-42/1-k3f9x2m7q1/job"


def test_a_log_that_was_never_written_is_empty(tmp_path: Path) -> None:
    """Also where the folder does not exist yet; reading makes none."""
    archive = FolderArchive(tmp_path / "deep" / "logs")
    assert archive.read_end(KEY, 10) == ArchivedEnd(size_bytes=0, data=b"")
    assert not (tmp_path / "deep").exists()


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    """The end of it, and how large it is."""
    archive = FolderArchive(tmp_path / "logs")
    archive.append(KEY, 0, b"one\n")
    archive.append(KEY, 4, b"two\n")
    assert archive.read_end(KEY, 100) == ArchivedEnd(size_bytes=8, data=b"one\ntwo\n")
    assert archive.read_end(KEY, 3) == ArchivedEnd(size_bytes=8, data=b"wo\n")


@pytest.mark.parametrize("at_byte", [0, 3, 5])
def test_an_append_somewhere_else_is_a_conflict(tmp_path: Path, at_byte: int) -> None:
    """Somebody else wrote meanwhile; nothing is written."""
    archive = FolderArchive(tmp_path)
    archive.append(KEY, 0, b"one\n")
    with pytest.raises(ArchiveConflictError):
        archive.append(KEY, at_byte, b"two\n")
    assert archive.read_end(KEY, 100).data == b"one\n"


def test_of_many_writers_at_once_one_succeeds(tmp_path: Path) -> None:
    """The lock and the size together make the append a compare-and-set."""
    archive, won = FolderArchive(tmp_path), []
    gate = threading.Barrier(8)

    def write(number: int) -> None:
        gate.wait(10)
        try:
            archive.append(KEY, 0, b"%d" % number * 100_000)
        except ArchiveConflictError:
            return
        won.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert len(won) == 1
    assert archive.read_end(KEY, 10**6).data == b"%d" % won[0] * 100_000


def test_a_full_disk_leaves_no_half_of_an_append(tmp_path: Path) -> None:
    """What was written of it is taken back, and the log can be appended to later."""
    archive = FolderArchive(tmp_path)
    archive.append(KEY, 0, b"one\n")
    # The kernel writes what fits and refuses the rest, as on a full disk.
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, unlimited[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            archive.append(KEY, 4, b"a long line\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert archive.read_end(KEY, 100) == ArchivedEnd(size_bytes=4, data=b"one\n")
    archive.append(KEY, 4, b"two\n")


@pytest.mark.parametrize("known_bytes", [0, 3, 8, 100])
def test_the_end_is_right_whatever_was_known_of_it(tmp_path: Path, known_bytes: int) -> None:
    """A file's size costs nothing to learn."""
    archive = FolderArchive(tmp_path)
    archive.append(KEY, 0, b"one\ntwo\n")
    end = archive.read_end(KEY, 4, known_bytes=known_bytes)
    assert end == ArchivedEnd(size_bytes=8, data=b"two\n")
    assert archive.read_end("a/b", 4, known_bytes=known_bytes).size_bytes == 0


def test_each_attempt_and_container_has_a_file_of_its_own(tmp_path: Path) -> None:
    """The user's alone, with all folders that were made for it."""
    folder = tmp_path / "deep" / "logs"
    archive = FolderArchive(folder)
    archive.append(KEY, 0, b"one\n")
    archive.append("render-42/2-p0d8e1z4w6/job", 0, b"two\n")
    assert archive.read_end(KEY, 10).data == b"one\n"
    assert (folder / f"{KEY}.log").read_bytes() == b"one\n"
    made = [tmp_path / "deep", *(tmp_path / "deep").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {0o700}
    assert [path.stat().st_mode & 0o777 for path in made if path.is_file()] == [0o600] * 2


@pytest.mark.parametrize("key", ["", "../x", "a/../b", "a//b", "/a", "a/", ".", "x\0y", "é", "a\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    """Keys are made of validated ids; nothing leads out of the folder."""
    archive = FolderArchive(tmp_path / "logs")
    with pytest.raises(ValueError, match="not the key of a log"):
        archive.append(key, 0, b"x")
    with pytest.raises(ValueError, match="not the key of a log"):
        archive.read_end(key, 10)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_an_error_of_storage(tmp_path: Path) -> None:
    """Not a crash of whoever asks."""
    (tmp_path / "logs").touch()
    archive = FolderArchive(tmp_path / "logs")
    with pytest.raises(StorageError):
        archive.append(KEY, 0, b"x")
    with pytest.raises(StorageError):
        archive.read_end(KEY, 10)


def test_any_range_of_a_log_is_read(tmp_path: Path) -> None:
    """With the size of the whole; an empty one behind the end, or where there is no log."""
    archive = FolderArchive(tmp_path)
    assert archive.read_range(KEY, 0, 10) == ArchivedPart(size_bytes=0, offset=0, data=b"")
    archive.append(KEY, 0, b"one\ntwo\n")
    for offset, size, data in (
        (0, 3, b"one"),
        (4, 99, b"two\n"),
        (8, 9, b""),
        (99, 9, b""),
        (3, 0, b""),
    ):
        part = archive.read_range(KEY, offset, size)
        assert part == ArchivedPart(size_bytes=8, offset=offset, data=data)


def test_all_logs_of_a_job_are_found_and_deleted(tmp_path: Path) -> None:
    """Of every attempt and container, and of no other job; no empty folder is left."""
    archive = FolderArchive(tmp_path)
    keys = ("j/1-aaaaaaaaaa/job", "j/1-aaaaaaaaaa/side", "j/2-bbbbbbbbbb/job")
    assert archive.keys("j") == ()
    for key in (*keys, "jj/1-aaaaaaaaaa/job"):
        archive.append(key, 0, b"one\n")
    assert archive.keys("j") == keys
    for key in keys:
        archive.remove(key)
        archive.remove(key)
    assert archive.keys("j") == ()
    assert [path.name for path in tmp_path.iterdir()] == ["jj"]


@pytest.mark.parametrize("job_id", ["", "..", "a/b", "/a", "a_b"])
def test_what_is_no_id_has_no_logs_to_delete(tmp_path: Path, job_id: str) -> None:
    """Nothing leads out of the folder, and an empty id is not everybody's."""
    with pytest.raises(ValueError, match="not the id of a job"):
        FolderArchive(tmp_path).keys(job_id)
