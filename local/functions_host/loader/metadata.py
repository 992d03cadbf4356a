"""function.json: what a function folder declares.

Source: https://learn.microsoft.com/azure/azure-functions/functions-triggers-bindings, and the
host's own reading of the file (Azure/azure-functions-host, HostFunctionMetadataProvider).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from functions_host.problems import FunctionLoadError, json_object
from functions_host.settings import MissingSettingError, lookup, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FUNCTION_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-]{0,127}")
_BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}|\$return")
_FALSE_TEXTS = frozenset({"", "0", "false"})


class Direction(StrEnum):
    """The direction of a binding's data."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"


@dataclass(frozen=True, kw_only=True)
class Binding:
    """One entry of `bindings`.

    Attributes:
        name: The Python parameter, or `$return`.
        type: As written, for example `httpTrigger`.
        direction: `in` unless the file says otherwise.
        data_type: `dataType`, or None.
        properties: The whole entry, with `%SETTING%` expressions resolved.
    """

    name: str
    type: str
    direction: Direction
    data_type: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_trigger(self) -> bool:
        """Whether this binding is what makes the function run."""
        return self.type.casefold().endswith("trigger")


@dataclass(frozen=True, kw_only=True)
class FunctionMetadata:
    """The content of one function.json.

    Attributes:
        name: The folder's name.
        directory: The folder.
        script_file: Path of the Python file.
        entry_point: Name of the callable in it.
        bindings: In the order of the file.
        disabled: Whether it is switched off, in the file or by `AzureWebJobs.<name>.Disabled`.
        config: The whole file, for the admin API.
    """

    name: str
    directory: Path
    script_file: Path
    entry_point: str
    bindings: tuple[Binding, ...]
    disabled: bool
    config: Mapping[str, Any]

    @property
    def trigger(self) -> Binding:
        """The binding that makes the function run."""
        return next(binding for binding in self.bindings if binding.is_trigger)


def read_metadata(folder: Path, environment: Mapping[str, str]) -> FunctionMetadata:
    """Return what the folder's function.json says.

    Raises:
        FunctionLoadError: the file is broken; the reason tells how.
    """
    name = folder.name
    try:
        config = json_object(folder / "function.json")
    except ValueError as error:
        raise FunctionLoadError(name, f"unable to parse function.json: it {error}") from error
    if not _FUNCTION_NAME.fullmatch(name):
        raise FunctionLoadError(name, f"{name!r} is not a valid function name")
    bindings = _bindings(name, config, environment)
    triggers = [binding for binding in bindings if binding.is_trigger]
    if not triggers:
        raise FunctionLoadError(name, "no trigger binding specified in function.json")
    if len(triggers) > 1:
        listed = ", ".join(binding.type for binding in triggers)
        raise FunctionLoadError(
            name, f"multiple trigger bindings defined in function.json: {listed}"
        )
    if triggers[0].direction is not Direction.IN:
        raise FunctionLoadError(
            name, f'the {triggers[0].type} binding must have direction "in" in function.json'
        )
    return FunctionMetadata(
        name=name,
        directory=folder,
        script_file=_script_file(name, folder, config),
        entry_point=_entry_point(name, config),
        bindings=bindings,
        disabled=_disabled(name, config, environment),
        config=config,
    )


def _bindings(
    name: str, config: dict[str, Any], environment: Mapping[str, str]
) -> tuple[Binding, ...]:
    entries = config.get("bindings")
    if not isinstance(entries, list) or not entries:
        raise FunctionLoadError(name, "at least one binding must be declared in function.json")
    bindings = tuple(_binding(name, entry, environment) for entry in entries)
    seen: set[str] = set()
    for binding in bindings:
        if binding.name in seen:
            raise FunctionLoadError(
                name, f"multiple bindings with the name {binding.name!r} in function.json"
            )
        seen.add(binding.name)
    return bindings


def _binding(function: str, entry: Any, environment: Mapping[str, str]) -> Binding:
    if not isinstance(entry, dict):
        raise FunctionLoadError(function, f"a binding in function.json is not an object: {entry!r}")
    kind = entry.get("type")
    if not isinstance(kind, str) or not kind:
        raise FunctionLoadError(function, "a binding in function.json has no type")
    name = entry.get("name")
    if not isinstance(name, str) or not _BINDING_NAME.fullmatch(name):
        raise FunctionLoadError(
            function, f"the {kind} binding in function.json has an invalid or no name: {name!r}"
        )
    return Binding(
        name=name,
        type=kind,
        direction=_direction(function, name, entry),
        data_type=entry.get("dataType"),
        properties=_resolved(function, name, entry, environment),
    )


def _direction(function: str, name: str, entry: dict[str, Any]) -> Direction:
    text = entry.get("direction", "in")
    try:
        direction = Direction(str(text).casefold())
    except ValueError:
        raise FunctionLoadError(
            function, f'binding {name!r} has direction {text!r} in function.json, not "in" or "out"'
        ) from None
    if direction is Direction.INOUT:
        raise FunctionLoadError(function, '"inout" bindings are not supported')
    if name == "$return" and direction is not Direction.OUT:
        raise FunctionLoadError(function, '"$return" binding must have direction set to "out"')
    return direction


def _resolved(
    function: str, name: str, entry: dict[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    try:
        return {
            key: resolve(value, environment) if isinstance(value, str) else value
            for key, value in entry.items()
        }
    except MissingSettingError as error:
        raise FunctionLoadError(function, f"binding {name!r}: {error}") from error


def _script_file(name: str, folder: Path, config: dict[str, Any]) -> Path:
    script = config.get("scriptFile")
    if script is None:
        return folder / "__init__.py"
    if not isinstance(script, str) or not script:
        raise FunctionLoadError(name, f"scriptFile in function.json is not a path: {script!r}")
    path = (folder / PurePosixPath(script.replace("\\", "/"))).resolve()
    if not path.is_relative_to(folder.parent.resolve()):
        raise FunctionLoadError(name, f"scriptFile {script!r} is outside the app's folder")
    return path


def _entry_point(name: str, config: dict[str, Any]) -> str:
    entry_point = config.get("entryPoint") or "main"
    if not isinstance(entry_point, str):
        raise FunctionLoadError(name, f"entryPoint in function.json is not a name: {entry_point!r}")
    return entry_point


def _disabled(name: str, config: dict[str, Any], environment: Mapping[str, str]) -> bool:
    setting = lookup(environment, f"AzureWebJobs.{name}.Disabled")
    if setting is None:
        setting = lookup(environment, f"AzureWebJobs_{name}_Disabled")
    if setting is not None:
        return setting.strip().casefold() not in _FALSE_TEXTS
    declared = config.get("disabled", False)
    if isinstance(declared, bool):
        return declared
    if isinstance(declared, str):  # the name of a setting
        value = lookup(environment, declared.strip("%"))
        return value is not None and value.strip().casefold() not in _FALSE_TEXTS
    raise FunctionLoadError(
        name, f"disabled in function.json must be true, false or a setting's name: {declared!r}"
    )
