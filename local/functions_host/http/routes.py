"""Route templates of HTTP triggers, as ASP.NET Core reads them.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from functions_host.http.constraints import constraint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PARAMETER = re.compile(
    r"(?P<catch>\*{0,2})(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"(?P<constraints>(?::[A-Za-z]+(?:\((?:[^()\\]|\\.|\([^()]*\))*\))?)*)"
    r"(?P<default>=[^?]*)?(?P<optional>\?)?"
)
_CONSTRAINT = re.compile(r":(?P<name>[A-Za-z]+)(?:\((?P<argument>(?:[^()\\]|\\.|\([^()]*\))*)\))?")
_RESERVED = ("admin", "runtime")


class RouteTemplateError(ValueError):
    """A route template that no route can be made of."""


@dataclass(frozen=True, kw_only=True)
class _Parameter:
    name: str
    checks: tuple[Callable[[str], bool], ...] = ()
    default: str | None = None
    optional: bool = False
    catch_all: bool = False


@dataclass(frozen=True, kw_only=True)
class _Segment:
    """One part between slashes: a pattern with its parameters, and how closely it binds."""

    pattern: re.Pattern[str]
    parameters: tuple[_Parameter, ...]
    rank: int

    @property
    def may_be_absent(self) -> bool:
        return len(self.parameters) == 1 and (
            self.parameters[0].optional
            or self.parameters[0].default is not None
            or self.parameters[0].catch_all
        )


@dataclass(frozen=True, kw_only=True)
class Route:
    """A parsed template.

    Attributes:
        template: As written, with the prefix.
        segments: Its parts.
    """

    template: str
    segments: tuple[_Segment, ...] = field(repr=False)

    @property
    def precedence(self) -> tuple[int, ...]:
        """Orders routes: literals before constrained parameters before others, catch-alls last."""
        return tuple(segment.rank for segment in self.segments)

    @property
    def shape(self) -> str:
        """Equal for two routes that take the same paths."""
        parts = []
        for segment in self.segments:
            names = [p.name for p in segment.parameters]
            text = segment.pattern.pattern
            for name in names:
                text = text.replace(f"?P<{name}>", "")
            parts.append(f"{text}:{segment.rank}")
        return "/".join(parts).casefold()

    def match(self, parts: Sequence[str]) -> dict[str, str] | None:
        """Return the route's parameters if the path's decoded parts fit it, else None."""
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            parameters = segment.parameters
            if parameters and parameters[0].catch_all:
                rest = "/".join(parts[index:])
                return values if _take(parameters[0], rest or None, values) else None
            if index >= len(parts):
                if not segment.may_be_absent or not _take(parameters[0], None, values):
                    return None
                continue
            if not _take_part(segment, parts[index], values):
                return None
        return values if len(parts) <= len(self.segments) else None


def _take_part(segment: _Segment, part: str, values: dict[str, str]) -> bool:
    found = segment.pattern.fullmatch(part)
    return found is not None and all(
        _take(parameter, found[parameter.name], values) for parameter in segment.parameters
    )


def _take(parameter: _Parameter, text: str | None, values: dict[str, str]) -> bool:
    if text is None:
        text = parameter.default
    if text is None:
        return True
    if not all(check(text) for check in parameter.checks):
        return False
    values[parameter.name] = text
    return True


def parse_route(template: str, *, prefix: str = "") -> Route:
    """Return the route of a template such as `jobs/{id:guid}/logs/{*path}`, below the prefix.

    Raises:
        RouteTemplateError: the template is not valid; the text says what is wrong with it.
    """
    if template.startswith(("/", "~")):
        raise RouteTemplateError(f"the route template {template!r} must not start with '/' or '~'")
    template = "/".join(part for part in (prefix, template.removesuffix("/")) if part)
    texts = _split(template)
    if texts and texts[0].casefold() in _RESERVED:
        raise RouteTemplateError(
            f"the route template {template!r} conflicts with the host's own routes under "
            f"/{texts[0].casefold()}"
        )
    segments = tuple(_segment(text, template) for text in texts)
    _check(segments, template)
    return Route(template=template, segments=segments)


def _split(template: str) -> list[str]:
    """Return the parts between the slashes that stand outside of parameters."""
    if template == "":
        return []
    parts = [""]
    for piece in _pieces(template):
        if piece.startswith("{"):
            parts[-1] += piece
            continue
        first, *others = piece.split("/")
        parts[-1] += first
        parts += others
    if "" in parts:
        raise RouteTemplateError(f"the route template {template!r} has two slashes in a row")
    return parts


def _pieces(text: str) -> list[str]:
    """Return literals and `{parameters}` in turn; `{{` and `}}` in a parameter stand for a brace."""
    pieces = [""]
    depth, index = 0, 0
    while index < len(text):
        letter = text[index]
        if depth and text[index : index + 2] in {"{{", "}}"}:
            pieces[-1] += letter * 2
            index += 2
            continue
        if letter == "{" and not depth:
            pieces.append("{")
        elif letter == "}" and depth:
            pieces[-1] += "}"
            pieces.append("")
        else:
            pieces[-1] += letter
        depth += (letter == "{") - (letter == "}")
        if depth not in {0, 1}:
            break
        index += 1
    if depth != 0:
        raise RouteTemplateError(f"the route template {text!r} has unbalanced braces")
    return pieces


def _segment(text: str, template: str) -> _Segment:
    pieces = _pieces(text)
    pattern, parameters = "", []
    for piece in pieces:
        if piece.startswith("{"):
            parameter = _parameter(piece[1:-1], template)
            parameters.append(parameter)
            many = ".*" if parameter.catch_all else ".+"
            pattern += f"(?P<{parameter.name}>{many})"
        elif "?" in piece:
            raise RouteTemplateError(
                f"the literal section {piece!r} of the route template {template!r} must not contain '?'"
            )
        else:
            pattern += re.escape(piece)
    is_whole = len(parameters) == 1 and pieces[0] == pieces[-1] == ""
    return _Segment(
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        parameters=tuple(parameters),
        rank=_rank(parameters, is_whole=is_whole),
    )


def _rank(parameters: list[_Parameter], *, is_whole: bool) -> int:
    if not parameters:
        return 1
    if not is_whole:
        return 2
    catch_all, constrained = parameters[0].catch_all, bool(parameters[0].checks)
    return (4 if catch_all else 2) + (0 if constrained else 1)


def _check(segments: tuple[_Segment, ...], template: str) -> None:
    seen: set[str] = set()
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        for parameter in segment.parameters:
            if parameter.name.casefold() in seen:
                raise RouteTemplateError(
                    f"the route parameter {parameter.name!r} appears more than once in {template!r}"
                )
            seen.add(parameter.name.casefold())
            if parameter.catch_all and not (last and len(segment.parameters) == 1):
                raise RouteTemplateError(
                    f"a catch-all parameter can only be the last segment of {template!r}"
                )
        optional = any(p.optional for p in segment.parameters)
        if optional and not all(s.may_be_absent for s in segments[index + 1 :]):
            raise RouteTemplateError(
                f"an optional parameter must be at the end of the route template {template!r}"
            )


def _parameter(text: str, template: str) -> _Parameter:
    found = _PARAMETER.fullmatch(text)
    if found is None:
        raise RouteTemplateError(
            f"the route parameter {{{text}}} of the route template {template!r} is not valid"
        )
    default = found["default"]
    optional = bool(found["optional"])
    if default is not None and optional:
        raise RouteTemplateError(
            f"the optional parameter {{{text}}} of {template!r} cannot have a default value"
        )
    return _Parameter(
        name=found["name"],
        checks=tuple(_checks(found["constraints"], template)),
        default=default[1:] if default else None,
        optional=optional,
        catch_all=bool(found["catch"]),
    )


def _checks(text: str, template: str) -> Iterator[Callable[[str], bool]]:
    for found in _CONSTRAINT.finditer(text):
        try:
            yield constraint(found["name"], found["argument"])
        except ValueError as error:
            raise RouteTemplateError(f"in the route template {template!r} {error}") from None
