"""Quotas, rates, pages and the size of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError

from aci_emulator.settings import Limits
from aci_emulator_targets import container, group_of

if TYPE_CHECKING:
    from aci_emulator.settings import Settings
    from aci_emulator_raw import RawClient
    from aci_emulator_targets import EmulatorTarget

_RG = "acijobs"


@pytest.fixture
def aci_emulator_settings(aci_emulator_settings: Settings) -> Settings:
    """Small limits, the provider's rates large."""
    limits = Limits(
        groups=4,
        cores=6,
        creates_per_5_min=8,
        creates_per_hour=10,
        deletes_per_5_min=8,
        deletes_per_hour=10,
        read_burst=30,
        reads_per_s=2,
        write_burst=20,
        writes_per_s=1,
        page_size=2,
        body_bytes=8 * 1024 * 1024,
    )
    return aci_emulator_settings.changed(limits=limits)


@pytest.fixture
def groups(emulated: EmulatorTarget) -> Any:
    return emulated.client.container_groups


def _create(groups: Any, name: str, *, cpu: float = 1.0, run_s: float = 1000) -> None:
    spec = group_of(container(cpu=cpu, command=["script", f"run_s={run_s}"]))
    groups.begin_create_or_update(_RG, name, spec, polling=False)


def test_the_group_quota_counts_ended_groups_too(groups: Any, emulated: EmulatorTarget) -> None:
    """A terminated group still counts until it is deleted."""
    for number in range(4):
        _create(groups, f"job-{number}", run_s=1)
    emulated.pass_time(10)
    with pytest.raises(HttpResponseError) as refused:
        _create(groups, "job-4")
    assert refused.value.error is not None
    assert refused.value.error.code == "ContainerGroupQuotaReached"
    assert (
        "container group quota 'ContainerGroups' exceeded in region 'eastus'. "
        "Limit: '4', Usage: '4' Requested: '1'."
    ) in str(refused.value)
    groups.begin_delete(_RG, "job-0").result()
    _create(groups, "job-4")


def test_the_core_quota_counts_cores_in_use(groups: Any, emulated: EmulatorTarget) -> None:
    """Cores of ended groups are free again."""
    _create(groups, "big", cpu=5, run_s=10)
    with pytest.raises(HttpResponseError, match="'StandardCores' exceeded") as refused:
        _create(groups, "second", cpu=2)
    assert "Limit: '6', Usage: '5' Requested: '2'." in str(refused.value)
    emulated.pass_time(20)
    _create(groups, "second", cpu=2)


def test_spot_groups_have_a_quota_of_their_own(groups: Any, emulated: EmulatorTarget) -> None:
    """Spot cores are counted, limited and shown apart from the others."""
    _create(groups, "standard", cpu=5)
    spot = group_of(container(cpu=5, command=["script", "run_s=1000"]), priority="Spot")
    groups.begin_create_or_update(_RG, "spot", spot, polling=False)
    with pytest.raises(HttpResponseError, match="'StandardSpotCores' exceeded"):
        groups.begin_create_or_update(_RG, "spot-2", spot, polling=False)
    listed: list[Any] = list(emulated.client.location.list_usage("eastus"))
    assert {usage.name.value: usage.current_value for usage in listed} == {
        "ContainerGroups": 2,
        "StandardCores": 5,
        "StandardSpotCores": 5,
    }


def test_creates_are_counted_and_throttled(raw: RawClient, groups: Any) -> None:
    """PUT carries the provider's counters; past the rate it is 429 with Retry-After."""
    _create(groups, "job")
    body = {
        "location": "eastus",
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "main",
                    "properties": {
                        "image": "alpine",
                        "command": ["script", "run_s=1000"],
                        "resources": {"requests": {"cpu": 1, "memoryInGB": 1}},
                    },
                }
            ],
        },
    }
    prefix = "x-ms-ratelimit-remaining-subscription-resource-requests"
    replies = [raw.call("PUT", f"{raw.groups_path}/other", body) for _ in range(8)]
    assert replies[0].headers[f"{prefix}-pt5m"] == "6"
    assert replies[0].headers[f"{prefix}-pt1h"] == "8"
    assert [reply.status for reply in replies[-1:]] == [429]
    assert replies[-1].body["error"]["code"] == "TooManyRequests"
    assert 290 <= int(replies[-1].headers["retry-after"]) <= 300


def test_reads_are_a_bucket_that_refills(raw: RawClient, emulated: EmulatorTarget) -> None:
    """After the burst 429 SubscriptionRequestsThrottled; time fills the bucket."""
    path = raw.groups_path
    left = [raw.call("GET", path) for _ in range(30)]
    key = "x-ms-ratelimit-remaining-subscription-reads"
    assert [int(reply.headers[key]) for reply in left] == list(range(29, -1, -1))
    refused = raw.call("GET", path)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    error = refused.body["error"]
    assert error["code"] == "SubscriptionRequestsThrottled"
    assert error["message"].startswith("Number of 'read' requests for subscription '")
    emulated.pass_time(2)
    assert [raw.call("GET", path).status for _ in range(5)] == [200, 200, 200, 200, 429]


def test_writes_and_deletes_have_buckets_of_their_own(raw: RawClient) -> None:
    """An empty write bucket leaves reads and deletes alone."""
    statuses = [raw.call("PATCH", f"{raw.groups_path}/x", {"tags": {}}).status for _ in range(21)]
    assert statuses == [404] * 20 + [429]
    assert raw.call("GET", raw.groups_path).status == 200
    assert raw.call("DELETE", f"{raw.groups_path}/x").status == 204


def test_lists_come_in_pages(groups: Any) -> None:
    """The SDK follows nextLink through every page, each group once."""
    names = [f"job-{number}" for number in range(4)]
    for name in reversed(names):
        _create(groups, name)
    pages = [[group.name for group in page] for page in groups.list().by_page()]
    assert pages == [names[:2], names[2:]]
    assert [group.name for group in groups.list_by_resource_group(_RG)] == names


def test_logs_shrink_when_the_container_has_stopped(groups: Any, emulated: EmulatorTarget) -> None:
    """4 MB while it runs; then the newest 1,000 lines or 16 KB, whichever is less."""
    admin, logs = emulated.emulator.admin, emulated.client.containers
    short = "".join(f"{number}\n" for number in range(100_000))
    wide = "".join(f"{number:0100d}\n" for number in range(50_000))
    admin.add_script(container="short", run_s=10, output=short)
    admin.add_script(container="wide", run_s=10, output=wide)
    spec = group_of(container(name="short"), container(name="wide"))
    groups.begin_create_or_update(_RG, "job", spec, polling=False)
    emulated.pass_time(5)
    assert logs.list_logs(_RG, "job", "short").content == short
    kept = (logs.list_logs(_RG, "job", "wide").content or "").splitlines()
    assert len(kept) == 4 * 1024 * 1024 // 101
    assert kept[-1] == f"{49_999:0100d}"
    emulated.pass_time(10)
    ended = (logs.list_logs(_RG, "job", "short").content or "").splitlines()
    assert ended == [str(number) for number in range(99_000, 100_000)]
    ended = (logs.list_logs(_RG, "job", "wide").content or "").splitlines()
    assert len(ended) == 16 * 1024 // 101 + 1  # the first of them is cut
    assert ended[-1] == f"{49_999:0100d}"
