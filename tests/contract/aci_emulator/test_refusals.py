"""What the service refuses, with Azure's codes, as raw requests and answers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator_raw import fetch_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from aci_emulator.in_process import InProcessEmulator
    from aci_emulator_raw import RawClient

_GOOD: dict[str, Any] = {
    "location": "eastus",
    "properties": {
        "osType": "Linux",
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "main",
                "properties": {
                    "image": "alpine:3.20",
                    "command": ["script", "run_s=5"],
                    "environmentVariables": [{"name": "A", "value": "1"}],
                    "resources": {"requests": {"cpu": 1, "memoryInGB": 1}},
                },
            }
        ],
    },
}


def _main(body: Any) -> Any:
    return body["properties"]["containers"][0]["properties"]


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    """Return a change that sets a member of the good body; `...` removes it."""

    def change(body: Any) -> None:
        *way, last = path
        for step in way:
            body = body[step]
        if to is ...:
            del body[last]
        else:
            body[last] = to

    return change


_MAIN = ("properties", "containers", 0, "properties")
_REQUESTS = (*_MAIN, "resources", "requests")
_EMPTY_DIR = {"name": "shared", "emptyDir": {}}
_MOUNT = {"name": "shared", "mountPath": "/a:b"}
_INIT = {"name": "first", "properties": {"image": "alpine:3.20"}}
_PULLING = {"server": "x.azurecr.io", "identity": "/subscriptions/s/identities/x"}

_WRONG = {
    "no location": (_set("location", to=...), "LocationRequired"),
    "other location": (_set("location", to="mars"), "LocationNotAvailableForResourceType"),
    "no os": (_set("properties", "osType", to=...), "InvalidOsType"),
    "odd policy": (_set("properties", "restartPolicy", to="Maybe"), "InvalidRestartPolicy"),
    "no containers": (_set("properties", "containers", to=[]), "ContainersNotSpecified"),
    "container name": (_set("properties", "containers", 0, "name", to="Main_1"),
                       "InvalidContainerName"),
    "no image": (_set(*_MAIN, "image", to=...), "ContainerImageNotSpecified"),
    "odd image": (_set(*_MAIN, "image", to="Not An Image"), "InaccessibleImage"),
    "no resources": (_set(*_MAIN, "resources", to=...), "ResourceRequestsNotSpecified"),
    "no memory": (_set(*_REQUESTS, "memoryInGB", to=...), "ResourceSomeRequestsNotSpecified"),
    "no cpu at all": (_set(*_REQUESTS, "cpu", to=0), "InvalidResourceRequest"),
    "too much cpu": (_set(*_REQUESTS, "cpu", to=32), "ResourceRequestsExceedLimit"),
    "limit above total": (_set(*_MAIN, "resources", "limits", to={"cpu": 2}),
                          "ContainerLimitGreaterThanContainerGroupTotalRequest"),
    "variable name": (_set(*_MAIN, "environmentVariables", 0, "name", to="A-B"),
                      "InvalidContainerEnvironmentVariable"),
    "both values": (_set(*_MAIN, "environmentVariables", 0, "secureValue", to="x"),
                    "InvalidContainerEnvironmentVariable"),
    "limit below request": (_set(*_MAIN, "resources", "limits", to={"cpu": 0.5}),
                            "ResourceLimitsLessThanRequests"),
    "memory limit below request": (_set(*_MAIN, "resources", "limits", to={"memoryInGB": 0.5}),
                                   "ResourceLimitsLessThanRequests"),
    "half a step of memory": (_set(*_REQUESTS, "memoryInGB", to=1.55), "InvalidResourceRequest"),
    "a thousandth of a core": (_set(*_REQUESTS, "cpu", to=0.001), "InvalidResourceRequest"),
    "variable begins with a digit": (_set(*_MAIN, "environmentVariables", 0, "name", to="1VAR"),
                                     "InvalidContainerEnvironmentVariable"),
    "tag of azure": (_set("tags", to={"azure-cost-center": "1"}), "ReservedTagName"),
    "tag of microsoft": (_set("tags", to={"microsoft.team": "1"}), "ReservedTagName"),
    "tag of windows": (_set("tags", to={"WindowsUpdate": "1"}), "ReservedTagName"),
    "tag twice": (_set("tags", to={"Env": "1", "env": "1"}), "DuplicateTagName"),
    "spot with an address": (lambda body: body["properties"].update(
                             priority="Spot", ipAddress={"type": "Public", "ports": [{"port": 80}]}),
                             "SpotIpAddressNotSupported"),
    "spot in a subnet": (lambda body: body["properties"].update(
                         priority="Spot", subnetIds=[{"id": "/subscriptions/s"}]),
                         "SpotNetworkNotSupported"),
    "names without a subnet": (_set("properties", "dnsConfig", to={"nameServers": ["10.0.0.4"]}),
                               "DnsConfigNotSupported"),
    "windows beside another": (lambda body: body["properties"].update(
                               osType="Windows", initContainers=[_INIT]),
                               "MultipleWindowsContainersNotSupported"),
    "windows with a volume": (lambda body: body["properties"].update(
                              osType="Windows", volumes=[_EMPTY_DIR]),
                              "WindowsVolumesNotSupported"),
    "pulling as nobody": (_set("properties", "imageRegistryCredentials", to=[_PULLING]),
                          "InvalidImageRegistryCredentialIdentity"),
    "mount path with a colon": (lambda body: (
                                body["properties"].update(volumes=[_EMPTY_DIR]),
                                _main(body).update(volumeMounts=[_MOUNT])),
                                "InvalidVolumeMountPath"),
    "volume name": (_set("properties", "volumes", to=[{"name": "V_1", "emptyDir": {}}]),
                    "InvalidVolumeName"),
    "volume without kind": (_set("properties", "volumes", to=[{"name": "shared"}]),
                            "InvalidVolume"),
    "volume twice": (_set("properties", "volumes", to=[_EMPTY_DIR, _EMPTY_DIR]),
                     "DuplicateVolumeName"),
    "mount of nothing": (_set(*_MAIN, "volumeMounts", to=[{"name": "gone", "mountPath": "/x"}]),
                         "VolumeMountNotFound"),
    "address without ports": (_set("properties", "ipAddress", to={"type": "Public", "ports": []}),
                              "MissingIpAddressPorts"),
    "command a string": (_set(*_MAIN, "command", to="echo hi"), "InvalidRequestContent"),
    "cpu a list": (_set(*_REQUESTS, "cpu", to=[1]), "InvalidRequestContent"),
    "containers an object": (_set("properties", "containers", to={}), "InvalidRequestContent"),
    "tags of numbers": (_set("tags", to={"a": 1}), "InvalidRequestContent"),
    "secret not base64": (_set("properties", "volumes", to=[{"name": "keys1",
                          "secret": {"file": "%%%"}}]), "InvalidRequestContent"),
}  # fmt: skip


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_body_is_refused_with_its_code(raw: RawClient, case: str) -> None:
    """Each mistake has its own code, status 400, ARM's shape, and creates nothing."""
    change, code = _WRONG[case]
    body = copy.deepcopy(_GOOD)
    change(body)
    reply = raw.call("PUT", f"{raw.groups_path}/job", body)
    assert (reply.status, reply.body["error"]["code"]) == (400, code)
    assert set(reply.body) == {"error"}
    assert raw.call("GET", f"{raw.groups_path}/job").status == 404


