"""What is asked of Azure for each part of a specification, and what Azure shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import RefusedError
from acijobs.domain.regions import Usage
from acijobs.domain.spec.job import parse
from acijobs.domain.spec.secret import Secret
from spec_complaints import EVERYTHING, IDENTITY, SUBNET, job, sidecar, volume

if TYPE_CHECKING:
    from aci_emulator.groups.spec import GroupSpec
    from aci_emulator.in_process import InProcessEmulator
    from acijobs.aci.client import AciContainerGroups

NAME = "job-j"


class Azure:
    """The emulated service: what it was asked for, and what it shows of it to the SDK."""

    def __init__(self, groups: AciContainerGroups, emulator: InProcessEmulator) -> None:
        self._groups = groups
        self._emulator = emulator
        self._resource_group = emulator.env["RESOURCE_GROUP"]

    def show(self, location: str = "eastus", **fields: Any) -> Any:
        """Create the group of a job whose secrets are opened, and return it as the SDK reads it."""
        spec = parse(job(**fields)).map_secrets(
            lambda where, secret: secret if secret.kind == "value" else Secret.of_value(where)
        )
        self._groups.create(NAME, spec, {"a": "b"}, location=location)
        return self._groups._client.container_groups.get(self._resource_group, NAME)

    @property
    def asked(self) -> GroupSpec:
        """What the service understood, secrets included."""
        entry = self._emulator.emulator.service.groups.find(self._resource_group, NAME)
        assert entry is not None
        return entry.group.spec


@pytest.fixture
def azure(groups: AciContainerGroups, aci_emulator: InProcessEmulator) -> Azure:
    """The emulated service."""
    return Azure(groups, aci_emulator)


def test_a_plain_job_asks_for_nothing_else(azure: Azure) -> None:
    """What a job does not ask for is not in the request."""
    shown = azure.show()
    assert [container.name for container in shown.containers] == ["job"]
    assert not any(
        (shown.init_containers, shown.volumes, shown.identity, shown.image_registry_credentials)
    )
    assert (shown.subnet_ids, shown.dns_config, shown.priority) == (None, None, None)
    assert shown.containers[0].volume_mounts is None


def test_secret_variables_reach_the_container_and_are_not_shown(azure: Azure) -> None:
    """In each container; plain ones are shown."""
    shown = azure.show(
        environment={"MODE": "fast"},
        secrets={"TOKEN": {"value": "s3cret"}, "FROM": {"appSetting": "JobSecret_X"}},
        initContainers=[{"name": "first", "image": "a", "secrets": {"T": {"value": "s3cret-i"}}}],
        sidecars=[sidecar(secrets={"T": {"value": "s3cret-s"}})],
    )
    variables = {
        v.name: (v.value, v.secure_value) for v in shown.containers[0].environment_variables
    }
    assert variables == {"MODE": ("fast", None), "TOKEN": (None, None), "FROM": (None, None)}
    assert "s3cret" not in str(shown.serialize(keep_readonly=True))
    main, side = azure.asked.containers
    [first] = azure.asked.init_containers
    assert {v.name: v.value for v in main.environment} == {
        "MODE": "fast",
        "TOKEN": "s3cret",
        "FROM": "#/secrets/FROM",
    }
    assert [v.value for c in (first, side) for v in c.environment] == ["s3cret-i", "s3cret-s"]
    assert all(v.secure for c in (first, side) for v in c.environment)


def test_a_secret_that_was_not_opened_is_not_sent(
    groups: AciContainerGroups, aci_emulator: InProcessEmulator
) -> None:
    """The container would get a URL, or a sealed text, for its password."""
    spec = parse(job(secrets={"A": {"keyVault": "https://v.vault.azure.net/secrets/a"}}))
    with pytest.raises(RefusedError) as refused:
        groups.create(NAME, spec, {}, location="eastus")
    assert refused.value.code == "SecretNotOpened"
    assert "vault.azure.net" not in str(refused.value)
    assert "ContainerGroups_CreateOrUpdate" not in aci_emulator.admin.requests()["operations"]


def test_volumes_of_all_kinds_are_mounted_where_they_are_wanted(azure: Azure) -> None:
    """In the containers that are named, or in all."""
    share = {"share": "my-share", "account": "acc", "key": {"value": "s3cret-k"}}
    shown = azure.show(
        volumes=[
            volume("share", "/share", azureFile=share, readOnly=True, containers=["job"]),
            volume(
                "files", "/files", secret={"a.txt": {"value": "s3cret-é"}}, containers=["proxy"]
            ),
            volume("code", "/code", gitRepo={"repository": "https://h.io/r", "revision": "v1"}),
            volume("scratch", "/scratch"),
        ],
        initContainers=[{"name": "first", "image": "a"}],
        sidecars=[sidecar()],
    )
    mounts = {
        c.name: [(m.name, m.mount_path, bool(m.read_only)) for m in c.volume_mounts]
        for c in [*shown.containers, *shown.init_containers]
    }
    everywhere = [("code", "/code", False), ("scratch", "/scratch", False)]
    assert mounts == {
        "job": [("share", "/share", True), *everywhere],
        "proxy": [("files", "/files", False), *everywhere],
        "first": everywhere,
    }
    by_name = {v.name: v for v in shown.volumes}
    assert by_name["share"].azure_file.share_name == "my-share"
    assert by_name["share"].azure_file.storage_account_name == "acc"
    assert by_name["share"].azure_file.read_only is True
    assert by_name["code"].git_repo.repository == "https://h.io/r"
    assert (by_name["code"].git_repo.revision, by_name["code"].git_repo.directory) == ("v1", None)
    assert by_name["scratch"].empty_dir == {}
    assert "s3cret" not in str(shown.serialize(keep_readonly=True))
    files = next(v for v in azure.asked.volumes if v.name == "files").files
    assert files == {"a.txt": "s3cret-é".encode()}
    assert azure.asked.unsupported_volumes[0]["azureFile"]["storageAccountKey"] == "s3cret-k"


def test_init_containers_and_sidecars_run_beside_the_job(azure: Azure) -> None:
    """In their order; those that run first have no resources of their own."""
    shown = azure.show(
        initContainers=[
            {"name": "b", "image": "i:1", "command": ["prepare"]},
            {"name": "a", "image": "i:2"},
        ],
        sidecars=[sidecar("proxy", command=["serve"], environment={"P": "1"})],
    )
    assert [(c.name, c.image, c.command) for c in shown.init_containers] == [
        ("b", "i:1", ["prepare"]),
        ("a", "i:2", None),
    ]
    [main, proxy] = shown.containers
    assert (main.name, proxy.name, proxy.image, proxy.command) == (
        "job",
        "proxy",
        "envoy:1",
        ["serve"],
    )
    assert (proxy.resources.requests.cpu, proxy.resources.requests.memory_in_gb) == (0.5, 0.5)
    assert (azure.asked.cores, azure.asked.memory_gb) == (1.5, 2.0)


def test_a_registry_is_logged_in_to_with_a_password(azure: Azure) -> None:
    """Which does not come back."""
    login = {"server": "x.azurecr.io", "user": "me", "secret": {"value": "s3cret"}}
    [shown] = azure.show(registry=login).image_registry_credentials
    assert (shown.server, shown.username, shown.password) == ("x.azurecr.io", "me", None)
    [asked] = azure.asked.credentials
    assert (asked.username, asked.password) == ("me", "s3cret")


def test_a_registry_is_logged_in_to_by_an_identity_of_the_group(azure: Azure) -> None:
    """Azure would refuse one that the group does not have, so it is given to it."""
    shown = azure.show(registry={"server": "x.azurecr.io", "identity": IDENTITY})
    assert shown.image_registry_credentials[0].identity == IDENTITY
    assert shown.identity.type == "UserAssigned"
    assert list(shown.identity.user_assigned_identities) == [IDENTITY]


@pytest.mark.parametrize(
    ("identity", "kind"),
    [
        ({"system": True}, "SystemAssigned"),
        ({"userAssigned": [IDENTITY]}, "UserAssigned"),
        ({"system": True, "userAssigned": [IDENTITY]}, "SystemAssigned, UserAssigned"),
    ],
    ids=["system", "user", "both"],
)
def test_a_job_has_the_identities_it_asks_for(
    azure: Azure, identity: dict[str, Any], kind: str
) -> None:
    """The service gives one of the group's own a principal."""
    shown = azure.show(identity=identity)
    assert shown.identity.type == kind
    assert bool(shown.identity.principal_id) == ("System" in kind)
    assert bool(shown.identity.user_assigned_identities) == ("User" in kind)


