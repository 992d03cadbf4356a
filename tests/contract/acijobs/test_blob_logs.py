from __future__ import annotations

import os
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient

from acijobs.domain.errors import ArchiveConflictError, StorageError
from acijobs.logs.blob import CONTAINER, BlobArchive
from acijobs.logs.text import ArchivedPart
from acijobs.logs.window import ArchivedEnd

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTION = os.environ.get("ACIJOBS_AZURITE", "")

KEY = "a-1/1-n/job"

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


class NotingTransport(RequestsTransport):
    """Notes the method of each request, and sends it."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def send(self, request: Any, **options: Any) -> Any:
        """Note it, and send it."""
        self._seen.append(request.method)
        return super().send(request, **options)


@pytest.fixture
def seen() -> list[str]:
    """The methods of the archive's requests."""
    return []


@pytest.fixture
def archive(container: ContainerClient, seen: list[str]) -> Iterator[BlobArchive]:
    """An archive in that container, through a client of its own."""
    with ContainerClient.from_connection_string(
        CONNECTION, container.container_name, transport=NotingTransport(seen)
    ) as client:
        yield BlobArchive(client)


def test_a_log_that_was_never_written_is_empty(archive: BlobArchive) -> None:
    """Also where the container does not exist yet."""
    assert archive.read_end(KEY, 10) == ArchivedEnd(size_bytes=0, data=b"")


def test_what_is_appended_is_read_again(archive: BlobArchive) -> None:
    """The first append makes container and blob."""
    archive.append(KEY, 0, b"one\n")
    archive.append(KEY, 4, b"two\n")
    assert archive.read_end(KEY, 100) == ArchivedEnd(size_bytes=8, data=b"one\ntwo\n")
    assert archive.read_end(KEY, 3) == ArchivedEnd(size_bytes=8, data=b"wo\n")


def test_a_blob_without_a_byte_is_an_empty_log(
    archive: BlobArchive, container: ContainerClient
) -> None:
    """A worker may have died between making the blob and the first append."""
    container.create_container()
    container.get_blob_client("a-1/1-n/job.log").create_append_blob()
    assert archive.read_end(KEY, 10) == ArchivedEnd(size_bytes=0, data=b"")
    archive.append(KEY, 0, b"one\n")
    assert archive.read_end(KEY, 10).data == b"one\n"


def test_how_often_a_blob_was_appended_to_is_told(archive: BlobArchive) -> None:
    """By the service's own count: at 50,000 appends it takes no more."""
    archive.append(KEY, 0, b"one\n")
    archive.append(KEY, 4, b"two\n")
    assert archive.read_end(KEY, 100).appends == 2


@pytest.mark.parametrize("at_byte", [0, 3, 5])
def test_an_append_somewhere_else_is_a_conflict(archive: BlobArchive, at_byte: int) -> None:
    """The service itself refuses it; nothing is written."""
    archive.append(KEY, 0, b"one\n")
    with pytest.raises(ArchiveConflictError):
        archive.append(KEY, at_byte, b"two\n")
    assert archive.read_end(KEY, 100).data == b"one\n"


def test_more_than_one_block_is_appended_in_blocks(archive: BlobArchive) -> None:
    """A block has 4 MiB at most, a first window may be as large and carry a mark."""
    data = os.urandom(5 * 1024 * 1024)
    archive.append(KEY, 0, data)
    end = archive.read_end(KEY, 64 * 1024)
    assert end == ArchivedEnd(size_bytes=len(data), data=data[-64 * 1024 :])


def test_of_many_first_writers_at_once_one_succeeds(
    archive: BlobArchive, container: ContainerClient
) -> None:
    """Container and blob are made once, and nobody's blob is made anew over another's."""
    gate, won, failed = threading.Barrier(6), list[int](), list[BaseException]()

    def write(number: int) -> None:
        gate.wait(10)
        try:
            archive.append(KEY, 0, b"%d" % number * 1000)
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
    assert archive.read_end(KEY, 10_000).data == b"%d" % won[0] * 1000


