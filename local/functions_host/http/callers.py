"""Refuses, before the app sees them, requests that a foreign web page has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopback.callers import Callers

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ADVICE = "--allow-host and Host.CORS in local.settings.json allow more"


def refuse_strangers(callers: Callers) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Return the middleware that answers 403 to whom these may not call."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers
        why = callers.refusal(request.scheme, headers.get("Host"), headers.get("Origin"))
        if why is None:
            return await handler(request)
        return web.Response(status=403, text=f"Refused: {why}; {_ADVICE}.\n")

    return middleware
