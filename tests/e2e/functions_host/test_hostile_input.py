"""Requests and replies that HTTP does not allow: the host answers something sensible and goes on."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from functions_host_process import APPS, REPOSITORY, HostProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with HostProcess(APPS / "web", tmp_path_factory.mktemp("state")) as running:
        yield running


def raw(host: HostProcess, data: bytes) -> bytes:
    """Return what the host answers to these bytes until it closes the connection."""
    with socket.create_connection(
        ("127.0.0.1", int(host.url.rsplit(":", 1)[1])), timeout=20
    ) as line:
        line.sendall(data)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"GET /api/echo/1 HTTP/1.1\r\nHost: localhost\r\nBad Header: 1\r\n\r\n",
        b"GET /api/echo/1 HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/Outs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/Outs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused_without_a_traceback(host: HostProcess, data: bytes) -> None:
    """400 or a closed connection."""
    answer = raw(host, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"Traceback" not in answer
    assert host.get("/api/Setting").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/echo/%zz",
        "/api/echo/%ff%fe",
        "/api/echo/%00",
        "/api/files/%2e%2e/x",
        "/api/%",
        "/api//",
    ],
)
def test_odd_paths_are_answered(host: HostProcess, path: str) -> None:
    """Found or not, never an error of the host."""
    answer = raw(
        host, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ", 2)[1] in {b"200", b"201", b"404", b"400"}


@pytest.mark.parametrize("name", [b"", b"a b", b"[", b"x:99999", b"\xff", b"a/b?c#d", b"x:y"])
@pytest.mark.parametrize(
    "path", [b"/api/echo/1", b"/admin/functions", b"/runtime/webhooks/durabletask/instances/x"]
)
def test_an_odd_host_header_is_answered(host: HostProcess, path: bytes, name: bytes) -> None:
    """Refused: it is the caller's mistake."""
    answer = raw(
        host, b"GET " + path + b" HTTP/1.1\r\nHost: " + name + b"\r\nConnection: close\r\n\r\n"
    )
    assert answer.split(b" ", 2)[1] in {b"400", b"403"}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("header", 500),
        ("name", 500),
        ("status", 500),
        ("empty", 204),
        ("length", 200),
        ("exit", 500),
    ],
)
def test_an_odd_reply_is_500_or_mended(host: HostProcess, kind: str, status: int) -> None:
    """No header is smuggled in, no wrong length is sent, and the host lives on."""
    reply = host.get(f"/api/Odd?kind={kind}")
    assert reply.status == status
    assert "injected" not in reply.headers
    assert reply.body == (b"x" if status == 200 else b"")
    assert host.get("/api/Odd?kind=none").text == "x"


def test_a_caller_that_goes_away_does_not_stop_the_function(host: HostProcess) -> None:
    """It runs to its end, as on the real host."""
    done = host.log.count("SlowAsync http")
    with socket.create_connection(("127.0.0.1", int(host.url.rsplit(":", 1)[1]))) as line:
        line.sendall(b"GET /api/SlowAsync?s=0.3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    host.wait_for(lambda: host.log.count("SlowAsync http") > done)
    assert "SlowAsync http" in host.log
    assert "Cancelled" not in host.log


def test_functions_run_in_the_apps_folder(host: HostProcess) -> None:
    """The app's root is first on the path; where the host was started is not on it."""
    seen = host.get("/api/Where").json()
    assert seen["folder"] == seen["path"][0] == str(APPS / "web")
    assert seen["module"] == "__app__.Where"
    assert str(REPOSITORY) not in seen["path"]


@contextmanager
def hanging_call(host: HostProcess) -> Iterator[None]:
    """A call that goes on for a minute, and another that shows that it has begun."""
    with socket.create_connection(("127.0.0.1", int(host.url.rsplit(":", 1)[1]))) as line:
        line.sendall(b"GET /api/Slow?s=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        host.wait_for(lambda: host.get("/api/Setting").status == 200)
        yield


def test_a_second_signal_ends_the_host_at_once(tmp_path: Path) -> None:
    """For those who do not want to wait for a function that hangs."""
    settings = {"AzureFunctionsJobHost__functionTimeout": "-1"}
    with HostProcess(APPS / "web", tmp_path, settings=settings) as host, hanging_call(host):
        host.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            host.process.wait(1)
        assert host.stop(number=signal.SIGINT, timeout_s=20) == 130  # and not after 30 s


def test_a_function_that_hangs_is_left_behind_after_the_drain_time(tmp_path: Path) -> None:
    """The log says so, the exit code is 0."""
    settings = {"AzureFunctionsJobHost__functionTimeout": "-1"}
    options = ("--drain-seconds", "0.5")
    with (
        HostProcess(APPS / "web", tmp_path, *options, settings=settings) as host,
        hanging_call(host),
    ):
        started = time.monotonic()
        assert host.stop() == 0
    assert time.monotonic() - started < 25  # not the 30 s that are the default
    assert "1 invocations were still running" in host.log


def test_the_command_line_explains_itself() -> None:
    """And refuses what is no folder."""
    command = [sys.executable, "-m", "functions_host"]
    environment = {"PYTHONPATH": str(REPOSITORY / "local")}
    shown = subprocess.run(
        [*command, "--help"], env=environment, capture_output=True, text=True, check=True
    )
    assert "--require-keys" in shown.stdout
    wrong = subprocess.run(
        [*command, "/nowhere"], env=environment, capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stderr) == (1, "functions_host: /nowhere is not a folder\n")
