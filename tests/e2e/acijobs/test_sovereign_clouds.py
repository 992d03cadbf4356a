"""The app in a sovereign cloud: its hosts are asked, its audience is named, and the public cloud's not.

A proxy stands for the network: it leads the cloud's own names to the emulator, which has a certificate
for them, and notes whatever else is asked for.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from azurite_of_cloud import ACCOUNT, SERVICES, AzuriteOfCloud
from entra import SECRET, TENANT, Entra
from network import Network
from sovereign_clouds import Cloud, clouds_on_page
from stack import job_story
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

APP = Path(__file__).resolve().parents[3]
PUBLIC, *SOVEREIGN = clouds_on_page()
PRINT_IT = ["/bin/sh", "-c", 'test "$KEY" = "s3cret of the cloud" && echo it is there']


def named(cloud: Cloud) -> str:
    return cloud.name


@contextmanager
def in_cloud(cloud: Cloud, state: Path, **settings: str) -> Iterator[tuple[LocalStack, Network]]:
    """Run the stack with the settings that the guide gives for a cloud; yield it and its network."""
    vault = f"v.{cloud.vaults}"
    arm = urlsplit(cloud.arm).netloc
    with Network() as network:
        options = StackOptions(
            app=APP,
            state=state,
            runtime="process",
            emulator_options=(
                *("--audience", cloud.arm),
                *("--allow-host", arm),
                *("--allow-host", vault),
            ),
            settings={
                **network.variables,
                "ArmEndpoint": f"{cloud.arm}/",  # with the slash that the templates' function adds
                "ArmScope": "",  # so that it follows the endpoint
                "AZURE_AUTHORITY_HOST": cloud.authority,
                "AllowedKeyVaults": f"*.{cloud.vaults}",
                **settings,
            },
        )
        with LocalStack(options) as stack:
            network.leads_to[f"{arm}:443"] = port_of(stack.emulator_env["ARM_ENDPOINT"])
            network.leads_to[f"{vault}:443"] = port_of(stack.emulator_env["KEY_VAULT_URL"])
            yield stack, network


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def put_secret(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the secret that the job names, as its operator would."""
    for name, value in stack.emulator_env.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as clients:
        credential = clients.enter_context(ManagedIdentityCredential())
        vault = SecretClient(stack.emulator_env["KEY_VAULT_URL"], credential)
        clients.enter_context(vault).set_secret("key", "s3cret of the cloud")


def statuses(stack: LocalStack) -> dict[str, int]:
    """Return how often Resource Manager answered with each status."""
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    found: dict[str, int] = send("GET", f"{admin}/requests").body["statuses"]
    return found


def wait_until(is_so: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.2)


def run(stack: LocalStack, **fields: Any) -> dict[str, Any]:
    """Run a job to its end; return what GET shows of it."""
    spec = {"image": "alpine:3.20", "command": ["/bin/sh", "-c", "echo it is there"], **fields}
    story = job_story.start(stack, spec)
    job_story.follow(stack, story, lambda _: None, timeout_s=90)
    assert story.job is not None
    shown: dict[str, Any] = story.job.body
    return shown


@pytest.mark.parametrize("cloud", SOVEREIGN, ids=named)
def test_a_job_runs_in_a_sovereign_cloud(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Created, polled, its secret and its log read, deleted: on the cloud's own hosts only."""
    vault = f"v.{cloud.vaults}"
    with in_cloud(cloud, tmp_path) as (stack, network):
        put_secret(stack, monkeypatch)
        secret = {"KEY": {"keyVault": f"https://{vault}/secrets/key"}}
        shown = run(stack, command=PRINT_IT, secrets=secret)
        assert (shown["state"], shown["logs"]) == ("Succeeded", "it is there\n"), shown
        assert shown["cleanUp"] == "Deleted"
        assert network.asked_for == {cloud.arm_host, f"{vault}:443"}
        assert set(statuses(stack)) <= {"200", "201", "404"}  # no token was refused


@pytest.mark.azurite
@pytest.mark.skipif("ACIJOBS_AZURITE" not in os.environ, reason="ACIJOBS_AZURITE is not set")
@pytest.mark.parametrize("cloud", SOVEREIGN, ids=named)
def test_rows_and_logs_are_in_the_clouds_own_storage(cloud: Cloud, tmp_path: Path) -> None:
    """Reached with the app's identity, service by service, as the templates set it."""
    services = {
        f"AzureWebJobsStorage__{service}ServiceUri": f"https://{ACCOUNT}.{service}.{cloud.storage}/"
        for service in SERVICES
    }
    settings = {**services, "JobStoreUrl": "", "LogArchiveUrl": ""}
    with in_cloud(cloud, tmp_path, **settings) as (stack, network):
        authority = tmp_path / "aci-emulator"
        with AzuriteOfCloud(
            tmp_path / "azurite", suffix=cloud.storage, authority=authority
        ) as azurite:
            network.leads_to |= azurite.ports
            shown = run(stack)
        assert (shown["state"], shown["logs"]) == ("Succeeded", "it is there\n"), shown
        hosts = {f"{ACCOUNT}.{service}.{cloud.storage}:443" for service in ("blob", "table")}
        assert network.asked_for == {cloud.arm_host, *hosts}


@pytest.mark.parametrize("cloud", SOVEREIGN, ids=named)
def test_a_service_principal_signs_in_at_the_clouds_authority(cloud: Cloud, tmp_path: Path) -> None:
    """Where the app has no managed identity: no sign-in is the public cloud's."""
    login = urlsplit(cloud.authority).netloc
    principal = {
        "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-0000000000ac",
        "AZURE_CLIENT_SECRET": SECRET,
    }
    with (
        in_cloud(cloud, tmp_path, **principal) as (stack, network),
        Entra(login, authority=tmp_path / "aci-emulator", emulator=stack.emulator_env) as entra,
    ):
        network.leads_to[f"{login}:443"] = entra.server_port
        shown = run(stack)
        assert (shown["state"], shown["logs"]) == ("Succeeded", "it is there\n"), shown
        assert entra.scopes == {f"{cloud.arm}/.default"}
        assert network.asked_for == {cloud.arm_host, f"{login}:443"}


def test_a_token_for_the_public_cloud_is_refused(tmp_path: Path) -> None:
    """So the proof above can fail: this is what a scope that was left behind would look like."""
    cloud = SOVEREIGN[0]
    with in_cloud(cloud, tmp_path, ArmScope=f"{PUBLIC.arm}/.default") as (stack, network):
        job_id = job_story.start(stack, {"image": "alpine:3.20", "command": ["true"]}).job_id
        url = f"{stack.base_url}/api/jobs/{job_id}"
        wait_until(lambda: statuses(stack).get("401", 0) > 1)
        assert send("GET", url).body["state"] == "Pending"
        send("DELETE", url)
        assert network.asked_for == {cloud.arm_host}


def test_an_endpoint_that_was_left_behind_is_seen(tmp_path: Path) -> None:
    """By the proxy, which leads nowhere from there."""
    cloud = SOVEREIGN[0]
    with in_cloud(cloud, tmp_path, ArmEndpoint=PUBLIC.arm) as (stack, network):
        job_id = job_story.start(stack, {"image": "alpine:3.20", "command": ["true"]}).job_id
        wait_until(lambda: network.asked_for)
        send("DELETE", f"{stack.base_url}/api/jobs/{job_id}")
        assert network.asked_for == {PUBLIC.arm_host}
