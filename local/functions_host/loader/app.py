"""The app's functions, loaded; and what could not be."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions_host.loader.importing import import_function, install_namespace
from functions_host.loader.metadata import Direction, FunctionMetadata, read_metadata
from functions_host.loader.signature import Signature, check_signature
from functions_host.problems import FunctionLoadError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

logger = logging.getLogger("functions_host.loader")

_TRIGGERS = frozenset(
    {"httptrigger", "queuetrigger", "timertrigger", "orchestrationtrigger", "activitytrigger",
     "entitytrigger"}
)  # fmt: skip
_INPUTS = frozenset({"durableclient", "orchestrationclient"})
_OUTPUTS = frozenset({"http", "queue"})
_NOT_FUNCTIONS = frozenset({"node_modules", "__pycache__", "venv", "env"})


@dataclass(frozen=True, kw_only=True)
class LoadedFunction:
    """A function, ready to be called."""

    metadata: FunctionMetadata
    signature: Signature
    call: Callable[..., Any]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.metadata.name


@dataclass(frozen=True, kw_only=True)
class LoadedApp:
    """An app, as far as it can be served.

    Attributes:
        directory: The app's folder.
        functions: What loaded and is enabled, by name.
        broken: Metadata of functions that could be read and not loaded, by name.
        disabled: Names of functions that are switched off.
        problems: Why what is missing is missing.
    """

    directory: Path
    functions: Mapping[str, LoadedFunction]
    broken: Mapping[str, FunctionMetadata]
    disabled: tuple[str, ...]
    problems: tuple[Problem, ...]

    def with_trigger(self, kind: str) -> Iterator[LoadedFunction]:
        """Give the functions with a trigger of this type."""
        for function in self.functions.values():
            if function.metadata.trigger.type.casefold() == kind.casefold():
                yield function


def load_app(
    app_dir: Path, environment: Mapping[str, str], *, only: frozenset[str] | None = None
) -> LoadedApp:
    """Load each function folder of the app; a broken function is reported and left out.

    Args:
        app_dir: The folder with host.json.
        environment: The app's settings.
        only: The names to load, from host.json's `functions`; None loads all.
    """
    app_dir = app_dir.resolve()
    install_namespace(app_dir)
    functions: dict[str, LoadedFunction] = {}
    broken: dict[str, FunctionMetadata] = {}
    disabled: list[str] = []
    problems: list[Problem] = []
    for folder in _function_folders(app_dir, only):
        try:
            metadata = read_metadata(folder, environment)
            if metadata.disabled:
                disabled.append(metadata.name)
                continue
            broken[metadata.name] = metadata
            functions[metadata.name] = _load(metadata)
            del broken[metadata.name]
        except FunctionLoadError as error:
            logger.debug("%s", error, exc_info=error)
            problems.append(Problem(function=error.function, reason=error.reason))
    return LoadedApp(
        directory=app_dir,
        functions=functions,
        broken=broken,
        disabled=tuple(disabled),
        problems=tuple(problems),
    )


def _function_folders(app_dir: Path, only: frozenset[str] | None) -> Iterator[Path]:
    wanted = None if only is None else {name.casefold() for name in only}
    for folder in sorted(app_dir.iterdir()):
        if folder.name.startswith(".") or folder.name in _NOT_FUNCTIONS:
            continue
        if not (folder / "function.json").is_file():
            continue
        if wanted is None or folder.name.casefold() in wanted:
            yield folder


def _load(metadata: FunctionMetadata) -> LoadedFunction:
    _check_binding_types(metadata)
    call = import_function(metadata)
    signature = check_signature(metadata.name, call, metadata.bindings)
    return LoadedFunction(metadata=metadata, signature=signature, call=call)


def _check_binding_types(metadata: FunctionMetadata) -> None:
    for binding in metadata.bindings:
        kind = binding.type.casefold()
        if kind not in _TRIGGERS | _INPUTS | _OUTPUTS:
            raise FunctionLoadError(
                metadata.name,
                f"the binding type(s) '{binding.type}' are not registered: the local host has no "
                f"{binding.type} binding (binding {binding.name!r})",
            )
        wanted = Direction.OUT if kind in _OUTPUTS else Direction.IN
        if binding.direction is not wanted:
            raise FunctionLoadError(
                metadata.name,
                f'the {binding.type} binding {binding.name!r} must have direction "{wanted}" in '
                f'function.json, not "{binding.direction}"',
            )
