"""The package: which files of the app are deployed, and the zip of them."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEPENDENCIES = ".python_packages/lib/site-packages"
"""Where the Python worker looks for packages that were not installed at deployment.

Source: learn.microsoft.com/azure/azure-functions/functions-reference-python#folder-structure.
"""

_SINGLE_FILES = ("LICENSE", "host.json", "requirements.txt")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_REGULAR_FILE = 0o100644 << 16
_MADE_ON_UNIX = 3


class PackageError(Exception):
    """The package cannot be made; the text says why, and what would be right."""


def files_of(app: Path) -> dict[str, Path]:
    """Return what is deployed: each file by its name in the package, in the order of the names.

    It is a list of what may be in, not of what may not: a file that somebody leaves in the folder is
    not deployed.

    Raises:
        PackageError: a file is missing, or is a link, which a zip would hold as another file.
    """
    functions = sorted(path.parent for path in app.glob("*/function.json"))
    found = [
        *(app / name for name in _SINGLE_FILES),
        *(app / "acijobs").rglob("*.py"),
        *(path for one in functions for path in (one / "function.json", *one.glob("*.py"))),
    ]
    if not functions:
        raise PackageError(f"{app} has no function: no folder in it holds a function.json")
    for path in found:
        if path.is_symlink() or not path.is_file():
            raise PackageError(f"{path} is no file: the app's folder is not complete")
    return _by_name(app, found)


def dependencies_of(folder: Path) -> dict[str, Path]:
    """Return installed packages: each file by its name in the package of the app."""
    names = _by_name(folder, [path for path in folder.rglob("*") if path.is_file()])
    kept = {name for name in names if "__pycache__" not in name and not name.startswith("bin/")}
    return {f"{DEPENDENCIES}/{name}": names[name] for name in sorted(kept)}


def write_zip(files: Mapping[str, Path], target: Path) -> None:
    """Write these files to a zip: the same bytes from the same files, whenever and wherever.

    So it has no times, no rights of files, and nothing compressed, since releases of zlib differ.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _MADE_ON_UNIX
            entry.external_attr = _REGULAR_FILE
            package.writestr(entry, files[name].read_bytes())


def write_folder(files: Mapping[str, Path], target: Path) -> None:
    """Put these files into a folder, which then holds nothing else."""
    shutil.rmtree(target, ignore_errors=True)
    for name, path in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)


def _by_name(root: Path, paths: list[Path]) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in sorted(paths)}
