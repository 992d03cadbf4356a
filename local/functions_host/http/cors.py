"""Cross-origin requests, as `Host.CORS` of local.settings.json allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web
from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cors:
    """Answers browsers.

    Args:
        origins: The allowed ones; `*` allows every one.
        credentials: Whether cookies and the like may be sent.
    """

    def __init__(self, origins: Iterable[str], *, credentials: bool) -> None:
        self._origins = frozenset(origins)
        self._credentials = credentials

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer preflights, and mark replies to allowed origins."""
        origin = request.headers.get("Origin", "")
        if not origin or not (self._origins & {"*", origin}):
            return await handler(request)
        headers = self._headers(origin)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            headers["Access-Control-Allow-Methods"] = request.headers[
                "Access-Control-Request-Method"
            ]
            asked = request.headers.get("Access-Control-Request-Headers")
            if asked:
                headers["Access-Control-Allow-Headers"] = asked
            return web.Response(status=204, headers=headers)
        response: Any = await handler(request)
        response.headers.update(headers)
        return response  # type: ignore[no-any-return]

    def _headers(self, origin: str) -> CIMultiDict[str]:
        headers: CIMultiDict[str] = CIMultiDict({"Vary": "Origin"})
        headers["Access-Control-Allow-Origin"] = "*" if "*" in self._origins else origin
        if self._credentials:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
        return headers
