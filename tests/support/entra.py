"""A sign-in service, as Microsoft Entra is to a service principal: tokens for a secret."""

from __future__ import annotations

import json
import ssl
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import trustme

from loopback_server import LoopbackServer
from stack.http import send

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TENANT = "00000000-0000-0000-0000-00000000000a"
SECRET = "a secret of the principal"


class Entra(LoopbackServer):
    """Serves between `with` and its end; its tokens are the emulator's.

    Args:
        host: Its name, like `login.microsoftonline.us`.
        authority: Folder of the certificate authority that it is trusted by.
        emulator: What the emulator told of itself.

    Attributes:
        scopes: What tokens were asked for.
    """

    def __init__(self, host: str, *, authority: Path, emulator: Mapping[str, str]) -> None:
        super().__init__(_Request)
        self.host, self.emulator = host, emulator
        self.scopes: set[str] = set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made = trustme.CA.from_pem(
            (authority / "ca.pem").read_bytes(), (authority / "ca.key").read_bytes()
        )
        made.issue_cert(host).configure_cert(context)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def token_for(self, scope: str) -> str:
        """Return a token of the emulator for this scope."""
        self.scopes.add(scope)
        resource = scope.removesuffix("/.default")
        asked = f"{self.emulator['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={resource}"
        headers = {"X-IDENTITY-HEADER": self.emulator["IDENTITY_HEADER"]}
        return str(send("GET", asked, headers=headers).body["access_token"])


class _Request(BaseHTTPRequestHandler):
    server: Entra

    def do_GET(self) -> None:
        """Tell where tokens are to be had."""
        here = f"https://{self.server.host}/{TENANT}"
        assert self.path.startswith(f"/{TENANT}/v2.0/.well-known/openid-configuration"), self.path
        self._answer(
            200,
            {
                "issuer": f"{here}/v2.0",
                "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
                "token_endpoint": f"{here}/oauth2/v2.0/token",
            },
        )

    def do_POST(self) -> None:
        """Give a token to who knows the secret."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path != f"/{TENANT}/oauth2/v2.0/token" or form["client_secret"] != [SECRET]:
            self._answer(401, {"error": "invalid_client"})
            return
        token = self.server.token_for(form["scope"][0])
        self._answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token})

    def _answer(self, status: int, body: Mapping[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
