"""Serves the app's HTTP triggers, the admin API and the Durable webhooks on one port."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from aiohttp import web

from functions_host.contract import UserCodeError
from functions_host.http.exchange import joined, reply, request_datum
from functions_host.http.keys import AuthLevel, KeyRing, key_of
from functions_host.http.route_table import FunctionRoute, RouteTable
from functions_host.invoking.context import Invocation
from functions_host.invoking.invoker import Call
from functions_host.problems import AppError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from functions_host.http.admin import AdminApi
    from functions_host.http.cors import Cors
    from functions_host.invoking.invoker import Invoker
    from functions_host.loader.app import LoadedFunction

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = logging.getLogger("functions_host.http")

DURABLE_PATH = "/runtime/webhooks/durabletask"
_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_DEFAULT_LIMIT = 104_857_600  # the real host's default


class HttpFront:
    """The HTTP side of the host.

    Args:
        invoker: Calls functions.
        routes: Where functions answer.
        functions: The loaded ones; a route of another is of a function that failed to load.
        keys: Checked if given.
        custom_headers: Added to each reply of a function.
    """

    def __init__(
        self,
        *,
        invoker: Invoker,
        routes: Iterable[FunctionRoute],
        functions: Mapping[str, LoadedFunction],
        keys: KeyRing | None,
        custom_headers: Mapping[str, str],
    ) -> None:
        self._invoker = invoker
        self._table = RouteTable(routes)
        self._functions = functions
        self._keys = keys
        self._custom_headers = custom_headers
        self._limit = body_limit(os.environ)

    def application(
        self, admin: AdminApi, durable: web.Application, cors: Cors | None = None
    ) -> web.Application:
        """Return the whole site."""
        limit = self._limit
        middlewares = [self._guard] if cors is None else [cors.middleware, self._guard]
        app = web.Application(client_max_size=limit, middlewares=middlewares)
        app.add_subapp(DURABLE_PATH, durable)
        admin.add_routes(app)
        app.router.add_get("/", _welcome)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the keys of what is not a function; never let a traceback out."""
        if not _has_url(request):
            return web.Response(status=400)
        level = _level_of_path(request.path)
        if self._keys is not None and not self._keys.admits(level, key_of(request)):
            return web.Response(status=401)
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception:
            logger.exception("%s %s failed in the host", request.method, request.path)
            return web.Response(status=500)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        found = self._table.find(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        route, parameters = found
        function = self._functions.get(route.function)
        if function is None:
            logger.error("%s was called and cannot run: it did not load", route.function)
            return web.Response(status=500)
        level = auth_level(function)
        if self._keys and not self._keys.admits(level, key_of(request), function.name):
            return web.Response(status=401)
        try:
            body = await _body_of(request, self._limit)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        return await self._call(function, request, parameters, body)

    async def _call(
        self,
        function: LoadedFunction,
        request: web.Request,
        parameters: Mapping[str, str],
        body: bytes,
    ) -> web.Response:
        headers = joined(request.headers, lower=True)
        data = request_datum(
            method=request.method,
            url=str(request.url),
            headers=headers,
            query=joined(request.query),
            route_parameters={name: value for name, value in parameters.items() if value},
            body=body,
        )
        invocation = Invocation(
            function=function.name, kind="http", reason=f"{request.method} {request.path}"
        )
        try:
            outcome = await self._invoker.invoke(
                function, Call(invocation=invocation, data=data, headers=headers)
            )
            return reply(outcome, self._custom_headers)
        except UserCodeError:
            return web.Response(status=500)  # the log has the reason; a body would tell strangers
        except ValueError as error:  # a status or a header that HTTP does not know
            logger.error("%s gave a reply that cannot be sent: %s", function.name, error)  # noqa: TRY400 - the message says it all
            return web.Response(status=500)


def body_limit(environment: Mapping[str, str]) -> int:
    """Return how many bytes a request's body may have.

    Raises:
        AppError: the setting is not a number of bytes.
    """
    text = environment.get(_LIMIT_SETTING, str(_DEFAULT_LIMIT))
    if not text.isdecimal() or int(text) < 1:
        raise AppError(f"the app setting {_LIMIT_SETTING} is not a number of bytes: {text!r}")
    return int(text)


def auth_level(function: LoadedFunction) -> AuthLevel:
    """Return who may call an HTTP function; `function` unless it says otherwise."""
    declared = str(function.metadata.trigger.properties.get("authLevel", "function")).casefold()
    return AuthLevel(declared)


def _level_of_path(path: str) -> AuthLevel:
    if path.startswith("/runtime/"):
        return AuthLevel.SYSTEM
    if path in {"/admin/host/status", "/admin/host/ping"}:
        # On Azure the status needs the master key; here tools wait for it before they have one.
        return AuthLevel.ANONYMOUS
    if path.startswith("/admin/"):
        return AuthLevel.ADMIN
    return AuthLevel.ANONYMOUS  # functions check their own level


async def _body_of(request: web.Request, limit: int) -> bytes:
    """Return a request's body; a chunked one reaches no function, as on the real host.

    Source: Azure/azure-functions-host#4926; seen with host 4.1037.

    Raises:
        HTTPRequestEntityTooLarge: the body has more bytes than the limit; the rest is not read.
    """
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    if "Transfer-Encoding" not in request.headers:
        return await request.read()
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > limit:
            raise web.HTTPRequestEntityTooLarge(limit, size)
    return b""


def _has_url(request: web.Request) -> bool:
    """Tell whether the Host header can stand in a URL; functions and status replies are given it."""
    try:
        str(request.url).encode()
    except ValueError:
        return False
    return True


async def _welcome(_: web.Request) -> web.Response:
    return web.Response(text="Your Functions app is up and running\n")
