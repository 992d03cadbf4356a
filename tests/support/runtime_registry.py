"""A container registry small enough to read, and as unfriendly as a test wants it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Registry:
    """Serves one image under any repository name over the distribution protocol.

    Attributes:
        user, password: Asked for by basic authentication; None asks nobody.
        failing_with: A status to answer every request with instead.
        pulls: How many manifests were served.
    """

    user: str | None = None
    password: str | None = None
    failing_with: int | None = None
    pulls: int = 0
    address: str = ""
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _manifest: bytes = b""
    _runner: web.AppRunner | None = None

    @property
    def digest(self) -> str:
        """The digest of the image's manifest."""
        return _digest(self._manifest)

    async def start(self, config: Mapping[str, Any] | None = None) -> None:
        """It serves at `address`."""
        self._make_image(config or {})
        app = web.Application()
        app.router.add_get("/v2/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """It serves no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _make_image(self, config: Mapping[str, Any]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            # Of its own, so that what another run pulled is another image.
            tar.addfile(tarfile.TarInfo(uuid4().hex))
        layer = gzip.compress(buffer.getvalue(), mtime=0)
        diff = _digest(buffer.getvalue())
        image = {
            "architecture": "amd64",
            "os": "linux",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [diff]},
        }
        described = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._store(_CONFIG, json.dumps(image).encode()),
            "layers": [self._store(_LAYER, layer)],
        }
        self._manifest = json.dumps(described).encode()

    def _store(self, kind: str, blob: bytes) -> dict[str, Any]:
        self._blobs[_digest(blob)] = blob
        return {"mediaType": kind, "digest": _digest(blob), "size": len(blob)}

    async def _answer(self, request: web.Request) -> web.Response:
        if self.failing_with:
            return _error(self.failing_with, "UNAVAILABLE")
        if not self._may(request):
            challenge = {"WWW-Authenticate": 'Basic realm="test"'}
            return _error(401, "UNAUTHORIZED", challenge)
        match request.match_info["tail"].rsplit("/", 2):
            case [""]:
                return web.json_response({})
            case [repository, "manifests", _] if "missing" not in repository:
                self.pulls += request.method == "GET"
                headers = {"Docker-Content-Digest": self.digest, "Content-Type": _MANIFEST}
                return web.Response(body=self._manifest, headers=headers)
            case [_, "blobs", digest] if digest in self._blobs:
                return web.Response(body=self._blobs[digest])
        return _error(404, "MANIFEST_UNKNOWN")

    def _may(self, request: web.Request) -> bool:
        if self.user is None:
            return True
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {wanted}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _error(status: int, code: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}
    return web.json_response(body, status=status, headers=headers)
