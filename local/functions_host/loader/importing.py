"""Imports a function as the real worker does: `__app__.<Folder>`, the app's root on the path."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from typing import TYPE_CHECKING, Any

from functions_host.problems import FunctionLoadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from functions_host.loader.metadata import FunctionMetadata

NAMESPACE = "__app__"


def install_namespace(app_dir: Path) -> None:
    """Make `__app__.<Folder>` and the app's own modules importable.

    A process serves one app: a second call with another folder forgets the first one's functions.
    """
    root = str(app_dir)
    if root not in sys.path:
        sys.path.insert(0, root)
    packages = app_dir / ".python_packages" / "lib" / "site-packages"
    if packages.is_dir() and str(packages) not in sys.path:
        sys.path.insert(1, str(packages))
    installed = sys.modules.get(NAMESPACE)
    if installed is not None and list(installed.__path__) == [root]:
        return
    for name in [name for name in sys.modules if name.split(".", 1)[0] == NAMESPACE]:
        del sys.modules[name]
    spec = importlib.machinery.ModuleSpec(NAMESPACE, None, is_package=True)
    spec.submodule_search_locations = [root]
    sys.modules[NAMESPACE] = importlib.util.module_from_spec(spec)


def import_function(metadata: FunctionMetadata) -> Callable[..., Any]:
    """Return the callable that function.json names.

    Raises:
        FunctionLoadError: the file or the callable is missing, or importing it failed.
    """
    script = metadata.script_file
    if script.suffix != ".py":
        raise FunctionLoadError(metadata.name, f"invalid Python filename {script.name}")
    if not script.is_file():
        raise FunctionLoadError(metadata.name, f"the script file {script.name} does not exist")
    relative = script.relative_to(metadata.directory.parent)
    parts = [NAMESPACE, *relative.parts[:-1]]
    if script.stem != "__init__":
        parts.append(script.stem)
    module = _import(metadata.name, ".".join(parts), script)
    function = getattr(module, metadata.entry_point, None)
    if function is None or not callable(function):
        raise FunctionLoadError(
            metadata.name, f"function {metadata.entry_point}() is not present in {relative}"
        )
    return function  # type: ignore[no-any-return]  # callable() does not narrow Any


def _import(name: str, module: str, script: Path) -> Any:
    try:
        return importlib.import_module(module)
    except SyntaxError as error:
        where = f"{error.filename or script}:{error.lineno}"
        raise FunctionLoadError(name, f"SyntaxError: {error.msg} ({where})") from error
    except (Exception, SystemExit) as error:
        raise FunctionLoadError(name, _why(error, script)) from error


def _why(error: BaseException, script: Path) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = next((f for f in reversed(frames) if "importlib" not in f.filename), None)
    where = f"{last.filename}:{last.lineno}" if last else str(script)
    hint = ""
    if isinstance(error, ModuleNotFoundError):
        hint = ". Check requirements.txt for the missing module"
    return f"{type(error).__name__}: {error} ({where}){hint}"
