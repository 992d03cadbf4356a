"""The app's health on the whole stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.version import VERSION
from stack.http import send

if TYPE_CHECKING:
    from stack.local_stack import LocalStack


def test_the_app_is_up_and_all_that_it_depends_on_is_there(stack: LocalStack) -> None:
    """Rows, logs, Azure, as the local stack sets them."""
    up = send("GET", f"{stack.base_url}/api/health")
    assert (up.status, up.body) == (200, {"status": "up", "version": VERSION})
    deep = send("GET", f"{stack.base_url}/api/health/deep")
    checks = deep.body["checks"]
    assert [name for name, one in checks.items() if one["problems"]] == []
    assert (deep.status, deep.body["status"]) == (200, "up")
    assert set(checks) == {"settings", "rows", "logs", "containerGroups", "keyVaults"}
