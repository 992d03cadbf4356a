"""Jobs that the release before this one began, and the reverse, on our own host."""

from __future__ import annotations

from pathlib import Path

import pytest

from aci_emulator.admin.client import AdminClient
from engine_app import copy_app
from engine_chaos_place import OwnHost
from engine_chaos_releases import GONE_S, SETTINGS, Change, run_through
from releases import previous_release, previous_version
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

ROOT = Path(__file__).resolve().parents[3]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["upgrade", "rollback"])
def test_jobs_of_one_release_end_right_under_the_other(way: str, tmp_path: Path) -> None:
    """Right outcomes, one group an attempt, nothing left behind, no line of a log lost.

    Jobs of this release are in two scopes, of which the one before knows only by their rows.
    """
    releases = [previous_release(tmp_path / "previous"), copy_app(ROOT, tmp_path / "this")]
    first, then = releases if way == "upgrade" else reversed(releases)
    options = StackOptions(
        app=first,
        state=tmp_path / "state",
        runtime="scripted",
        settings=SETTINGS | {"JobScopes": f"{SUBSCRIPTION}/batch-a,{SUBSCRIPTION}/batch-b"},
        is_unlimited=True,
        gone_s=GONE_S,
        emulator_options=("--resource-group", "batch-a", "--resource-group", "batch-b"),
    )
    with LocalStack(options) as stack:
        place = OwnHost(stack)
        change = Change(title=way, jobs=14, run_s=(8, 15), bound_s=120, least_in_flight=10)
        where: set[str] = set()

        def deploy() -> None:
            where.update(group["resourceGroup"] for group in AdminClient(place.admin).groups())
            place.deploy(then)

        assert not run_through(place, change, deploy)
        told = send("GET", f"{place.base_url}/api/health").body["version"]
    assert (told == previous_version()) is (way == "rollback")
    assert way == "upgrade" or where == {"batch-a", "batch-b"}
