"""What a foreign web page, and a program that was not told the admin API's path, can do: nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from aci_emulator.in_process import InProcessEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aci_emulator.settings import Settings
    from aci_emulator_raw import RawClient

FOREIGN = [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Host": "evil.test:8443"}]


def status_of(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> int:
    return ask(url, headers, method)[0]


def ask(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, Any]:
    try:
        with urlopen(Request(url, headers=headers or {}, method=method), timeout=20) as reply:
            return int(reply.status), json.loads(reply.read() or b"null")
    except HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_arm_refuses_a_foreign_page(raw: RawClient, method: str, headers: dict[str, str]) -> None:
    """In ARM's shape, though the page had a good token."""
    reply = raw.call(method, f"{raw.groups_path}/job", {}, headers=headers)
    assert (reply.status, reply.body["error"]["code"]) == (403, "CallerRefused")
    assert "--allow-host" in reply.body["error"]["message"]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_the_control_port_refuses_a_foreign_page(
    aci_emulator: InProcessEmulator, headers: dict[str, str]
) -> None:
    """Identity and admin API alike, also with the header and the path that they want."""
    env = aci_emulator.env
    known = {"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]} | headers
    token = f"{env['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource=https://x"
    assert status_of(token, known) == 403
    assert status_of(f"{env['ACI_EMULATOR_ADMIN']}/health", headers) == 403


@pytest.mark.parametrize(
    "path",
    ["/admin", "/admin/", "/admin/health", "/ADMIN/health", "//admin/health", "/admin//health",
     "/admin/guess/health", "/admin/gu%C3%A9ss/health"],
)  # fmt: skip
def test_the_admin_api_answers_below_its_secret_path_only(
    aci_emulator: InProcessEmulator, path: str
) -> None:
    """The refusal says where the path is written."""
    admin = aci_emulator.env["ACI_EMULATOR_ADMIN"]
    assert status_of(f"{admin}/health") == 200
    place = urlsplit(admin)
    status, body = ask(f"http://{place.netloc}{path}")
    assert (status, body["error"]["code"]) == (403, "AdminPathUnknown")
    assert "ACI_EMULATOR_ADMIN" in body["error"]["message"]


def test_the_admin_path_is_another_one_in_each_run(
    aci_emulator: InProcessEmulator, aci_emulator_settings: Settings, tmp_path: Path
) -> None:
    """It is of the run, as its ports are."""
    settings = aci_emulator_settings.changed(state_dir=tmp_path / "other")
    with InProcessEmulator(settings) as other:
        paths = {urlsplit(each.env["ACI_EMULATOR_ADMIN"]).path for each in (other, aci_emulator)}
    assert len(paths) == 2
    assert all(len(path) > len("/admin/") + 30 for path in paths)


@pytest.fixture
def impatient(aci_emulator_settings: Settings) -> Iterator[InProcessEmulator]:
    settings = aci_emulator_settings.changed(idle_s=0.3, allowed_hosts=["arm.local"])
    with InProcessEmulator(settings) as running:
        yield running


@pytest.mark.parametrize("port", ["ARM_ENDPOINT", "ACI_EMULATOR_ADMIN"])
@pytest.mark.parametrize(
    "data",
    [
        b"GET /subscr",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST /admin/{secret}/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
def test_half_a_request_is_not_waited_for(
    impatient: InProcessEmulator, port: str, data: bytes
) -> None:
    """The connection is closed once it has been silent for the idle time."""
    place = urlsplit(impatient.env[port])
    secret = urlsplit(impatient.env["ACI_EMULATOR_ADMIN"]).path.rsplit("/", 1)[1]
    with socket.create_connection((place.hostname, place.port), timeout=20) as plain:
        line: socket.socket = plain
        if place.scheme == "https":
            trust = ssl.create_default_context(cafile=impatient.env["SSL_CERT_FILE"])
            line = trust.wrap_socket(plain, server_hostname=place.hostname)
        line.sendall(data.replace(b"{secret}", secret.encode()))
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError):  # a time-out is not suppressed
            while line.recv(65536):
                pass
        line.close()


def test_an_allowed_name_may_be_called(impatient: InProcessEmulator) -> None:
    """For a container that reaches the machine under a name."""
    admin = impatient.env["ACI_EMULATOR_ADMIN"]
    assert status_of(f"{admin}/health", {"Host": "arm.local:8444"}) == 200
    assert status_of(f"{admin}/health", {"Host": "other.local:8444"}) == 403
