"""Azurite under the names of a cloud's storage: over TLS, and with tokens of an identity, no key."""

from __future__ import annotations

import os
import secrets
from base64 import b64encode
from typing import TYPE_CHECKING, Self

import trustme

from stack.azurite import _executable
from stack.child import Child, free_port, is_listening

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "acct"
SERVICES = ("blob", "queue", "table")


class AzuriteOfCloud:
    """Serves between `with` and its end.

    Args:
        state: Its own folder.
        suffix: How the cloud's storage accounts end, like `core.usgovcloudapi.net`.
        authority: Folder of the certificate authority that it is trusted by.

    Attributes:
        ports: Its ports, by `host:port` of the cloud.
    """

    def __init__(self, state: Path, *, suffix: str, authority: Path) -> None:
        self._by_service = {service: free_port() for service in SERVICES}
        names = {service: f"{ACCOUNT}.{service}.{suffix}" for service in SERVICES}
        self.ports = {f"{names[each]}:443": self._by_service[each] for each in SERVICES}
        state.mkdir()
        made = trustme.CA.from_pem(
            (authority / "ca.pem").read_bytes(), (authority / "ca.key").read_bytes()
        ).issue_cert(*names.values())
        made.private_key_pem.write_to_path(state / "key.pem")
        made.cert_chain_pems[0].write_to_path(state / "cert.pem")
        options = ["--skipApiVersionCheck", "--disableTelemetry", "--silent", "--oauth", "basic"]
        options += ["--location", f"{state}", "--cert", f"{state}/cert.pem"]
        options += ["--key", f"{state}/key.pem"]
        for service, port in self._by_service.items():
            options += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        key = b64encode(secrets.token_bytes(64)).decode()
        self._program = Child(
            "Azurite",
            [_executable(), *options],
            environment={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
            log=state / "azurite.log",
        )

    def __enter__(self) -> Self:
        self._program.wait_until(
            lambda: all(is_listening(port) for port in self._by_service.values()), timeout_s=60
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop()
