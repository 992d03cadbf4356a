"""`python -m deployment` writes build/acijobs.zip, and the same files to the folder build/app."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deployment.package import (
    PackageError,
    dependencies_of,
    files_of,
    write_folder,
    write_zip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_APP = Path(__file__).resolve().parents[2]
_PYTHON = (3, 13)  # of infra/app.bicep


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the package and return the exit code: 0 when it was made."""
    chosen = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="acijobs-package-") as scratch:
            files = files_of(_APP)
            if chosen.with_dependencies:
                files |= _installed(Path(scratch))
            write_zip(files, chosen.output / "acijobs.zip")
            write_folder(files, chosen.output / "app")
    except (PackageError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _tell(chosen.output / "acijobs.zip", len(files))
    return 0


def _installed(scratch: Path) -> dict[str, Path]:
    """Install what the app runs on, as it runs in Azure, and return it."""
    if sys.version_info[:2] != _PYTHON:
        wanted = ".".join(map(str, _PYTHON))
        raise PackageError(
            f"dependencies are those of Python {wanted}, which runs in Azure, and this is "
            f"{sys.version.split()[0]}: "
            f"make package DEPENDENCIES=1 PYTHON=python{wanted} VENV=.venv-{wanted}"
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--only-binary", ":all:", "--implementation", "cp"]
    command += ["--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"]
    command += ["--target", str(scratch), "--requirement", str(_APP / "requirements.txt")]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command line
        raise PackageError("pip did not install the dependencies: see above")
    return dependencies_of(scratch)


def _tell(package: Path, count: int) -> None:
    content = package.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    sys.stdout.write(f"{package}: {count} files, {len(content):,} bytes, sha256 {digest}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployment", description=__doc__)
    parser.add_argument("--output", type=Path, default=_APP / "build", help="a folder")
    parser.add_argument(
        "--with-dependencies",
        action="store_true",
        help="put the Python packages in, too: for plans that install none (Premium)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