@pytest.mark.parametrize(
    ("cpu", "memory_gb"), [(0.01, 0.1), (0.07, 0.3), (1.29, 2.7), ("0.5", "1.1"), (30.99, 239.9)]
)
def test_steps_of_resources_are_accepted(raw: RawClient, cpu: Any, memory_gb: Any) -> None:
    """0.01 cores and 0.1 GB, whatever binary fractions make of them."""
    body = copy.deepcopy(_GOOD)
    _main(body)["resources"]["requests"] = {"cpu": cpu, "memoryInGB": memory_gb}
    assert raw.call("PUT", f"{raw.groups_path}/job", body).status == 201


def test_a_limit_below_the_request_is_refused_in_the_recorded_words(raw: RawClient) -> None:
    """The text quotes the resources as they came."""
    body = copy.deepcopy(_GOOD)
    _main(body)["resources"] = {
        "requests": {"memoryInGB": 4.0, "cpu": 2.0},
        "limits": {"memoryInGB": 1.5, "cpu": 1.0},
    }
    assert raw.call("PUT", f"{raw.groups_path}/job", body).body["error"]["message"] == (
        'The resource requirement \'{"requests":{"memoryInGB":4.0,"cpu":2.0},'
        '"limits":{"memoryInGB":1.5,"cpu":1.0}}\' in container \'main\' of contain group '
        "'job' is invalid. The 'Cpu' limit value must be greater than or equal to the request "
        "value."
    )


