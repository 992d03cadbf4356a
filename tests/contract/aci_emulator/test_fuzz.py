"""Whatever is sent, the answer is ARM's: no 5xx, no traceback, no hang, no growing memory."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import ssl
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aci_emulator_fuzz import LINES, Fuzzer
from aci_emulator_raw import RawClient

if TYPE_CHECKING:
    from aci_emulator.in_process import InProcessEmulator
    from aci_emulator_fuzz import OddRequest

_MB = 1024


def _send(raw: RawClient, odd: OddRequest) -> tuple[int, bytes]:
    """Send a request as it is, whatever http.client thinks of it."""
    connection = raw.open_connection()
    try:
        connection.putrequest(odd.method, odd.path)
        for name, value in odd.headers.items():
            connection.putheader(name, value.encode("latin-1", "replace"))
        if odd.body is not None:
            connection.putheader("Content-Length", str(len(odd.body)))
        connection.endheaders(odd.body)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        # The server answered before it had read all of a huge body, and closed.
        raw.drop_connection()
        return 413, b'{"error":{"code":"RequestContentTooLarge","message":""}}'


def _assert_arm(status: int, body: bytes, *, method: str = "GET") -> None:
    assert status < 500, (status, body[:300])
    assert b"Traceback" not in body
    if status >= 400 and method != "HEAD":
        decoded = json.loads(body)
        assert set(decoded) == {"error"}
        assert set(decoded["error"]) == {"code", "message"}


def _resident_kb() -> int:
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)


class _Permissive(http.client.HTTPSConnection):
    """Sends any path: the server shall judge it."""

    def _validate_path(self, url: str) -> None:
        del url

    def _encode_request(self, request: str) -> bytes:
        return request.encode("utf-8")


def _fuzz(
    emulator: InProcessEmulator, caplog: pytest.LogCaptureFixture, *, seed: int, count: int
) -> int:
    """Send `count` requests; return by how many KB the process grew in the second half."""
    with closing(RawClient(emulator.env, connection_class=_Permissive)) as raw:
        return _fuzz_through(raw, emulator, caplog, seed=seed, count=count)


def _fuzz_through(
    raw: RawClient,
    emulator: InProcessEmulator,
    caplog: pytest.LogCaptureFixture,
    *,
    seed: int,
    count: int,
) -> int:
    fuzzer = Fuzzer(
        seed,
        subscription=emulator.env["AZURE_SUBSCRIPTION_ID"],
        resource_group=emulator.env["RESOURCE_GROUP"],
        token=raw.token,
    )
    halfway_kb = 0
    statuses: set[int] = set()
    for number in range(count):
        if number == count // 2:
            halfway_kb = _resident_kb()
        if number % 50 == 0:
            emulator.admin.advance(10)
        odd = fuzzer.request()
        status, body = _send(raw, odd)
        statuses.add(status)
        _assert_arm(status, body, method=odd.method)
    assert {200, 201, 400, 401, 404, 405} <= statuses
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    return _resident_kb() - halfway_kb


def test_a_thousand_odd_requests_get_arms_answers(
    aci_emulator: InProcessEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Bad JSON, wrong types, odd paths and tokens: 4xx in ARM's shape, nothing in the error log."""
    _fuzz(aci_emulator, caplog, seed=1, count=1_000)


@pytest.mark.slow
def test_ten_thousand_odd_requests_leave_the_memory_as_it_was(
    aci_emulator: InProcessEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The second 5,000 requests add less than 10 MB."""
    grown_kb = _fuzz(aci_emulator, caplog, seed=2, count=10_000)
    assert grown_kb < 10 * _MB


@pytest.mark.parametrize("line", LINES, ids=[str(number) for number in range(len(LINES))])
def test_what_is_not_http_is_answered_or_dropped(
    aci_emulator: InProcessEmulator, line: bytes
) -> None:
    """Garbage gets a 4xx in ARM's shape or a closed connection, and the next caller is served."""
    context = ssl.create_default_context(cafile=aci_emulator.env["REQUESTS_CA_BUNDLE"])
    with closing(RawClient(aci_emulator.env)) as raw:
        address = (raw.address.hostname or "", raw.address.port or 0)
        with (
            socket.create_connection(address, timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=address[0]) as secured,
            closing(http.client.HTTPResponse(secured)) as answer,
        ):
            secured.sendall(line)
            try:
                answer.begin()
            except http.client.BadStatusLine:
                pass
            else:
                _assert_arm(answer.status, answer.read())
        assert raw.call("GET", raw.groups_path).status == 200
