"""The emulator's bodies have the very shape of recorded ones: same members, same kinds of value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aci_emulator.in_process import InProcessEmulator
    from aci_emulator_raw import RawClient

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "aci_emulator"
_VERSION = "2024-05-01-preview"
_KINDS = {
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "<second>",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,7}Z": "<moment>",
    r"(pulling|Successfully pulled) image \"[^\"]+\"": "<image message>",
    r"\d+\.\d+\.\d+\.\d+": "<ip>",
}


def _fixture(name: str) -> Any:
    return json.loads((_FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def _shape(value: Any, key: str = "") -> Any:
    """Return a value with what differs from run to run replaced by its kind."""
    if isinstance(value, dict):
        return {name: _shape(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [_shape(entry) for entry in value]
    if isinstance(value, str):
        return _text_shape(value, key)
    counted = isinstance(value, int) and key in ("currentValue", "limit", "count")
    return "<number>" if counted else value


def _text_shape(value: str, key: str) -> str:
    if key == "id":
        return re.sub(r"(?<=resourceGroups/)[\w-]+|(?<=containerGroups/)[\w-]+", "<name>", value)
    if key == "name" and value in ("test-cgi50ep", "bez-test-cg"):
        return "<name>"
    for pattern, kind in _KINDS.items():
        if re.fullmatch(pattern, value):
            return kind
    return value


def _put(raw: RawClient, request: Any) -> Any:
    return raw.call("PUT", f"{raw.groups_path}/test-cgi50ep", request, api_version=_VERSION)


def _get(raw: RawClient) -> Any:
    return raw.call("GET", f"{raw.groups_path}/test-cgi50ep", api_version=_VERSION).body


@pytest.fixture(autouse=True)
def running_forever(aci_emulator: InProcessEmulator) -> None:
    """The recorded containers were web servers."""
    aci_emulator.admin.add_script(run_s=False)


def test_the_answer_to_put_is_the_recorded_one(raw: RawClient) -> None:
    """PUT answers 201 with the recorded body and the recorded headers."""
    recorded = _fixture("created")
    reply = _put(raw, recorded["request"])
    assert reply.status == recorded["status"]
    assert _shape(reply.body) == _shape(recorded["body"])
    limited = {name.lower() for name in recorded["headers"] if "ratelimit" not in name}
    assert limited <= set(reply.headers)
    assert re.fullmatch(
        r"https://127\.0\.0\.1:\d+/subscriptions/[\w-]+/providers/Microsoft\.ContainerInstance"
        r"/locations/eastus/operations/[\w-]{36}\?api-version=2018-06-01",
        reply.headers["azure-asyncoperation"],
    )


def test_a_running_group_is_the_recorded_one(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """GET of a running group has the recorded instanceView and events."""
    recorded = _fixture("running")
    _put(raw, recorded["request"])
    aci_emulator.admin.advance()
    assert _shape(_get(raw)) == _shape(recorded["body"])


def test_a_finished_operation_is_the_recorded_one(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """The operation of a create carries the group's id and the containers' events."""
    recorded = _fixture("operation_succeeded")
    url = _put(raw, recorded["request"]).headers["azure-asyncoperation"]
    aci_emulator.admin.advance()
    path = url.removeprefix(raw.env["ARM_ENDPOINT"])
    reply = raw.call("GET", path, api_version=None)
    assert _shape(reply.body) == _shape(recorded["body"])


def test_a_stopped_group_is_the_recorded_one(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """A group restarted once, then stopped, shows what the recorded one shows."""
    recorded = _fixture("stopped")
    _put(raw, recorded["request"])
    aci_emulator.admin.advance()
    assert raw.call("POST", f"{raw.groups_path}/test-cgi50ep/restart").status == 204
    aci_emulator.admin.advance()
    assert raw.call("POST", f"{raw.groups_path}/test-cgi50ep/stop").status == 204
    body = _get(raw)
    assert _shape(body) == _shape(recorded["body"])
    events = body["properties"]["containers"][0]["properties"]["instanceView"]["events"]
    assert {e["name"]: e["count"] for e in events if e["name"] != "Killing"} == {
        "Pulling": 1,
        "Pulled": 1,
        "Started": 2,
    }


@pytest.mark.parametrize(
    ("name", "tail"),
    [("usages", "usages"), ("capabilities", "capabilities"), ("cached_images", "cachedImages")],
)
def test_what_a_location_offers_is_the_recorded_list(raw: RawClient, name: str, tail: str) -> None:
    """Usages, capabilities and cached images have the recorded ids, names and units."""
    recorded = _fixture(name)
    path = (
        f"/subscriptions/{raw.env['AZURE_SUBSCRIPTION_ID']}"
        f"/providers/Microsoft.ContainerInstance/locations/eastus/{tail}"
    )
    assert _shape(raw.call("GET", path).body) == _shape(recorded["body"])


def test_a_tail_of_logs_is_the_recorded_one(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """The very bytes the recorded container printed come back as its recorded log."""
    recorded = _fixture("logs")
    printed = "an earlier line\n" + recorded["body"]["content"]
    aci_emulator.admin.add_script(run_s=False, output=printed)
    _put(raw, _fixture("created")["request"])
    aci_emulator.admin.advance()
    path = f"{raw.groups_path}/test-cgi50ep/containers/bez-test-ci/logs?tail=2"
    assert raw.call("GET", path).body == recorded["body"]


def test_delete_answers_with_the_body_from_before(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """DELETE is synchronous: 200, no header of a long-running operation, the group as it was."""
    recorded = _fixture("running")
    _put(raw, recorded["request"])
    aci_emulator.admin.advance()
    reply = raw.call("DELETE", f"{raw.groups_path}/test-cgi50ep", api_version=_VERSION)
    assert reply.status == 200
    assert _shape(reply.body) == _shape(recorded["body"])
    assert not {"azure-asyncoperation", "location", "retry-after"} & set(reply.headers)