def test_a_patch_of_reserved_tags_is_refused(raw: RawClient) -> None:
    """The rules of tag names hold for PATCH, too; nothing changes."""
    raw.call("PUT", f"{raw.groups_path}/job", {**_GOOD, "tags": {"a": "1"}})
    reply = raw.call("PATCH", f"{raw.groups_path}/job", {"tags": {"Azure": "1"}})
    assert (reply.status, reply.body["error"]["code"]) == (400, "ReservedTagName")
    assert raw.call("GET", f"{raw.groups_path}/job").body["tags"] == {"a": "1"}


@pytest.mark.parametrize(
    ("method", "tail"), [("PUT", ""), ("GET", ""), ("POST", "/validate"), ("POST", "/whatIf")]
)
def test_a_template_deployment_is_refused_loudly(raw: RawClient, method: str, tail: str) -> None:
    """Azure has them, the emulator does not, and says so, whatever version and body they have."""
    at = raw.groups_path.partition("/providers/")[0]
    path = f"{at}/providers/Microsoft.Resources/deployments/d{tail}"
    body = b"{'no': JSON" if method != "GET" else None
    reply = raw.call(method, path, body, api_version="2025-04-01")
    assert (reply.status, reply.body["error"]["code"]) == (400, "NotSupportedByEmulator")


def test_another_gpu_needs_delete_and_create(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """The GPU is among what no update can change."""
    body = copy.deepcopy(_GOOD)
    _main(body)["resources"]["requests"]["gpu"] = {"count": 1, "sku": "V100"}
    assert raw.call("PUT", f"{raw.groups_path}/job", body).status == 201
    aci_emulator.admin.advance()
    _main(body)["resources"]["requests"]["gpu"]["count"] = 2
    reply = raw.call("PUT", f"{raw.groups_path}/job", body)
    assert (reply.status, reply.body["error"]["code"]) == (400, "InvalidContainerGroupUpdate")


def test_the_good_body_is_accepted(raw: RawClient) -> None:
    """The body the mistakes are made in is good by itself."""
    assert raw.call("PUT", f"{raw.groups_path}/job", _GOOD).status == 201


@pytest.mark.parametrize("name", ["-a", "a-", "a--b", "a" * 64, "a_b", "%C3%A4"])
def test_a_wrong_group_name_is_refused(raw: RawClient, name: str) -> None:
    """Names: 1 to 63 letters, digits and single inner hyphens."""
    reply = raw.call("PUT", f"{raw.groups_path}/{name}", _GOOD)
    assert (reply.status, reply.body["error"]["code"]) == (400, "InvalidContainerGroupName")


@pytest.mark.parametrize("name", ["a", "1", "a" * 63, "a-b-c", "0-9", "Upper"])
def test_a_right_group_name_is_accepted(raw: RawClient, name: str) -> None:
    """The rule's borders are inside."""
    assert raw.call("PUT", f"{raw.groups_path}/{name}", _GOOD).status == 201


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("no token", 401, "AuthenticationFailed"),
        ("basic", 401, "AuthenticationFailedInvalidHeader"),
        ("garbage", 401, "InvalidAuthenticationToken"),
        ("forged", 401, "InvalidAuthenticationToken"),
        ("audience", 401, "InvalidAuthenticationTokenAudience"),
    ],
)
def test_a_caller_without_a_good_token_is_refused(
    raw: RawClient, what: str, status: int, code: str
) -> None:
    """401 in ARM's shape with a challenge, whatever is wrong with the token."""
    other = fetch_token(raw.env, "https://vault.azure.net")
    authorization = {
        "no token": "",
        "basic": "Basic dTpw",
        "garbage": "Bearer x.y.z",
        "forged": f"Bearer {raw.token[:-4]}AAAA",
        "audience": f"Bearer {other}",
    }[what]
    reply = raw.call("GET", raw.groups_path, headers={"Authorization": authorization})
    assert (reply.status, reply.body["error"]["code"]) == (status, code)
    assert reply.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("path", "version", "status", "code"),
    [
        (("/subscriptions/{s}/resourceGroups/nowhere/providers/Microsoft.ContainerInstance"
         "/containerGroups"), "2023-05-01", 404, "ResourceGroupNotFound"),
        ("/subscriptions/other/providers/Microsoft.ContainerInstance/containerGroups",
         "2023-05-01", 404, "SubscriptionNotFound"),
        ("{groups}", None, 400, "MissingApiVersionParameter"),
        ("{groups}", "1999-01-01", 400, "InvalidApiVersionParameter"),
        ("{groups}/job/dance", "2023-05-01", 404, "InvalidResourceType"),
        ("/", "2023-05-01", 404, "InvalidResourceType"),
        ("{groups}/job", "2023-05-01", 404, "ResourceNotFound"),
    ],
)  # fmt: skip
def test_a_wrong_address_is_refused(
    raw: RawClient, path: str, version: str | None, status: int, code: str
) -> None:
    """Subscription, resource group, version and path are each checked."""
    path = path.replace("{s}", raw.env["AZURE_SUBSCRIPTION_ID"])
    path = path.replace("{groups}", raw.groups_path)
    reply = raw.call("GET", path, api_version=version)
    assert (reply.status, reply.body["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("POST", "/job/containers/main/exec"),
        ("POST", "/job/containers/main/attach"),
        ("GET", "/job/outboundNetworkDependenciesEndpoints"),
    ],
)
def test_what_is_not_supported_says_so(raw: RawClient, method: str, tail: str) -> None:
    """Operations Azure has and the emulator has not fail loudly, in ARM's shape."""
    reply = raw.call(method, f"{raw.groups_path}{tail}", {} if method == "POST" else None)
    assert (reply.status, reply.body["error"]["code"]) == (400, "NotSupportedByEmulator")


