"""The durable engine as its host sees it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from functions_host.durable.client import DurableClient
from functions_host.durable.crash import CrashSwitch
from functions_host.durable.dispatcher import Dispatcher
from functions_host.durable.links import RPC_PATH, Links
from functions_host.durable.options import DurableOptions
from functions_host.durable.replay_speed import remember_pure_results
from functions_host.durable.store.sqlite import SqliteStore
from functions_host.durable.web import DurableApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from functions_host.contract import DurableFunctions
    from functions_host.durable.store.contract import Store, StoreError

_LOG = logging.getLogger("functions_host.durable")
DATABASE_NAME = "durable.sqlite3"


class DurableEngine:
    """Runs an app's orchestrations on a store; one engine per store and process.

    Construct it, mount `management_app` and `rpc_app`, then `start` it on the running loop. Requests
    that come before `start` or after `stop` are answered 503.

    Args:
        functions: The app's functions.
        state_folder: Where the store's file lies; made if missing.
        options: Settings; the defaults if None.
        store: A store to use instead of the SQLite file.
        on_broken: Called if the store cannot be written any more; the host should then end.
    """

    def __init__(
        self,
        functions: DurableFunctions,
        state_folder: Path,
        options: DurableOptions | None = None,
        *,
        store: Store | None = None,
        on_broken: Callable[[StoreError], None] | None = None,
    ) -> None:
        self.options = options or DurableOptions()
        crash = CrashSwitch.from_environment()
        self._store = store or SqliteStore(state_folder / DATABASE_NAME, crash)
        self._dispatcher = Dispatcher(
            functions,
            self._store,
            self.options,
            crash,
            on_broken or (lambda _: None),
        )
        self.client = DurableClient(functions, self._store, self._dispatcher, self.options.clock)

    async def start(self) -> None:
        """The store is open and what it has under way goes on.

        Raises:
            StoreInUseError: another host has the store open.
            StoreVersionError: a newer program wrote the store.
        """
        self._store.open()
        if self.options.remember_pure_results:
            remember_pure_results()
        self._dispatcher.start()

    async def stop(self) -> None:
        """Running functions had `drain_s` seconds to end; the store is released."""
        await self._dispatcher.stop()
        self._store.close()

    async def wait_until_quiet(self) -> None:
        """Everything that can go on now has; for tests with a clock of their own."""
        await self._dispatcher.wait_until_quiet()

    def management_app(self, code: str | None = None) -> web.Application:
        """Return the management API, to be mounted under `/runtime/webhooks/durabletask`.

        It checks no key: the host's middleware does, and passes the key that belongs into URLs.

        Args:
            code: The system key, or None when keys are not checked.
        """

        def links(request: web.Request) -> Links:
            return self.links(f"{request.scheme}://{request.host}", code)

        return DurableApi(self.client, links).application()

    def rpc_app(self, public_origin: Callable[[], str], code: str | None = None) -> web.Application:
        """Return the SDK's API, to be served on loopback at the root of its own port.

        Args:
            public_origin: Returns the HTTP front's address, for the URLs in answers.
            code: The system key, or None when keys are not checked.
        """
        from aiohttp import web

        app = web.Application()
        api = DurableApi(self.client, lambda _: self.links(public_origin(), code))
        app.add_subapp(RPC_PATH, api.application())
        return app

    def links(self, origin: str, code: str | None = None) -> Links:
        """Return the maker of management URLs for a front at `origin`."""
        return Links(
            origin=origin,
            hub_name=self.options.hub_name,
            connection_name=self.options.connection_name,
            code=code,
        )

    def client_binding(self, origin: str, rpc_origin: str, code: str | None = None) -> str:
        """Return the JSON that the durableClient binding hands to a function.

        Args:
            origin: The HTTP front's address, such as `http://localhost:7071`.
            rpc_origin: The RPC listener's address, such as `http://127.0.0.1:17071`.
            code: The system key, or None when keys are not checked.
        """
        return self.links(origin, code).binding(rpc_origin)
