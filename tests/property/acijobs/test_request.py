"""What the door takes, Azure takes: by the emulator's rules, which are written down apart from ours."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aci_emulator.groups.request import parse_group
from acijobs.aci.request.group import container_group
from acijobs.domain.errors import InvalidSpecError
from acijobs.domain.spec.job import JobSpec, parse
from acijobs.domain.spec.secret import Secret
from spec_complaints import IDENTITY, SUBNET

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
VARIABLES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True).map(lambda name: f"V{name}")
IMAGES = st.sampled_from(["alpine:3.20", "team.azurecr.io/a/b:1", "a"])
COMMANDS = st.lists(TEXT, min_size=1, max_size=3).filter(lambda words: words[0] != "")
CPU = st.integers(1, 400).map(lambda hundredths: hundredths / 100)
MEMORY_GB = st.integers(1, 160).map(lambda tenths: tenths / 10)
SECRETS = (
    TEXT.filter(bool).map(lambda value: {"value": value})
    | st.just({"appSetting": "JobSecret_A"})
    | st.just({"keyVault": "https://v.vault.azure.net/secrets/a"})
)
VARIABLE_MAPS = {
    "environment": st.dictionaries(VARIABLES, TEXT, max_size=3),
    "secrets": st.dictionaries(VARIABLES.map(str.lower), SECRETS, max_size=3),
}
CONTAINER = {"name": NAMES.filter(lambda name: name != "job"), "image": IMAGES}
INITS = st.lists(
    st.fixed_dictionaries(CONTAINER, optional={"command": COMMANDS, **VARIABLE_MAPS}), max_size=2
)
SIDECARS = st.lists(
    st.fixed_dictionaries(
        CONTAINER | {"cpu": CPU, "memoryGb": MEMORY_GB},
        optional={"command": COMMANDS, **VARIABLE_MAPS},
    ),
    max_size=3,
)
KINDS = st.one_of(
    st.just({"emptyDir": {}}),
    SECRETS.map(lambda key: {"azureFile": {"share": "abc", "account": "acc", "key": key}}),
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}\.txt", fullmatch=True), SECRETS, min_size=1, max_size=2
    ).map(lambda files: {"secret": files}),
    st.just({"gitRepo": {"repository": "https://example.com/r.git", "directory": "."}}),
)
VOLUMES = st.lists(
    st.tuples(
        NAMES, st.from_regex(r"/[a-z]{1,5}(/[a-z]{1,5})?", fullmatch=True), KINDS, st.booleans()
    ),
    max_size=4,
).map(
    lambda volumes: [
        {"name": name, "mountPath": path, "readOnly": read_only, **kind}
        for name, path, kind, read_only in volumes
    ]
)
JOBS = st.fixed_dictionaries(
    {"image": IMAGES},
    optional={
        "command": COMMANDS,
        "cpu": CPU,
        "memoryGb": MEMORY_GB,
        "os": st.sampled_from(["Linux", "Linux", "Windows"]),
        "priority": st.sampled_from(["Regular", "Spot"]),
        "restartPolicy": st.sampled_from(["Never", "OnFailure"]),
        "registry": st.sampled_from(
            [
                {"server": "team.azurecr.io", "identity": IDENTITY},
                {"server": "x.io", "user": "u", "secret": {"value": "p"}},
            ]
        ),
        "identity": st.fixed_dictionaries(
            {}, optional={"system": st.booleans(), "userAssigned": st.just([IDENTITY.lower()])}
        ),
        "subnetId": st.just(SUBNET),
        "dns": st.just({"nameServers": ["10.0.0.4"], "options": ["ndots:2"]}),
        "volumes": VOLUMES,
        "initContainers": INITS,
        "sidecars": SIDECARS,
        **VARIABLE_MAPS,
    },
)


def taken(data: dict[str, Any]) -> JobSpec | None:
    """Return the job, with open secrets, if the door takes it."""
    try:
        spec = parse(data)
    except InvalidSpecError:
        return None
    return spec.map_secrets(lambda where, _: Secret.of_value(f"opened {where}"))


@given(JOBS)
def test_what_the_door_takes_azure_takes(data: dict[str, Any]) -> None:
    """Whatever a job combines: nothing that the door takes is refused when the group is asked for."""
    spec = taken(data)
    if spec is None:
        return
    body = container_group(spec, "eastus", {"a": "b"}).serialize()
    asked = parse_group("job-j", body, locations=("eastus",))
    everyone = (*asked.containers[:1], *asked.init_containers, *asked.containers[1:])
    assert tuple(container.name for container in everyone) == spec.containers
    assert tuple(container.image for container in everyone) == spec.images
    assert (round(asked.cores, 6), round(asked.memory_gb, 6)) == (
        spec.resources.cpu,
        spec.resources.memory_gb,
    )
    mounts = {(c.name, m.volume, m.path, m.read_only) for c in everyone for m in c.mounts}
    assert mounts == {
        (name, volume.name, volume.mount_path, volume.read_only)
        for volume in spec.volumes
        for name in spec.containers
    }


@given(JOBS)
def test_every_secret_is_sent_where_it_is_not_shown(data: dict[str, Any]) -> None:
    """As a secure variable, a password, a key or a secret file: each once, and nowhere else."""
    spec = taken(data)
    if spec is None:
        return
    asked = parse_group(
        "job-j", container_group(spec, "eastus", {}).serialize(), locations=("eastus",)
    )
    variables = [v for c in (*asked.containers, *asked.init_containers) for v in c.environment]
    assert all(variable.secure == variable.value.startswith("opened #") for variable in variables)
    sent = [v.value for v in variables if v.secure]
    sent += [c.password for c in asked.credentials if c.password is not None]
    sent += [text.decode() for volume in asked.volumes for text in volume.files.values()]
    sent += [
        volume["azureFile"]["storageAccountKey"]
        for volume in asked.unsupported_volumes
        if "azureFile" in volume
    ]
    assert sorted(sent) == sorted(f"opened {where}" for where in spec.all_secrets)
