"""The durable engine as its host sees it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from functions_host.durable.api.client import DurableClient
from functions_host.durable.api.links import RPC_PATH, Links
from functions_host.durable.api.web import DurableApi
from functions_host.durable.crash import CrashSwitch
from functions_host.durable.faults import Faults
from functions_host.durable.options import DurableOptions
from functions_host.durable.running.dispatcher import Dispatcher
from functions_host.durable.running.parts import Parts
from functions_host.durable.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from functions_host.contract import DurableFunctions
    from functions_host.durable.store.errors import StoreError

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
        store: SqliteStore | None = None,
        on_broken: Callable[[StoreError], None] | None = None,
    ) -> None:
        self.options = options or DurableOptions()
        parts = Parts(
            functions=functions,
            options=self.options,
            crash=CrashSwitch.from_environment(),
            faults=Faults(self.options.faults),
        )
        self._store = store or SqliteStore(state_folder / DATABASE_NAME, parts.crash)
        self._dispatcher = Dispatcher(self._store, parts, on_broken or (lambda _: None))
        self._rpc_path = f"{RPC_PATH}{secrets.token_urlsafe(24)}/"
        self.client = DurableClient(self._store, self._dispatcher, parts)

    async def start(self) -> None:
        """Open the store and take up what it has under way.

        Raises:
            StoreInUseError: another host has the store open.
            StoreVersionError: a newer program wrote the store.
        """
        self._store.open()
        self._dispatcher.start()

    async def stop(self) -> None:
        """Let running functions end within `drain_s` seconds, and release the store."""
        await self._dispatcher.stop()
        self._store.close()

    async def wait_until_quiet(self) -> None:
        """Wait until only time can change anything; for tests with a clock of their own."""
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

        It asks for no key, as the SDK sends none: its path, which the binding tells, is the secret.

        Args:
            public_origin: Returns the HTTP front's address, for the URLs in answers.
            code: The system key, or None when keys are not checked.
        """
        from aiohttp import web

        app = web.Application()
        api = DurableApi(self.client, lambda _: self.links(public_origin(), code))
        app.add_subapp(self._rpc_path, api.application())
        return app

    def links(self, origin: str, code: str | None = None) -> Links:
        """Return the maker of management URLs for a front at `origin`."""
        return Links(
            origin=origin,
            hub_name=self.options.hub_name,
            connection_name=self.options.connection_name,
            code=code,
            rpc_path=self._rpc_path,
        )

    def client_binding(self, origin: str, rpc_origin: str, code: str | None = None) -> str:
        """Return the JSON that the durableClient binding hands to a function.

        Args:
            origin: The HTTP front's address, such as `http://localhost:7071`.
            rpc_origin: The RPC listener's address, such as `http://127.0.0.1:17071`.
            code: The system key, or None when keys are not checked.
        """
        return self.links(origin, code).binding(rpc_origin)
