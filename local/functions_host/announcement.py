"""The host's first lines: the functions with their URLs, and the faults of the app."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from functions_host.http.front import auth_level
from loopback.callers import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from functions_host.host import FunctionsHost
    from functions_host.hostjson import HostConfig
    from functions_host.loader.app import LoadedFunction

logger = logging.getLogger("functions_host")


def announce(host: FunctionsHost, config: HostConfig) -> None:
    """Log each warning and problem, one line each, then the functions with their URLs."""
    for warning in config.warnings:
        logger.warning("%s", warning)
    if not is_loopback(host.options.address):
        logger.warning(
            "Listening on %s, where others may reach it: whoever does may run this app's functions%s",
            host.options.address,
            "" if host.options.require_keys else "; use --require-keys",
        )
    for problem in host.plan.app.problems:
        logger.error("%s is not loaded: %s", problem.function, problem.reason)
    for line in _lines(host):
        logger.info("%s", line)


def _lines(host: FunctionsHost) -> Iterator[str]:
    app = host.plan.app
    yield f"Serving {app.directory} on {host.origin}"
    routes = {route.function: route for route in host.plan.routes}
    for name, function in sorted(app.functions.items()):
        if name in routes:
            methods = ",".join(sorted(routes[name].methods)) or "any method"
            url = f"{host.origin}/{routes[name].route.template}"
            yield f"  {name}: [{methods}] {url} ({auth_level(function)})"
        else:
            yield f"  {name}: {_trigger(host, function)}"
    for name in app.disabled:
        yield f"  {name}: disabled"
    if host.options.require_keys:
        yield f"Keys are required: they are in {host.options.state / 'keys.json'}"


def _trigger(host: FunctionsHost, function: LoadedFunction) -> str:
    kind = function.metadata.trigger.type
    if function.name in host.plan.timers:
        return f"{kind} {host.plan.timers[function.name].text}"
    if function.name in host.plan.queues:
        return f"{kind} {host.plan.queues[function.name].name}"
    return kind