def test_each_attempt_and_container_has_a_blob_of_its_own(
    archive: BlobArchive, container: ContainerClient
) -> None:
    """Named so that a person finds it."""
    keys = [
        "render-42/1-k3f9x2m7q1/job",
        "render-42/2-p0d8e1z4w6/job",
        "render-42/2-p0d8e1z4w6/s_1",
    ]
    for key in keys:
        archive.append(key, 0, key.encode())
    assert [archive.read_end(key, 100).data for key in keys] == [key.encode() for key in keys]
    assert sorted(container.list_blob_names()) == [f"{key}.log" for key in keys]


@pytest.mark.parametrize(
    "key", ["", "../x", "a/../b", "a//b", "/a", "a/", "a/.", "a?b", "a\\b", "é"]
)
def test_what_is_no_key_is_refused(archive: BlobArchive, key: str) -> None:
    """Keys are made of validated ids."""
    with pytest.raises(ValueError, match="not the key of a log"):
        archive.read_end(key, 10)
    with pytest.raises(ValueError, match="not the key of a log"):
        archive.append(key, 0, b"x")


def test_a_connection_string_is_enough() -> None:
    """The logs are in a container of the app's own storage."""
    key = f"test-{uuid.uuid4().hex}/1-n/job"
    archive = BlobArchive.from_connection_string(CONNECTION)
    archive.append(key, 0, b"one\n")
    with ContainerClient.from_connection_string(CONNECTION, CONTAINER) as container:
        blob = container.get_blob_client(f"{key}.log")
        assert blob.download_blob().readall() == b"one\n"
        blob.delete_blob()


def test_an_append_to_a_log_that_is_gone_is_a_conflict(archive: BlobArchive) -> None:
    """Only the first append makes a blob; whoever reads again finds it empty."""
    with pytest.raises(ArchiveConflictError):
        archive.append(KEY, 4, b"two\n")
    archive.append("a-1/1-n/other", 0, b"one\n")
    with pytest.raises(ArchiveConflictError):
        archive.append(KEY, 4, b"two\n")
    assert archive.read_end(KEY, 10).size_bytes == 0


LOG = b"0123456789" * 20


@pytest.mark.parametrize(
    ("known_bytes", "max_bytes", "requests"),
    [
        (200, 10, 1),  # nothing new
        (190, 10, 1),  # as much as is asked for
        (189, 10, 2),  # more
        (1, 10, 2),
        (0, 10, 2),
        (0, 100, 1),  # a short log
        (5, 100, 1),  # no more than there is before what is known
        (5, 90, 2),
        (100, 1_000, 1),
        (200, 1, 1),
        (200, 200, 1),
        (250, 100, 2),  # shorter than was known
        (250, 20, 3),  # so much that nothing is left there
        (250, 300, 1),  # all of it was read
    ],
)
def test_the_end_of_a_log_is_read_in_few_requests(
    archive: BlobArchive, seen: list[str], known_bytes: int, max_bytes: int, requests: int
) -> None:
    """One where it has not grown by more than is asked for; whatever was known, the end is right."""
    archive.append(KEY, 0, LOG)
    seen.clear()
    end = archive.read_end(KEY, max_bytes, known_bytes=known_bytes)
    assert end == ArchivedEnd(size_bytes=200, data=LOG[-max_bytes:])
    assert seen == ["GET"] * requests


def test_a_log_that_is_gone_is_empty_whatever_was_known(
    archive: BlobArchive, container: ContainerClient, seen: list[str]
) -> None:
    """Absent, or made and never written."""
    assert archive.read_end(KEY, 10, known_bytes=100) == ArchivedEnd(size_bytes=0, data=b"")
    container.create_container()
    assert archive.read_end(KEY, 10, known_bytes=5) == ArchivedEnd(size_bytes=0, data=b"")
    container.get_blob_client(f"{KEY}.log").create_append_blob()
    assert archive.read_end(KEY, 10, known_bytes=100) == ArchivedEnd(size_bytes=0, data=b"")
    assert archive.read_end(KEY, 10, known_bytes=5) == ArchivedEnd(size_bytes=0, data=b"")


