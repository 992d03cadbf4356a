"""What `make package` makes runs, with nothing of the checkout beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from deployment.package import files_of, write_zip
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

ROOT = Path(__file__).parents[3]


def test_the_unpacked_package_serves_and_takes_a_job(tmp_path: Path) -> None:
    """Every function is there, all that the app depends on is well, and a job is started."""
    write_zip(files_of(ROOT), tmp_path / "acijobs.zip")
    shutil.unpack_archive(tmp_path / "acijobs.zip", tmp_path / "app")
    (tmp_path / "state").mkdir()
    options = StackOptions(app=tmp_path / "app", state=tmp_path / "state", runtime="scripted")
    with LocalStack(options) as stack:
        health = send("GET", f"{stack.base_url}/api/health/deep")
        assert (health.status, health.body["status"]) == (200, "up")
        job = {"id": "packed", "image": "alpine", "command": ["script", "run_s=0"]}
        assert send("POST", f"{stack.base_url}/api/jobs", body=job).status == 202
        shown = send("GET", f"{stack.base_url}/api/jobs/packed")
        assert shown.body["id"] == "packed"