def test_another_method_is_405(raw: RawClient) -> None:
    """A known path with an unknown method names the methods it has."""
    reply = raw.call("POST", f"{raw.groups_path}/job", {})
    assert reply.status == 405
    assert reply.headers["allow"] == "DELETE, GET, PATCH, PUT"


def test_paths_compare_without_case(raw: RawClient) -> None:
    """ARM's literals are case-insensitive; so are the names of groups and resource groups."""
    raw.call("PUT", f"{raw.groups_path}/job", _GOOD)
    odd = raw.groups_path.replace("resourceGroups", "RESOURCEGROUPS").replace("acijobs", "AciJobs")
    assert raw.call("GET", f"{odd}/JOB").status == 200


def test_secrets_never_come_back(raw: RawClient, aci_emulator: InProcessEmulator) -> None:
    """Secure values, registry passwords and secret volumes are not in any answer."""
    body = copy.deepcopy(_GOOD)
    _main(body)["environmentVariables"].append({"name": "S", "secureValue": "hunter2"})
    _main(body)["volumeMounts"] = [{"name": "secrets", "mountPath": "/s", "readOnly": True}]
    body["properties"]["volumes"] = [{"name": "secrets", "secret": {"k": "aHVudGVyMg=="}}]
    body["properties"]["imageRegistryCredentials"] = [
        {"server": "r.example.com", "username": "u", "password": "hunter2"}
    ]
    shown = [raw.call("PUT", f"{raw.groups_path}/job", body).body]
    aci_emulator.admin.advance()
    shown += [
        raw.call("GET", f"{raw.groups_path}/job").body,
        raw.call("GET", raw.groups_path).body,
        raw.call("DELETE", f"{raw.groups_path}/job").body,
    ]
    for answer in shown:
        assert "hunter2" not in str(answer)
        assert "aHVudGVyMg" not in str(answer)
    properties = shown[1]["properties"]
    assert properties["volumes"] == [{"name": "secrets", "secret": {}}]
    assert properties["imageRegistryCredentials"] == [{"server": "r.example.com", "username": "u"}]
    assert {"name": "S"} in _main(shown[1])["environmentVariables"]