def test_a_read_that_finds_more_is_the_place_to_append(archive: BlobArchive) -> None:
    """The size that is returned is where the data ends."""
    archive.append(KEY, 0, LOG)
    end = archive.read_end(KEY, 10, known_bytes=100)
    archive.append(KEY, end.size_bytes, b"more\n")
    assert archive.read_end(KEY, 5, known_bytes=end.size_bytes).data == b"more\n"


def test_other_errors_are_those_of_storage() -> None:
    """In few words, without the URL and its signature."""
    account = "BlobEndpoint=" + CONNECTION.partition("BlobEndpoint=")[2].partition(";")[0]
    refused = f"{account};SharedAccessSignature=sv=2019-02-02&sig=secret"
    with ContainerClient.from_connection_string(refused, "logs") as client:
        for call in (
            lambda: BlobArchive(client).read_end(KEY, 10),
            lambda: BlobArchive(client).append(KEY, 0, b"x"),
            lambda: BlobArchive(client).append(KEY, 5, b"x"),
        ):
            with pytest.raises(StorageError, match="HTTP 403") as raised:
                call()
            assert "secret" not in str(raised.value)
            assert raised.value.__suppress_context__


def test_any_range_of_a_log_is_read_in_one_request(archive: BlobArchive, seen: list[str]) -> None:
    """With the size of the whole; an empty one behind the end, for which the size is asked."""
    archive.append(KEY, 0, b"one\ntwo\n")
    for offset, size, data in ((0, 3, b"one"), (4, 99, b"two\n"), (7, 1, b"\n")):
        seen.clear()
        part = archive.read_range(KEY, offset, size)
        assert part == ArchivedPart(size_bytes=8, offset=offset, data=data)
        assert seen == ["GET"]
    for offset in (8, 9, 10**9):
        assert archive.read_range(KEY, offset, 9) == ArchivedPart(
            size_bytes=8, offset=offset, data=b""
        )


def test_a_range_of_4_mb_is_one_request(archive: BlobArchive, seen: list[str]) -> None:
    """As much as one answer of the API holds."""
    data = os.urandom(5 * 1024 * 1024)
    archive.append(KEY, 0, data)
    seen.clear()
    part = archive.read_range(KEY, 1000, 4 * 1024 * 1024 + 64)
    assert (part.data, part.size_bytes) == (data[1000 : 1000 + 4 * 1024 * 1024 + 64], len(data))
    assert seen == ["GET"]


def test_a_range_of_a_log_that_was_never_written_is_empty(
    archive: BlobArchive, container: ContainerClient
) -> None:
    """No container, no blob, or a blob without a byte."""
    empty = ArchivedPart(size_bytes=0, offset=5, data=b"")
    assert archive.read_range(KEY, 5, 10) == empty
    container.create_container()
    assert archive.read_range(KEY, 5, 10) == empty
    container.get_blob_client("a-1/1-n/job.log").create_append_blob()
    assert archive.read_range(KEY, 5, 10) == empty
    assert archive.read_range(KEY, 0, 10).data == b""


def test_all_logs_of_a_job_are_found_and_deleted(archive: BlobArchive) -> None:
    """Of every attempt and container, and of no other job."""
    keys = ["j/1-aaaaaaaaaa/job", "j/1-aaaaaaaaaa/side", "j/2-bbbbbbbbbb/job"]
    assert archive.keys("j") == ()
    for key in (*keys, "jj/1-aaaaaaaaaa/job"):
        archive.append(key, 0, b"one\n")
    assert sorted(archive.keys("j")) == keys
    for key in keys:
        archive.remove(key)
        archive.remove(key)
    assert archive.keys("j") == ()
    assert archive.read_end("jj/1-aaaaaaaaaa/job", 10).data == b"one\n"


@pytest.mark.parametrize("job_id", ["", "..", "a/b", "a_b"])
def test_what_is_no_id_has_no_logs_to_delete(archive: BlobArchive, job_id: str) -> None:
    """An empty prefix would be everybody's."""
    with pytest.raises(ValueError, match="not the id of a job"):
        archive.keys(job_id)
