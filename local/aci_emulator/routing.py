"""From a method and a path to the operation; ARM's literals compare without case."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aci_emulator import errors


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, decoded.

    Attributes:
        operation: The operation's id in the REST specification, e.g. `ContainerGroups_Get`.
        path: As sent, without the query.
        params: The path's names, percent-decoded.
        query: The query, names in lower case.
        headers: Names in lower case.
        payload: The JSON body; None when there is none.
        base_url: Scheme, host and port as the client addressed them.
    """

    operation: str
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Any = None
    base_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a handler answers: a status, a JSON body (None for none) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Answer(status=204)

Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One operation: `path` has `{name}` where a name stands.

    Attributes:
        any_version: Whether it answers every api-version, as what is not of the provider does.
        needs_token: Whether a caller must be known.
        reads_body: Whether it wants the request's JSON; else whatever was sent is left unread.
    """

    method: str
    path: str
    operation: str
    handler: Handler
    any_version: bool = False
    needs_token: bool = True
    reads_body: bool = True


_SLASHES = re.compile("/+")
_MOST_SEGMENTS = 20  # no route is as long; a path of a million slashes costs nothing


class _Node:
    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.name: str | None = None
        self.named: _Node | None = None
        self.routes: dict[str, Route] = {}


class Router:
    """Finds the route of a request by a tree of path segments."""

    def __init__(self, routes: list[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.strip("/").split("/"):
            if segment.startswith("{"):
                node.named = node.named or _Node()
                node.named.name = segment[1:-1]
                node = node.named
            else:
                node = node.literals.setdefault(segment.lower(), _Node())
        node.routes[route.method] = route

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and the names in the path; several slashes are one, as for ARM.

        Raises:
            ArmError: 404 for an unknown path, 405 for an unknown method of a known one.
        """
        segments = _SLASHES.sub("/", raw_path).strip("/").split("/", _MOST_SEGMENTS)
        params: dict[str, str] = {}
        node = self._descend(self._root, segments, params)
        if node is None:
            raise errors.path_not_found(raw_path)
        if method not in node.routes:
            raise errors.method_not_allowed(method, tuple(sorted(node.routes)))
        return node.routes[method], params

    def _descend(self, node: _Node, segments: list[str], params: dict[str, str]) -> _Node | None:
        """Return the node of a path that has routes; a literal goes before a name."""
        if not segments:
            return node if node.routes else None
        head, *rest = segments
        literal = node.literals.get(head.lower())
        if literal is not None:
            found = self._descend(literal, rest, params)
            if found is not None:
                return found
        if node.named is None or node.named.name is None or not head:
            return None
        params[node.named.name] = unquote(head)
        return self._descend(node.named, rest, params)