def test_logs_are_refused_until_there_are_any(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """Before the deployment 409, before the start 404, of an unknown container 404, odd tail 400."""
    aci_emulator.admin.add_fault("stuck_pending", group="stuck")
    aci_emulator.admin.add_script(image="slow*", pull_s=100)
    slow = copy.deepcopy(_GOOD)
    _main(slow)["image"] = "slow:1"
    raw.call("PUT", f"{raw.groups_path}/stuck", _GOOD)
    raw.call("PUT", f"{raw.groups_path}/slow", slow)
    raw.call("PUT", f"{raw.groups_path}/job", _GOOD)
    aci_emulator.admin.advance()

    def refusal(name: str, tail: str = "", container: str = "main") -> tuple[int, str]:
        path = f"{raw.groups_path}/{name}/containers/{container}/logs{tail}"
        reply = raw.call("GET", path)
        return reply.status, reply.body["error"]["code"]

    assert refusal("stuck") == (409, "ContainerGroupDeploymentNotReady")
    assert refusal("slow") == (404, "ContainerLogNotAvailable")
    assert refusal("job", container="other") == (404, "ContainerNotFound")
    assert refusal("none") == (404, "ResourceNotFound")
    for tail in ("x", "-1", "1.5", "99999999999999999999", "%D9%A3"):
        assert refusal("job", f"?tail={tail}") == (400, "InvalidTail")


def test_changes_of_a_group_in_transition_are_refused(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """PUT, start, stop and restart of a Pending group are 409 ContainerGroupTransitioning."""
    aci_emulator.admin.add_fault("stuck_pending")
    path = f"{raw.groups_path}/job"
    raw.call("PUT", path, _GOOD)
    for method, tail, body in (
        ("PUT", "", _GOOD),
        ("POST", "/start", None),
        ("POST", "/stop", None),
        ("POST", "/restart", None),
    ):
        reply = raw.call(method, f"{path}{tail}", body)
        assert (reply.status, reply.body["error"]["code"]) == (409, "ContainerGroupTransitioning")


def test_an_update_in_place_replaces_the_containers(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """Another image or variable restarts the containers; an equal PUT leaves them alone."""
    path = f"{raw.groups_path}/job"
    raw.call("PUT", path, _GOOD)
    aci_emulator.admin.advance()

    def started_at() -> str:
        return str(_main(raw.call("GET", path).body)["instanceView"]["currentState"]["startTime"])

    first = started_at()
    aci_emulator.admin.advance(1)
    assert raw.call("PUT", path, _GOOD).status == 200
    aci_emulator.admin.advance()
    assert started_at() == first
    changed = copy.deepcopy(_GOOD)
    _main(changed)["environmentVariables"][0]["value"] = "2"
    assert raw.call("PUT", path, changed).status == 200
    aci_emulator.admin.advance()
    assert started_at() > first
    moved = copy.deepcopy(_GOOD)
    moved["properties"]["containers"][0]["properties"]["resources"]["requests"]["cpu"] = 2
    reply = raw.call("PUT", path, moved)
    assert (reply.status, reply.body["error"]["code"]) == (400, "InvalidContainerGroupUpdate")


def test_an_unregistered_subscription_is_refused(
    raw: RawClient, aci_emulator: InProcessEmulator
) -> None:
    """409 MissingSubscriptionRegistration until the provider is registered."""
    aci_emulator.admin.remove_registration()
    reply = raw.call("PUT", f"{raw.groups_path}/job", _GOOD)
    code = reply.body["error"]["code"]
    assert (reply.status, code) == (409, "MissingSubscriptionRegistration")
    provider = (
        f"/subscriptions/{raw.env['AZURE_SUBSCRIPTION_ID']}/providers/Microsoft.ContainerInstance"
    )
    assert raw.call("GET", provider).body["registrationState"] == "NotRegistered"
    assert raw.call("POST", f"{provider}/register").status == 200
    assert raw.call("PUT", f"{raw.groups_path}/job", _GOOD).status == 201
