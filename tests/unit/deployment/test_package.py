"""`make package`: exactly what is deployed, and the same bytes each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deployment.__main__ import main
from deployment.package import PackageError, dependencies_of, files_of, write_folder, write_zip

ROOT = Path(__file__).parents[3]


def left_by_funcignore() -> set[str]:
    """Return every file of the checkout, but for those that git ignores, that .funcignore leaves."""
    lines = (ROOT / ".funcignore").read_text("utf-8").splitlines()
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {
        name
        for name in filter(None, listed.split("\0"))
        if not any(fnmatch(part, one) for part in name.split("/") for one in patterns)
    }


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout of git, to list files of")
def test_the_package_holds_what_funcignore_leaves() -> None:
    """So that Core Tools and azd deploy the same, and nothing for developing is among it."""
    assert set(files_of(ROOT)) == left_by_funcignore()


def test_every_function_and_every_module_is_in_the_package() -> None:
    """With what the host and the worker need beside them."""
    names = set(files_of(ROOT))
    assert {"host.json", "requirements.txt", "LICENSE", "acijobs/wiring.py"} <= names
    functions = {path.parent.name for path in ROOT.glob("*/function.json")}
    assert len(functions) > 15
    assert {f"{one}/function.json" for one in functions} <= names
    assert {f"{one}/__init__.py" for one in functions} <= names


def test_nothing_makes_the_worker_take_the_app_for_another_model() -> None:
    """A function_app.py at the root would switch it to decorators: no function would be found."""
    assert [name for name in files_of(ROOT) if name == "function_app.py"] == []
    assert [name for name in files_of(ROOT) if "settings.json" in name] == []


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Whatever their times, their rights and their place."""
    here, there = files_of(ROOT), tmp_path / "elsewhere"
    write_folder(here, there)
    for path in there.rglob("*.py"):
        path.chmod(0o700)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    write_zip(here, tmp_path / "1.zip")
    write_zip(files_of(there), tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_another_content_makes_other_bytes(tmp_path: Path) -> None:
    """So that equal bytes mean an equal app."""
    write_folder(files_of(ROOT), tmp_path / "app")
    write_zip(files_of(tmp_path / "app"), tmp_path / "1.zip")
    (tmp_path / "app" / "host.json").write_text("{}", "utf-8")
    write_zip(files_of(tmp_path / "app"), tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() != (tmp_path / "2.zip").read_bytes()


def test_a_file_that_was_left_lying_about_is_not_deployed(tmp_path: Path) -> None:
    """A secret in the folder of the app stays there."""
    write_folder(files_of(ROOT), tmp_path / "app")
    for name in (".env", "notes.txt", "acijobs/key.pem", "HttpStart/local.settings.json"):
        (tmp_path / "app" / name).write_text("secret", "utf-8")
    assert set(files_of(tmp_path / "app")) == set(files_of(ROOT))


def test_what_is_no_complete_app_makes_no_package(tmp_path: Path) -> None:
    """Nor does a link, which a zip would hold as another file."""
    with pytest.raises(PackageError, match="has no function"):
        files_of(tmp_path)
    write_folder(files_of(ROOT), tmp_path / "app")
    (tmp_path / "app" / "host.json").unlink()
    with pytest.raises(PackageError, match=r"host\.json is no file"):
        files_of(tmp_path / "app")
    (tmp_path / "app" / "host.json").symlink_to(ROOT / "host.json")
    with pytest.raises(PackageError, match=r"host\.json is no file"):
        files_of(tmp_path / "app")


def test_the_command_writes_a_zip_and_the_same_files_as_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Azd takes the folder, whoever deploys by hand the zip; what was there before is gone."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "old.py").touch()
    assert main(["--output", str(tmp_path)]) == 0
    with zipfile.ZipFile(tmp_path / "acijobs.zip") as package:
        assert package.testzip() is None
        names = package.namelist()
    assert names == sorted(files_of(ROOT))
    there = [path for path in (tmp_path / "app").rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path / "app").as_posix() for path in there) == names
    assert "sha256" in capsys.readouterr().out


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="this is the Python of Azure")
def test_dependencies_are_packed_by_the_python_of_azure_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compiled packages of another would not load there."""
    assert main(["--output", str(tmp_path), "--with-dependencies"]) == 1
    assert "PYTHON=python3.13" in capsys.readouterr().err


def test_dependencies_are_put_where_the_worker_looks(tmp_path: Path) -> None:
    """Without what Python made of them here, and without commands, which name this machine's Python."""
    (tmp_path / "azure" / "__pycache__").mkdir(parents=True)
    (tmp_path / "azure" / "core.py").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "normalizer").touch()
    (tmp_path / "azure" / "__pycache__" / "core.pyc").touch()
    assert list(dependencies_of(tmp_path)) == [".python_packages/lib/site-packages/azure/core.py"]


def test_every_function_of_the_unpacked_package_can_be_imported(tmp_path: Path) -> None:
    """With nothing of the checkout to be found: neither the local tools nor the tests are needed."""
    write_zip(files_of(ROOT), tmp_path / "acijobs.zip")
    shutil.unpack_archive(tmp_path / "acijobs.zip", tmp_path / "app")
    functions = sorted(path.parent.name for path in (tmp_path / "app").glob("*/function.json"))
    local = str(ROOT / "local")
    code = "\n".join(
        [
            "import importlib, sys",
            f"sys.path[:] = ['.', *(p for p in sys.path if p != {local!r})]",
            f"for name in {functions!r}: importlib.import_module(name)",
            f"assert sys.modules['acijobs'].__file__.startswith({str(tmp_path)!r})",
        ]
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path / "app", capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