def test_a_job_runs_in_a_subnet_with_names_of_its_own(azure: Azure) -> None:
    """Azure takes domains and options as one text each."""
    shown = azure.show(
        subnetId=SUBNET,
        dns={"nameServers": ["10.0.0.4"], "searchDomains": ["a.b", "c.d"], "options": ["ndots:2"]},
    )
    assert [subnet.id for subnet in shown.subnet_ids] == [SUBNET]
    dns = shown.dns_config
    assert (dns.name_servers, dns.search_domains, dns.options) == (
        ["10.0.0.4"],
        "a.b c.d",
        "ndots:2",
    )


def test_a_spot_job_counts_against_the_quota_of_spot_cores(azure: Azure) -> None:
    """Azure is told the priority."""
    assert azure.show(priority="Spot", cpu=2).priority == "Spot"
    assert azure.asked.spot


def test_a_job_runs_in_the_location_it_is_given(azure: Azure) -> None:
    """The operator's where none is given; one that Azure has not is refused."""
    assert azure.show().location == "eastus"
    with pytest.raises(RefusedError) as refused:
        azure.show("mars")
    assert refused.value.code == "LocationNotAvailableForResourceType"


def test_a_windows_job_is_one_container(azure: Azure) -> None:
    """Azure takes it."""
    assert azure.show(os="Windows").os_type == "Windows"


def test_a_region_tells_its_quotas_and_sizes(groups: AciContainerGroups) -> None:
    """With what is in use; the SDK's names are left behind."""
    groups.create(NAME, parse(job(cpu=2)), {}, location="eastus")
    usages = {usage.name: usage for usage in groups.usages("eastus")}
    assert usages["ContainerGroups"].used == 1
    assert usages["StandardCores"] == Usage(
        name="StandardCores", used=2, limit=usages["StandardCores"].limit
    )
    assert {"StandardSpotCores"} < set(usages)
    largest = {(c.os, c.address, c.gpu): c.max_cpu for c in groups.capabilities("eastus")}
    assert largest[("NotSpecified", "Public", "None")] == 32


def test_a_region_that_azure_does_not_have_is_refused(groups: AciContainerGroups) -> None:
    """In Azure's words."""
    with pytest.raises(RefusedError) as refused:
        groups.usages("mars")
    assert refused.value.code == "NoRegisteredProviderFound"


def test_a_job_with_everything_is_taken(azure: Azure) -> None:
    """All parts together break no rule of Azure."""
    fields = {name: value for name, value in EVERYTHING.items() if name != "image"}
    shown = azure.show("eastus", **fields)
    assert len(shown.containers) == 2
    assert "s3cret" not in str(shown.serialize(keep_readonly=True))
