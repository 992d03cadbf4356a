"""`python -m deployment.release` makes a release of this checkout in build/release, and its tag.

The zip that is deployed, its bill of materials, checksums of both, and the notes. Nothing is pushed.
Where this commit has the tag already, the same files are made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployment import changelog
from deployment.package import PackageError, files_of, write_zip
from deployment.sbom import sbom

if TYPE_CHECKING:
    from collections.abc import Sequence

_APP = Path(__file__).resolve().parents[2]
_PYTHON = (3, 13)  # of infra/app.bicep
_NAMED_FILES = 5


def main(
    arguments: Sequence[str] | None = None,
    *,
    app: Path = _APP,
    python: tuple[int, int] = sys.version_info[:2],
) -> int:
    """Make the release and return the exit code: 0 when it was made."""
    chosen = _parser().parse_args(arguments)
    output = app / "build" / "release"
    try:
        version = version_of(app)
        problems = [*problems_of(app, version), *_problems_of_python(python)]
        if problems:
            sys.stderr.write("".join(f"no release of {version}: {one}\n" for one in problems))
            return 1
        made = write_release(app, version, output)
        if not chosen.dry_run:
            _tag(app, version)
    except (PackageError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in made:
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")
    sys.stdout.write(_next_step(version, is_dry=chosen.dry_run))
    return 0


def version_of(app: Path) -> str:
    """Return the version that the app says it is.

    Raises:
        PackageError: it says none.
    """
    text = (app / "acijobs" / "version.py").read_text("utf-8")
    found = re.search(r'^VERSION = "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)
    if found is None:
        raise PackageError('acijobs/version.py must have a line like VERSION = "1.2.3"')
    return found[1]


def problems_of(app: Path, version: str) -> list[str]:
    """Return all that keeps this checkout from being released as this version."""
    return [
        *_problems_of_tree(app),
        *_problems_of_tag(app, version),
        *_problems_of_other_places(app, version),
        *changelog.problems_of((app / "CHANGELOG.md").read_text("utf-8"), version),
    ]


def write_release(app: Path, version: str, output: Path) -> list[Path]:
    """Write the release's files to a folder, which then holds nothing else; return them."""
    shutil.rmtree(output, ignore_errors=True)
    package = output / f"acijobs-{version}.zip"
    write_zip(files_of(app), package)
    bill = output / f"acijobs-{version}.cdx.json"
    told = sbom(package.read_bytes(), version, (app / "requirements.txt").read_text("utf-8"))
    bill.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    sums = output / "SHA256SUMS"
    lines = [
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in (bill, package)
    ]
    sums.write_text("".join(lines), "utf-8")
    notes = output / "notes.md"
    text = changelog.notes_of((app / "CHANGELOG.md").read_text("utf-8"), version)
    notes.write_text(f"{text}\n", "utf-8")
    return [package, bill, sums, notes]


def _problems_of_tree(app: Path) -> list[str]:
    changed = [line[3:] for line in _git(app, "status", "--porcelain").splitlines()]
    if not changed:
        return []
    more = ", …" if len(changed) > _NAMED_FILES else ""
    return [f"not committed: {', '.join(changed[:_NAMED_FILES])}{more}"]


def _problems_of_tag(app: Path, version: str) -> list[str]:
    tagged = _tagged_commit(app, version)
    if tagged in {"", _git(app, "rev-parse", "HEAD")}:
        return []
    return [f"v{version} is {tagged[:9]} already: raise VERSION in acijobs/version.py"]


def _problems_of_other_places(app: Path, version: str) -> list[str]:
    host = json.loads((app / "host.json").read_text("utf-8"))
    project = tomllib.loads((app / "pyproject.toml").read_text("utf-8"))
    found = {
        "host.json, defaultVersion": _durable_task(host).get("defaultVersion"),
        "pyproject.toml": project["project"].get("version"),
    }
    return [f"{where} says {told}" for where, told in found.items() if told != version]


def _durable_task(host: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = host.get("extensions", {}).get("durableTask", {})
    return found


def _problems_of_python(python: tuple[int, int]) -> list[str]:
    if python == _PYTHON:
        return []
    wanted, here = (".".join(map(str, one)) for one in (_PYTHON, python))
    how = f"make release PYTHON=python{wanted} VENV=.venv-{wanted}"
    return [f"it runs on Python {wanted}, and its bill of materials would be of {here}: {how}"]


def _tagged_commit(app: Path, version: str) -> str:
    return _git(
        app, "for-each-ref", "--format=%(objectname)%(*objectname)", f"refs/tags/v{version}"
    )[-40:]


def _tag(app: Path, version: str) -> None:
    if not _tagged_commit(app, version):
        _git(app, "tag", "--annotate", f"v{version}", "--message", f"acijobs {version}")


def _next_step(version: str, *, is_dry: bool) -> str:
    if is_dry:
        return f"v{version} was not tagged: this was a dry run\n"
    return f"v{version} is tagged; nothing was pushed: git push origin v{version}\n"


def _git(app: Path, *words: str) -> str:
    command = ["git", "-C", str(app), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
    if done.returncode:
        raise PackageError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.rstrip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deployment.release", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--dry-run", action="store_true", help="make the files and no tag")
    return parser


if __name__ == "__main__":
    sys.exit(main())
