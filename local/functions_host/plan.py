"""The plan of serving a loaded app: routes, timers, queues.

A trigger that cannot be served makes its function not loadable, as a broken file does.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions_host.http.keys import AuthLevel
from functions_host.http.route_table import FunctionRoute
from functions_host.http.routes import RouteTemplateError, parse_route
from functions_host.problems import FunctionLoadError, Problem
from functions_host.triggers.queue_settings import QueueSource, queue_of
from functions_host.triggers.schedule import TimerSettings, timer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions_host.hostjson import HostConfig
    from functions_host.loader.app import LoadedApp
    from functions_host.loader.metadata import FunctionMetadata

_METHODS = frozenset(
    {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT"}
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that the host serves.

    Attributes:
        app: The app, without the functions that cannot be served.
        routes: Of HTTP functions, also of those that did not load: they answer 500.
        timers: By function.
        queues: By function.
    """

    app: LoadedApp
    routes: tuple[FunctionRoute, ...]
    timers: Mapping[str, TimerSettings]
    queues: Mapping[str, QueueSource]


def make_plan(app: LoadedApp, config: HostConfig, environment: Mapping[str, str]) -> Plan:
    """Return what of the app can be served, with a problem for each function that cannot."""
    planner = _Planner(config, environment)
    for name, function in app.functions.items():
        planner.add(name, function.metadata)
    for metadata in app.broken.values():
        planner.add_broken(metadata)
    served = {n: f for n, f in app.functions.items() if n not in planner.refused}
    problems = sorted((*app.problems, *planner.problems), key=lambda problem: problem.function)
    return Plan(
        app=dataclasses.replace(app, functions=served, problems=tuple(problems)),
        routes=tuple(planner.routes),
        timers=planner.timers,
        queues=planner.queues,
    )


class _Planner:
    def __init__(self, config: HostConfig, environment: Mapping[str, str]) -> None:
        self._prefix = config.http.route_prefix.strip("/")
        self._environment = environment
        self.routes: list[FunctionRoute] = []
        self.timers: dict[str, TimerSettings] = {}
        self.queues: dict[str, QueueSource] = {}
        self.problems: list[Problem] = []

    @property
    def refused(self) -> frozenset[str]:
        return frozenset(problem.function for problem in self.problems)

    def add(self, name: str, metadata: FunctionMetadata) -> None:
        try:
            self._add(name, metadata)
        except FunctionLoadError as error:
            self.problems.append(Problem(function=name, reason=error.reason))

    def add_broken(self, metadata: FunctionMetadata) -> None:
        try:
            if metadata.trigger.type.casefold() == "httptrigger":
                self._add_route(metadata)
        except FunctionLoadError:
            return  # it has its problem already

    def _add(self, name: str, metadata: FunctionMetadata) -> None:
        kind = metadata.trigger.type.casefold()
        for binding in metadata.bindings:
            if binding.type.casefold() == "queue":
                queue_of(name, binding, self._environment)
        if kind == "httptrigger":
            self._add_route(metadata)
        elif kind == "timertrigger":
            self.timers[name] = timer_of(name, metadata.trigger)
        elif kind == "queuetrigger":
            self.queues[name] = queue_of(name, metadata.trigger, self._environment)

    def _add_route(self, metadata: FunctionMetadata) -> None:
        route = route_of(metadata, self._prefix)
        for other in self.routes:
            if route.overlaps(other):
                raise FunctionLoadError(
                    metadata.name,
                    f"the route '{route.route.template}' is already taken by the function "
                    f"{other.function}",
                )
        self.routes.append(route)


def route_of(metadata: FunctionMetadata, prefix: str) -> FunctionRoute:
    """Return where an HTTP function answers.

    Raises:
        FunctionLoadError: its route, methods or authLevel cannot be.
    """
    properties = metadata.trigger.properties
    declared = properties.get("route")
    if declared is not None and not isinstance(declared, str):
        raise FunctionLoadError(metadata.name, f"the route is not a string: {declared!r}")
    own = metadata.name if declared is None else declared
    _check_level(metadata)
    try:
        route = parse_route(own, prefix=prefix)
    except RouteTemplateError as error:
        raise FunctionLoadError(metadata.name, str(error)) from error
    return FunctionRoute(function=metadata.name, route=route, methods=_methods(metadata))


def _check_level(metadata: FunctionMetadata) -> None:
    level = metadata.trigger.properties.get("authLevel", "function")
    if str(level).casefold() not in {
        AuthLevel.ANONYMOUS,
        AuthLevel.FUNCTION,
        AuthLevel.ADMIN,
    }:
        raise FunctionLoadError(
            metadata.name, f"authLevel {level!r} is not anonymous, function or admin"
        )


def _methods(metadata: FunctionMetadata) -> frozenset[str]:
    declared = metadata.trigger.properties.get("methods")
    if declared is None:
        return frozenset()
    if not isinstance(declared, list):
        raise FunctionLoadError(metadata.name, f"methods is not a list: {declared!r}")
    methods = frozenset(str(method).upper() for method in declared)
    if methods - _METHODS:
        unknown = ", ".join(sorted(methods - _METHODS))
        raise FunctionLoadError(metadata.name, f"methods names no HTTP method: {unknown}")
    return methods
