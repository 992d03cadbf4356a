"""The Functions host: an app's folder, served."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from functions_host.durable import DurableEngine, DurableOptions, StoreInUseError, StoreVersionError
from functions_host.durable_functions import AppDurableFunctions
from functions_host.http.admin import AdminApi
from functions_host.http.callers import refuse_strangers
from functions_host.http.cors import Cors
from functions_host.http.front import HttpFront
from functions_host.http.keys import KeyRing, open_keys
from functions_host.invoking.context import Invocation
from functions_host.invoking.invoker import Call, Invoker
from functions_host.loader.app import load_app
from functions_host.loader.converters import Datum
from functions_host.plan import Plan, make_plan
from functions_host.problems import AppError
from functions_host.triggers.queue_output import QueueOutput
from functions_host.triggers.queue_poller import QueuePoller
from functions_host.triggers.timers import TimerRunner
from loopback.callers import Callers
from loopback.patience import IDLE_S, PatientRunner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from functions_host.hostjson import HostConfig
    from functions_host.settings import LocalSettings

logger = logging.getLogger("functions_host")

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """Options of the host.

    Attributes:
        app_dir: The folder with host.json.
        state: Where the host keeps its state; made if missing.
        address: What the HTTP front binds to.
        port: The HTTP front's port; 0 takes a free one.
        allowed_hosts: More names that the HTTP front may be called by.
        rpc_port: The Durable SDK's port, always on loopback; 0 takes a free one.
        require_keys: Whether callers need keys.
        drain_s: How long stopping waits for running functions, in seconds.
        idle_s: How long a caller may be silent within a request, in seconds.
    """

    app_dir: Path
    state: Path
    address: str = _LOOPBACK
    port: int = 7071
    allowed_hosts: tuple[str, ...] = ()
    rpc_port: int = 0
    require_keys: bool = False
    drain_s: float = 30.0
    idle_s: float = IDLE_S


class FunctionsHost:
    """Serves one app; construct it, `start` it, `stop` it, once each.

    Args:
        options: How.
        config: host.json.
        local: local.settings.json; its values are in the environment already.
        environment: The app's settings.
    """

    def __init__(
        self,
        options: HostOptions,
        config: HostConfig,
        local: LocalSettings,
        environment: Mapping[str, str],
    ) -> None:
        self.options = options
        self._config = config
        self.broken = asyncio.Event()
        self.plan = self._load(environment)
        self._keys = self._open_keys()
        self._outputs = QueueOutput(environment, base64=config.queues.message_encoding == "base64")
        self._invoker = self._make_invoker()
        self._engine = self._make_engine()
        self._admin = AdminApi(self.plan.app, self._url_paths(), self._run_by_hand)
        self._timers = TimerRunner(self.plan, self._invoker, options.state / "timers")
        self._queues = QueuePoller(self.plan, self._invoker, config.queues)
        self._callers = Callers(options.address, options.allowed_hosts, local.cors)
        self._cors = Cors(local.cors, credentials=local.cors_credentials) if local.cors else None
        self._runners: list[web.AppRunner] = []
        self._binding = ""
        self.port = options.port
        self.rpc_port = options.rpc_port

    @property
    def origin(self) -> str:
        """Where the HTTP front answers, such as `http://127.0.0.1:7071`."""
        shown = "localhost" if self.options.address in _EVERYWHERE else self.options.address
        return f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"

    async def start(self) -> None:
        """Bring up ports, the engine, timers and queues.

        Raises:
            AppError: a port is taken, or another host uses the state; the text says which.
        """
        front_socket = _listen(self.options.address, self.options.port, "--port")
        rpc_socket = _listen(_LOOPBACK, self.options.rpc_port, "--rpc-port")
        self.port = front_socket.getsockname()[1]
        self.rpc_port = rpc_socket.getsockname()[1]
        code = self._keys.durable if self._keys else None
        self._binding = self._engine.client_binding(
            self.origin, f"http://{_LOOPBACK}:{self.rpc_port}", code
        )
        try:
            await self._engine.start()
        except (StoreInUseError, StoreVersionError) as error:
            front_socket.close()
            rpc_socket.close()
            raise AppError(str(error)) from error
        front = HttpFront(
            invoker=self._invoker,
            routes=self.plan.routes,
            functions=self.plan.app.functions,
            keys=self._keys,
            custom_headers=self._config.http.custom_headers,
        )
        site = front.application(self._admin, self._engine.management_app(code), self._cors)
        rpc = self._engine.rpc_app(lambda: self.origin, code)
        await self._serve(rpc, rpc_socket, Callers(_LOOPBACK))
        await self._serve(site, front_socket, self._callers)
        self._timers.start()
        self._queues.start()
        self._admin.state = "Running"

    async def stop(self) -> None:
        """Stop everything, after functions had the drain time to end."""
        self._admin.state = "Stopping"
        await asyncio.gather(self._timers.stop(), self._queues.stop())
        drain_s = self.options.drain_s if self._config.durable.use_graceful_shutdown else 0.0
        give_up_at = time.monotonic() + drain_s
        for runner in self._runners:
            for site in list(runner.sites):
                await site.stop()
        left = await self._invoker.drain(max(0.0, give_up_at - time.monotonic()))
        await self._engine.stop()
        if left:
            logger.warning("%d invocations were still running and are left behind", left)
        for runner in reversed(self._runners):
            await runner.cleanup()
        await self._queues.close()
        self._invoker.close()

    def _load(self, environment: Mapping[str, str]) -> Plan:
        chosen = self._config.functions
        only = None if chosen is None else frozenset(chosen)
        app = load_app(self.options.app_dir, environment, only=only)
        return make_plan(app, self._config, environment)

    def _open_keys(self) -> KeyRing | None:
        if not self.options.require_keys:
            return None
        http = [f.name for f in self.plan.app.with_trigger("httpTrigger")]
        return open_keys(self.options.state, http)

    def _make_invoker(self) -> Invoker:
        return Invoker(
            client_binding=self._client_binding,
            publish=self._outputs.publish,
            timeout_s=self._config.function_timeout,
        )

    def _make_engine(self) -> DurableEngine:
        durable, defaults = self._config.durable, DurableOptions()
        options = DurableOptions(
            hub_name=durable.hub_name,
            default_version=durable.default_version,
            max_concurrent_activity_functions=durable.max_concurrent_activity_functions
            or defaults.max_concurrent_activity_functions,
            max_concurrent_orchestrator_functions=durable.max_concurrent_orchestrator_functions
            or defaults.max_concurrent_orchestrator_functions,
            drain_s=self.options.drain_s if durable.use_graceful_shutdown else 0.0,
        )
        functions = AppDurableFunctions(self.plan.app, self._invoker)
        return DurableEngine(
            functions, self.options.state, options, on_broken=lambda _: self.broken.set()
        )

    def _client_binding(self) -> str:
        return self._binding

    def _url_paths(self) -> dict[str, str]:
        return {route.function: route.route.template for route in self.plan.routes}

    async def _serve(
        self, app: web.Application, listening: socket.socket, callers: Callers
    ) -> None:
        app.middlewares.insert(0, refuse_strangers(callers))
        runner = PatientRunner(
            app,
            idle_s=self.options.idle_s,
            access_log=None,
            shutdown_timeout=self.options.drain_s,
            auto_decompress=False,  # a function gets the body as it was sent, as from the real host
        )
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, listening).start()

    async def _run_by_hand(self, name: str, given: str) -> bool:
        function = self.plan.app.functions[name]
        kind = function.metadata.trigger.type.casefold()
        if kind == "timertrigger":
            self._timers.run_by_hand(name)
        elif kind == "queuetrigger":
            invocation = Invocation(function=name, kind="queue", reason="admin API")
            call = Call(invocation=invocation, data=Datum(type="string", value=given))
            self._queues.run_by_hand(function, call)
        else:
            return False
        return True


def _listen(address: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise AppError(
                f"port {port} on {address} is taken: end what uses it, or choose another with {option}"
            ) from error
        raise AppError(
            f"cannot listen on {address}:{port}: {os.strerror(error.errno or 0)}"
        ) from error
    except OverflowError as error:
        listening.close()
        raise AppError(f"{port} is not a port: ports are from 0 to 65535") from error
    listening.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return listening
