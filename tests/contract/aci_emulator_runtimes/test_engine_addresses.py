"""Engines that are not on a local socket: plain TCP, and TCP with TLS on both sides."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from aci_emulator.runtimes.docker.engine import find_engine
from aci_emulator.runtimes.docker.runtime import DockerRuntime
from runtime_forwarding import forwarded
from runtime_trials import Trial

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.docker

LINES = 200_000
LATE = "echo up; sleep 2; echo bad >&2; echo late; printf tail; exit 7"


async def run_something(state_dir: Path) -> None:
    """A container runs on the engine DOCKER_HOST names, and its output comes whole."""
    address = await asyncio.to_thread(find_engine)
    assert address is not None
    runtime = DockerRuntime(state_dir, address)
    await runtime.open()
    try:
        trial = Trial(runtime)
        await trial.prepare()
        ended, output = await trial.run("sh", "-c", f"seq 1 {LINES}; exit 7")
    finally:
        await runtime.close()
    wanted = "".join(f"{n}\n" for n in range(1, LINES + 1)).encode()
    assert ended.exit_code == 7
    assert hashlib.sha256(output.data).digest() == hashlib.sha256(wanted).digest()


async def test_an_engine_over_tcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with DOCKER_HOST=tcp://..."""
    async with forwarded(None) as (port, _):
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        await run_something(tmp_path)


async def test_an_engine_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH: both sides show certificates."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("client@example.org")
    client.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with forwarded(context) as (port, _):
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            # requests prefers them to the authority a session was given.
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
        await run_something(tmp_path / "state")


async def test_a_broken_connection_costs_neither_output_nor_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when an engine restarts: not taken for the end, and nothing is missing or doubled."""
    async with forwarded(None) as (port, forwarding):
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        address = await asyncio.to_thread(find_engine)
        assert address is not None
        runtime = DockerRuntime(tmp_path, address)
        await runtime.open()
        try:
            trial = Trial(runtime)
            await trial.prepare()
            began = asyncio.get_running_loop().time()
            container, output = await trial.start("sh", "-c", LATE)
            await output.until(b"up")
            await forwarding.cut()
            async with asyncio.timeout(20):
                ended = await container.wait()
        finally:
            await runtime.close()
    assert ended.exit_code == 7
    assert asyncio.get_running_loop().time() - began >= 2
    assert output.text == "up\nlate\ntailbad\n"
