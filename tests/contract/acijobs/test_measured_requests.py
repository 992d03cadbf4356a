"""Each HTTP request of the SDK to Azure Resource Manager is measured, and shown, by what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acijobs.aci import measuring
from acijobs.aci.measuring import operation_of
from acijobs.domain import metrics
from acijobs.domain.errors import BusyError
from acijobs.domain.spec.job import parse
from acijobs.usecases.patience import PatientGroups
from acijobs.usecases.telemetry import NO_TELEMETRY
from manual_clock import ManualClock
from recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from aci_emulator.in_process import InProcessEmulator
    from acijobs.aci.client import AciContainerGroups

SPEC = parse({"image": "alpine:3.20", "command": ["script", "print hello", "sleep 60"]})
TAGS = {"acijobs-job": "measured"}


@pytest.fixture
def telemetry() -> RecordedTelemetry:
    return RecordedTelemetry()


@pytest.fixture
def measured(
    connect: Callable[..., AciContainerGroups], telemetry: RecordedTelemetry
) -> AciContainerGroups:
    """Return groups whose requests are measured."""
    return connect(telemetry=telemetry)


def requests(telemetry: RecordedTelemetry) -> list[tuple[Any, Any]]:
    """Return operation and status of each request."""
    found = telemetry.attributes(metrics.ARM_REQUEST)
    return [(one["acijobs.operation"], one["http.response.status_code"]) for one in found]


def test_every_call_of_the_client_is_one_operation(
    measured: AciContainerGroups, telemetry: RecordedTelemetry
) -> None:
    """None of them is `other`: a path of a new version of the API would be."""
    measured.create("measured", SPEC, TAGS, location="eastus")
    measured.get("measured")
    measured.listed()
    measured.read_log("measured", "job")
    measured.stop("measured")
    measured.usages("eastus")
    measured.capabilities("eastus")
    measured.delete("measured")
    assert [name for name, _ in requests(telemetry)] == [
        *("create", "read", "list", "logs", "stop", "usages", "capabilities", "delete")
    ]
    assert [span.name for span in telemetry.spans] == [
        f"ARM {name}" for name, _ in requests(telemetry)
    ]
    assert all(value > 0 for value in telemetry.values(metrics.ARM_REQUEST))


def test_a_missing_group_is_no_error(
    measured: AciContainerGroups, telemetry: RecordedTelemetry
) -> None:
    """The app asks for groups until they are gone."""
    assert measured.get("none-of-this-name") is None
    assert requests(telemetry) == [("read", 404)]
    [span] = telemetry.spans
    assert (span.failure, span.attributes["http.response.status_code"]) == ("", 404)


def test_a_throttled_request_is_counted_and_so_is_the_next_one(
    measured: AciContainerGroups, telemetry: RecordedTelemetry, aci_emulator: InProcessEmulator
) -> None:
    """Each one that was sent, with its own status."""
    known = {"status": 429, "code": "TooManyRequests", "times": 1, "retry_after_s": 1}
    aci_emulator.admin.add_fault("respond", operation="ContainerGroups_Get", **known)
    PatientGroups(measured, ManualClock()).get("throttled")
    assert requests(telemetry) == [("read", 429), ("read", 404)]
    assert telemetry.attributes(metrics.ARM_THROTTLED) == [{"acijobs.operation": "read"}]
    assert [span.failure for span in telemetry.spans] == ["HTTP 429", ""]


def test_a_request_without_an_answer_is_measured(
    measured: AciContainerGroups, telemetry: RecordedTelemetry, aci_emulator: InProcessEmulator
) -> None:
    """With the status 0, and so is each one that the SDK sends instead."""
    aci_emulator.admin.add_fault("drop_reply", operation="ContainerGroups_Create*")
    with pytest.raises(BusyError):
        measured.create("dropped", SPEC, TAGS, location="eastus")
    assert set(requests(telemetry)) == {("create", 0)}
    assert {span.failure for span in telemetry.spans} == {"ServiceResponseError"}


def test_with_telemetry_off_nothing_is_measured(
    connect: Callable[..., AciContainerGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what a request is for is looked at."""
    looked: list[str] = []

    def look(method: str, url: str) -> str:
        looked.append(url)
        return operation_of(method, url)

    monkeypatch.setattr(measuring, "operation_of", look)
    assert connect(telemetry=NO_TELEMETRY).get("none-of-this-name") is None
    assert looked == []
    assert connect(telemetry=RecordedTelemetry()).get("none-of-this-name") is None
    assert len(looked) == 1


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("GET", "https://arm/subscriptions/s/operations/1?api-version=1", "other"),
        ("PATCH", "https://arm/x/providers/Microsoft.ContainerInstance/containerGroups/g", "other"),
        ("GET", "https://arm/x/providers/microsoft.containerinstance/CONTAINERGROUPS/g/", "read"),
        ("GET", "https://arm/x/providers/Microsoft.ContainerInstance/containerGroups?$s=1", "list"),
    ],
)
def test_an_operation_is_known_by_method_and_path(method: str, url: str, operation: str) -> None:
    """Azure compares paths without letter case, and a list has further pages."""
    assert operation_of(method, url) == operation
