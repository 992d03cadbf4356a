from __future__ import annotations

import os
import threading
import uuid
from typing import TYPE_CHECKING

import pytest
from azure.storage.blob import ContainerClient

from acijobs.archive.blob import CONTAINER, BlobArchive
from acijobs.domain.errors import ArchiveConflictError
from acijobs.domain.log_window import ArchivedEnd

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTION = os.environ.get("ACIJOBS_AZURITE", "")

pytestmark = [
    pytest.mark.azurite,
    pytest.mark.skipif(
        not CONNECTION,
        reason="set ACIJOBS_AZURITE to a connection string of Azurite's blob service",
    ),
]


@pytest.fixture
def container() -> Iterator[ContainerClient]:
    """A container of this test's own, which does not exist yet."""
    name = f"logs-{uuid.uuid4().hex}"
    with ContainerClient.from_connection_string(CONNECTION, name) as client:
        yield client
        if client.exists():
            client.delete_container()


@pytest.fixture
def archive(container: ContainerClient) -> BlobArchive:
    return BlobArchive(container)


def test_a_log_that_was_never_written_is_empty(archive: BlobArchive) -> None:
    """Also where the container does not exist yet."""
    assert archive.read_end("j", 10) == ArchivedEnd(size_bytes=0, data=b"")


def test_what_is_appended_is_read_again(archive: BlobArchive) -> None:
    """The first append makes container and blob."""
    archive.append("j", 0, b"one\n")
    archive.append("j", 4, b"two\n")
    assert archive.read_end("j", 100) == ArchivedEnd(size_bytes=8, data=b"one\ntwo\n")
    assert archive.read_end("j", 3) == ArchivedEnd(size_bytes=8, data=b"wo\n")


def test_a_blob_without_a_byte_is_an_empty_log(
    archive: BlobArchive, container: ContainerClient
) -> None:
    """A worker may have died between making the blob and the first append."""
    container.create_container()
    container.get_blob_client("j.log").create_append_blob()
    assert archive.read_end("j", 10) == ArchivedEnd(size_bytes=0, data=b"")
    archive.append("j", 0, b"one\n")
    assert archive.read_end("j", 10).data == b"one\n"


@pytest.mark.parametrize("at_byte", [0, 3, 5])
def test_an_append_somewhere_else_is_a_conflict(archive: BlobArchive, at_byte: int) -> None:
    """The service itself refuses it; nothing is written."""
    archive.append("j", 0, b"one\n")
    with pytest.raises(ArchiveConflictError):
        archive.append("j", at_byte, b"two\n")
    assert archive.read_end("j", 100).data == b"one\n"


def test_more_than_one_block_is_appended_in_blocks(archive: BlobArchive) -> None:
    """A block has 4 MiB at most, a first window may be as large and carry a mark."""
    data = os.urandom(5 * 1024 * 1024)
    archive.append("j", 0, data)
    end = archive.read_end("j", 64 * 1024)
    assert end == ArchivedEnd(size_bytes=len(data), data=data[-64 * 1024 :])


def test_of_many_first_writers_at_once_one_succeeds(
    archive: BlobArchive, container: ContainerClient
) -> None:
    """Container and blob are made once, and nobody's blob is made anew over another's."""
    gate, won, failed = threading.Barrier(6), list[int](), list[BaseException]()

    def write(number: int) -> None:
        gate.wait(10)
        try:
            archive.append("j", 0, b"%d" % number * 1000)
        except ArchiveConflictError:
            return
        except Exception as error:  # noqa: BLE001 - reported by the assertion below
            failed.append(error)
            return
        won.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert failed == []
    assert len(won) == 1
    assert archive.read_end("j", 10_000).data == b"%d" % won[0] * 1000


@pytest.mark.parametrize("job_id", ["a/b", "é ü", "a?b#c", "A%2fB", "../x", "a.", "a\\b"])
def test_an_odd_id_is_one_blob_of_its_own(
    archive: BlobArchive, container: ContainerClient, job_id: str
) -> None:
    """Instances started past our API may have any id."""
    archive.append(job_id, 0, b"x")
    archive.append("other", 0, b"y")
    assert archive.read_end(job_id, 10).data == b"x"
    assert len(list(container.list_blob_names())) == 2


def test_a_connection_string_is_enough() -> None:
    """The logs are in a container of the app's own storage."""
    job_id = uuid.uuid4().hex
    archive = BlobArchive.from_connection_string(CONNECTION)
    archive.append(job_id, 0, b"one\n")
    with ContainerClient.from_connection_string(CONNECTION, CONTAINER) as container:
        blob = container.get_blob_client(f"{job_id}.log")
        assert blob.download_blob().readall() == b"one\n"
        blob.delete_blob()
