from __future__ import annotations

import pytest

from spec_complaints import assert_bounds, complaints, sidecar, volume

KEY = {"value": "a2V5"}
SHARE = {"share": "my-share", "account": "account1", "key": KEY}
REPO = "https://github.com/me/mine"


def test_each_kind_of_volume_keeps_its_rules() -> None:
    """A wrong one is named to the member."""
    assert_bounds(
        "volumes",
        good=[
            [],
            [volume()],
            [volume(azureFile=SHARE, readOnly=True)],
            [volume(secret={"a.txt": KEY, ".env": KEY})],
            [volume(gitRepo={"repository": REPO})],
            [volume(gitRepo={"repository": REPO, "directory": ".", "revision": "v1/x"})],
            [volume("logs", "/var/log/x", emptyDir={}, containers=["job"])],
            [volume(f"v{at}", f"/v{at}") for at in range(20)],
        ],
        bad=[
            [volume(f"v{at}", f"/v{at}") for at in range(21)],
            [volume(readOnly=True)],
            [volume(emptyDir={}, secret={"a": KEY})],
            [volume(emptyDir={"size": 1})],
            [volume(secret={})],
            [volume(secret={"a/b": KEY})],
            [volume(secret={"..": KEY})],
            [volume(azureFile=SHARE | {"share": "My"})],
            [volume(azureFile=SHARE | {"share": "a--b"})],
            [volume(azureFile=SHARE | {"account": "a-b"})],
            [volume(azureFile={"share": "abc", "account": "abc"})],
            [volume(gitRepo={"repository": "git@github.com:me/mine"})],
            [volume(gitRepo={"repository": "https://[x/y"})],
            [volume(gitRepo={"repository": f"{REPO}\n"})],
            [volume(gitRepo={"repository": REPO, "directory": "../x"})],
            [volume(gitRepo={"repository": REPO, "directory": "/x"})],
            [volume(gitRepo={"repository": REPO, "revision": "-x"})],
            [volume(emptyDir={}, containers=[])],
            [volume(emptyDir={}, containers=["job", "job"])],
            [volume(emptyDir={}, readOnly="yes")],
            [volume("Data")],
            [volume("-a")],
            [volume("a" * 64)],
        ],
    )


@pytest.mark.parametrize(
    "path", ["data", "", "/", "//", "/a:b", "/a/../b", "/./a", "C:\\x", "/a\0"]
)
def test_a_mount_path_is_absolute_and_has_no_colon(path: str) -> None:
    """Azure refuses a colon; `/` would hide the container's own files."""
    assert "#/volumes/0/mountPath" in complaints(volumes=[volume("data", path)])


def test_a_git_repository_brings_no_password() -> None:
    """It would be stored, and shown by Azure."""
    found = complaints(volumes=[volume(gitRepo={"repository": "https://me:s3cret@github.com/x/y"})])
    assert "password" in found["#/volumes/0/gitRepo/repository"]
    assert "s3cret" not in str(found)


def test_volumes_have_names_of_their_own() -> None:
    """Each of those that share one is pointed at."""
    found = complaints(volumes=[volume("a", "/a"), volume("b", "/b"), volume("a", "/c")])
    assert set(found) == {"#/volumes/0/name", "#/volumes/2/name"}


def test_a_volume_is_mounted_in_containers_of_the_job() -> None:
    """The complaint names those that there are."""
    wanted = volume(emptyDir={}, containers=["job", "prox"])
    found = complaints(volumes=[wanted], sidecars=[sidecar()])
    assert found == {"#/volumes/0/containers/1": "is no container of the job: it has job, proxy"}


def test_two_volumes_are_not_mounted_at_the_same_place() -> None:
    """In one container; in two they may be."""
    apart = [
        volume("a", "/x", emptyDir={}, containers=["job"]),
        volume("b", "/x", emptyDir={}, containers=["proxy"]),
    ]
    assert complaints(volumes=apart, sidecars=[sidecar()]) == {}
    found = complaints(volumes=[*apart, volume("c", "/x/")], sidecars=[sidecar()])
    assert found == {"#/volumes/2/mountPath": "is where 'a' is mounted in the same container"}
