"""The routes of an app, and the search for a request's function.

A path that no route takes with this method is 404, never 405 (Azure/azure-functions-host#10098).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from functions_host.http.routes import Route


@dataclass(frozen=True, kw_only=True)
class FunctionRoute:
    """The route and the methods of one function.

    Attributes:
        function: Its name.
        route: Its path, with the prefix.
        methods: Upper case; empty takes every method.
    """

    function: str
    route: Route
    methods: frozenset[str]

    def overlaps(self, other: FunctionRoute) -> bool:
        """Tell whether both take the same requests."""
        if self.route.shape != other.route.shape:
            return False
        return not self.methods or not other.methods or bool(self.methods & other.methods)


class RouteTable:
    """Finds the function for a request."""

    def __init__(self, routes: Iterable[FunctionRoute]) -> None:
        self._routes = sorted(routes, key=lambda r: (r.route.precedence, r.route.template))

    def find(self, method: str, raw_path: str) -> tuple[FunctionRoute, dict[str, str]] | None:
        """Return the best route for the request and its parameters, or None.

        Args:
            method: Upper case.
            raw_path: As sent, percent-encoded, without the query.
        """
        parts = (
            [unquote(part) for part in raw_path.strip("/").split("/")] if raw_path != "/" else []
        )
        for candidate in self._routes:
            if candidate.methods and method not in candidate.methods:
                continue
            values = candidate.route.match(parts)
            if values is not None:
                return candidate, values
        return None
