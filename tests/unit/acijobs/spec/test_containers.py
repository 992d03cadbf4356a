from __future__ import annotations

from acijobs.domain.spec.job import parse
from acijobs.domain.spec.resources import Resources
from spec_complaints import EVERYTHING, assert_bounds, complaints, job, sidecar


def test_containers_beside_the_jobs_own() -> None:
    """Sidecars say what they need; those that run first have what the others asked for."""
    assert_bounds(
        "sidecars",
        good=[[], [sidecar()], [sidecar(command=["x"], environment={"A": "1"})]],
        bad=[
            [{"name": "a", "image": "a"}],
            [sidecar(name="job")],
            [sidecar(name="Proxy")],
            [sidecar(name="-a")],
            [sidecar(name="a" * 64)],
            [sidecar(image="A B")],
            [sidecar(cpu=0)],
            [sidecar(memoryGb=0.55)],
            [sidecar(command="run it")],
            [sidecar(ports=[80])],
            {},
        ],
    )
    assert_bounds(
        "initContainers",
        good=[[{"name": "a", "image": "a"}]],
        bad=[[{"name": "a"}], [{"name": "a", "image": "a", "cpu": 1}], ["a"]],
    )


def test_each_container_has_its_own_name() -> None:
    """Each of those that share one is pointed at."""
    found = complaints(
        initContainers=[{"name": "a", "image": "a"}], sidecars=[sidecar("b"), sidecar("a")]
    )
    assert set(found) == {"#/initContainers/0/name", "#/sidecars/1/name"}


def test_a_group_has_at_most_sixty_containers() -> None:
    """The job's own included."""
    small = [sidecar(f"s{at}", cpu=0.1, memoryGb=0.1) for at in range(60)]
    assert complaints(sidecars=small[:59]) == {}
    assert "60" in complaints(sidecars=small)["#/sidecars"]


def test_the_bounds_hold_for_the_group_in_sum() -> None:
    """31 cores and 240 GB, however many containers share them."""
    assert complaints(cpu=30.5, memoryGb=239.5, sidecars=[sidecar()]) == {}
    found = complaints(cpu=30.6, memoryGb=239.6, sidecars=[sidecar()])
    assert found == {
        "#/cpu": "with the sidecars it is 31.1 cores: a group has at most 31",
        "#/memoryGb": "with the sidecars it is 240.1 GB: a group has at most 240",
    }


def test_what_the_whole_group_is_and_needs() -> None:
    """The job's own container first; decimals add up as they are written."""
    spec = parse(EVERYTHING)
    assert spec.containers == ("job", "first", "proxy")
    assert spec.images == ("alpine:3.20", "a", "envoy:1")
    assert spec.resources == Resources(cpu=1.5, memory_gb=2.0)
    many = parse(job(cpu=0.1, sidecars=[sidecar("a", cpu=0.2), sidecar("b", cpu=0.3)]))
    assert many.resources.cpu == 0.6


def test_windows_groups_have_one_container_and_no_volume() -> None:
    """Azure refuses them with MultipleWindowsContainersNotSupported, or later and in other words."""
    found = complaints(
        os="Windows",
        sidecars=[sidecar()],
        initContainers=[{"name": "a", "image": "a"}],
        volumes=[{"name": "a", "mountPath": "/a", "emptyDir": {}}],
    )
    assert set(found) == {"#/sidecars", "#/initContainers", "#/volumes"}


def test_rules_on_several_fields_are_told_with_those_on_one() -> None:
    """A rule is asked where all that it looks at is right, whatever else is wrong."""
    found = complaints(
        cpu=31,
        memoryGb="much",
        sidecars=[sidecar("a"), sidecar("a")],
        volumes=[{"name": "v", "mountPath": "/v", "emptyDir": {}, "containers": ["b"]}],
    )
    assert set(found) == {
        *("#/memoryGb", "#/cpu", "#/sidecars/0/name", "#/sidecars/1/name"),
        "#/volumes/0/containers/0",
    }


def test_a_rule_on_several_fields_keeps_still_where_one_of_them_is_wrong() -> None:
    """Else a volume would be said to name no container, because the container has a wrong image."""
    found = complaints(
        sidecars=[sidecar("a", image="A B")],
        volumes=[{"name": "v", "mountPath": "/v", "emptyDir": {}, "containers": ["a"]}],
    )
    assert set(found) == {"#/sidecars/0/image"}
