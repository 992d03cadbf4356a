"""What a foreign web page can make of the host, and what of others is left on the machine: nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from functions_host_process import APPS, DURABLE, HostProcess
from stack.child import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATHS = ["/", "/api/Setting", "/admin/host/status", f"{DURABLE}/instances/", "/nowhere"]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / "state"


@pytest.fixture(scope="module")
def rpc_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def host(state: Path, rpc_port: int) -> Iterator[HostProcess]:
    options = ("--allow-host", "host.docker.internal", "--rpc-port", str(rpc_port))
    with HostProcess(APPS / "web", state, *options, "--idle-seconds", "0.5") as running:
        running.wait_for_line("OffByFile: disabled")  # the last line that it says by itself
        yield running


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Host": "evil.test:7071"}],
    ids=str,
)
def test_a_foreign_page_is_refused_everywhere(
    host: HostProcess, method: str, path: str, headers: dict[str, str]
) -> None:
    """Before any function, webhook or key is looked at; the text says how to allow it."""
    before = host.log
    reply = host.request(method, path, headers=headers)
    assert reply.status == 403
    assert "--allow-host" in reply.text
    assert "access-control-allow-origin" not in reply.headers
    assert host.log == before


def test_programs_pages_of_the_host_and_allowed_names_are_served(host: HostProcess) -> None:
    """As before: curl sends no Origin; local.settings.json's CORS origins are allowed."""
    port = urlsplit(host.url).port
    for headers in (
        {},
        {"Origin": host.url},
        {"Origin": f"http://localhost:{port}"},
        {"Origin": "https://example.test"},
        {"Host": f"host.docker.internal:{port}"},
    ):
        assert host.get("/api/Setting", headers).status == 200


def rpc_status(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    request = Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    try:
        with urlopen(request, timeout=20) as reply:
            return int(reply.status)
    except HTTPError as refusal:
        with refusal:
            return refusal.code


def test_the_sdks_port_answers_who_knows_its_path(host: HostProcess, rpc_port: int) -> None:
    """The path is in the client binding only, and another one at each start."""
    assert rpc_status(rpc_port, "/durabletask/instances/") == 404
    assert rpc_status(rpc_port, "/durabletask/guess/instances/") == 404
    assert rpc_status(rpc_port, "/durabletask/instances/", {"Origin": "https://evil.test"}) == 403


def silent_after(host: HostProcess, data: bytes) -> bytes:
    """Return what comes until the host closes a connection on which nothing more is sent."""
    place = urlsplit(host.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(data)
        answer = b""
        try:
            while piece := line.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /api/Set",
        b"GET /api/Setting HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST /api/Outs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf",
        b"POST /api/Outs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
    ],
)
def test_half_a_request_is_not_waited_for(host: HostProcess, data: bytes) -> None:
    """The connection is cut once it has been silent for the idle time."""
    assert silent_after(host, data) == b""


def test_a_function_that_takes_longer_than_the_idle_time_is_answered(host: HostProcess) -> None:
    """A caller that waits for an answer is not silent within a request."""
    assert host.get("/api/Slow?s=1.2").status == 200
    assert host.request("POST", "/api/Slow?s=1.2", "a body").status in {200, 404}


def test_a_body_above_the_limit_is_refused_before_it_is_sent(host: HostProcess) -> None:
    """Nobody reads 200 MB to say that they are too many."""
    head = b"POST /api/Outs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n\r\n"
    assert silent_after(host, head).startswith(b"HTTP/1.1 413")


def test_a_chunked_body_reaches_no_function(host: HostProcess) -> None:
    """The function sees an empty body, as on Microsoft's host (#4926)."""
    head = b"POST /api/echo/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    body = b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    answer = silent_after(host, head + body)
    assert answer.startswith(b"HTTP/1.1 201")
    assert b'"body": ""' in answer


def test_state_is_the_users_alone(host: HostProcess, state: Path) -> None:
    """Folders are 0700 and files 0600, those of SQLite too."""
    assert host.get("/api/Setting").status == 200
    found = {path: path.stat().st_mode & 0o777 for path in [state, *state.rglob("*")]}
    assert any(path.name == "durable.sqlite3-wal" for path in found)
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o600}


def test_an_address_that_others_reach_is_warned_about(tmp_path: Path) -> None:
    """In one line, before the functions are listed."""
    host = HostProcess(APPS / "timers", tmp_path, "--host", "0.0.0.0")
    try:
        line = host.wait_for_line(r"Listening on 0\.0\.0\.0, .*")
        assert "--require-keys" in line
    finally:
        host.stop()


def test_a_database_that_is_deleted_ends_the_host(tmp_path: Path) -> None:
    """With a line that says so, and exit code 1; nothing is lost in silence."""
    with HostProcess(APPS / "chaining", tmp_path) as host:
        (tmp_path / "durable.sqlite3").unlink()
        host.post(f"{DURABLE}/orchestrators/Chain", {})
        assert host.wait_ended() == 1
        assert "durable.sqlite3 is gone" in host.log
