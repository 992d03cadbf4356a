"""No secret of a job is anywhere but in its containers: the whole stack is searched for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as random_secrets
import sqlite3
import time
import urllib.request
import zlib
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from loopback_server import LoopbackServer
from secret_hunt import Hunt
from stack.http import Reply, send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

APP = Path(__file__).resolve().parents[3]
KINDS = ("value", "setting", "vault")
PLACES = ("main", "init", "sidecar", "registry", "callback", "file")
SECRETS = {
    **{kind: f"Zq7!{random_secrets.token_hex(12)}é{kind}" for kind in KINDS},
    **{place: f"Zq7!{random_secrets.token_hex(12)}{place}" for place in PLACES},
}
HOOK = f"whsec_{base64.b64encode(random_secrets.token_bytes(32)).decode()}"
SECRETS["callback"] = HOOK


class Scene:
    """A stack with secrets everywhere, and everything that it has answered."""

    def __init__(self, stack: LocalStack, hook_url: str) -> None:
        self.stack = stack
        self.hook_url = hook_url
        self.hunt = Hunt(SECRETS)
        self.links: dict[str, dict[str, str]] = {}
        self.called_back: set[str] = set()

    def hear(self, headers: dict[str, str], body: bytes) -> None:
        """Look into a callback, which is signed with one of the secrets."""
        told = json.loads(body)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(HOOK.removeprefix("whsec_"))
        code = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        if f"v1,{code}" in headers["webhook-signature"].split():
            self.called_back.add(told["subject"])
        self.hunt.look("callback", [headers, told])

    def send(self, method: str, url: str, body: object = None) -> Reply:
        """Send a request; look into its answer."""
        reply = send(method, url, body=body)
        self.hunt.look(f"{method} {url[:60]}", [dict(reply.headers), reply.body])
        return reply

    def start(self, job_id: str, script: str, **fields: Any) -> None:
        """Start a job that has a secret of each kind and in each place."""
        vault = f"{self.stack.emulator_env['KEY_VAULT_URL']}/secrets/db-password"
        job = {
            "id": job_id,
            "image": "registry.example/alpine:3.20",
            "command": ["/bin/sh", "-c", f"{_proof('V S K')}; {script}"],
            "secrets": {
                "V": {"value": SECRETS["value"]},
                "S": {"appSetting": "JobSecret_Mail"},
                "K": {"keyVault": vault},
                "M": {"value": SECRETS["main"]},
            },
            "registry": {
                "server": "registry.example",
                "user": "puller",
                "secret": {"value": SECRETS["registry"]},
            },
            "initContainers": [_other("before", "init")],
            "sidecars": [_other("beside", "sidecar") | {"cpu": 0.1, "memoryGb": 0.1}],
            "callback": {"url": self.hook_url, "secret": {"value": HOOK}},
        } | fields
        started = self.send("POST", f"{self.stack.base_url}/api/jobs", job)
        assert started.status == 202, started.body
        self.links[job_id] = started.body

    def tokens(self) -> dict[str, str]:
        """Return the token of each URL by capability."""
        return {
            f"{job_id}'s {name}": url.partition("/by/")[2].partition("/")[0]
            for job_id, links in self.links.items()
            for name, url in links.items()
            if "/by/" in url
        }

    def job(self, job_id: str) -> dict[str, Any]:
        """Return the job as it is shown now, by its key and by its capability."""
        by_capability = self.send("GET", self.links[job_id]["jobUrl"]).body
        assert by_capability["id"] == job_id
        return dict(self.send("GET", f"{self.stack.base_url}/api/jobs/{job_id}").body)

    def wait(self, job_id: str, is_so: str) -> dict[str, Any]:
        """Return the job once it is in this state, looking all the while."""
        give_up_at = time.monotonic() + 90
        while (job := self.job(job_id))["state"] != is_so or (
            is_so != "Running" and job["cleanUp"] == "Pending"
        ):
            assert time.monotonic() < give_up_at, job
            self.look_at_azure()
            time.sleep(0.5)
        return job

    def log(self, job_id: str, container: str) -> str:
        """Return the log of one container, by the job's own URL."""
        url = f"{self.links[job_id]['logsUrl']}?container={container}"
        with urllib.request.urlopen(url) as answer:
            shown = answer.read().decode()
        self.hunt.look("GET logs", shown)
        return str(shown)

    def wait_for_callbacks(self) -> None:
        """Wait until each job's end was told, signed with the key that was sealed."""
        give_up_at = time.monotonic() + 30
        while self.called_back != set(self.links):
            assert time.monotonic() < give_up_at, self.called_back
            time.sleep(0.2)

    def look_at_azure(self) -> None:
        """Look into what the emulator shows of its groups, their tags included."""
        admin = self.stack.emulator_env["ACI_EMULATOR_ADMIN"]
        for what in ("groups", "containers", "requests?recent=500"):
            self.send("GET", f"{admin}/{what}")

    def look_at_the_engine(self) -> None:
        """Look into every status of Durable's, with inputs and histories."""
        told = "showInput=true&showHistory=true&showHistoryOutput=true"
        url = f"{self.stack.base_url}/runtime/webhooks/durabletask/instances"
        for instance in self.send("GET", f"{url}/?{told}&top=100").body:
            self.send("GET", f"{url}/{instance['instanceId']}?{told}")


def _proof(names: str) -> str:
    """Return a script that says of each variable whether it has the right value, and not the value."""
    known = {"V": "value", "S": "setting", "K": "vault", "O": "init", "P": "sidecar"}
    return "; ".join(
        f'test "$(printf %s "${name}" | sha256sum | cut -c 1-64)" = {_digest(known[name])} '
        f'|| exit 97; echo "saw {name}"'
        for name in names.split()
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(SECRETS[secret].encode()).hexdigest()


def _other(name: str, secret: str) -> dict[str, Any]:
    variable = {"init": "O", "sidecar": "P"}[secret]
    return {
        "name": name,
        "image": "registry.example/alpine:3.20",
        "command": ["/bin/sh", "-c", f'{_proof(variable)}; test -n "$ACIJOBS_EVENT_URL"'],
        "secrets": {variable: {"value": SECRETS[secret]}},
    }


class _Receiver(LoopbackServer):
    """Takes callbacks, on a thread."""

    scene: Scene | None = None

    def __init__(self) -> None:
        super().__init__(_Hook)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class _Hook(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.scene is not None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.server.scene.hear(headers, body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    settings = {
        "JobSecret_Mail": SECRETS["setting"],
        "LogLevel": "DEBUG",
        "CallbackTrustedHosts": "127.0.0.1",
    }
    options = StackOptions(app=APP, state=tmp_path, runtime="process", settings=settings)
    with _Receiver() as receiver, LocalStack(options) as stack, ExitStack() as clients:
        for name, value in stack.emulator_env.items():
            monkeypatch.setenv(name, value)
        credential = clients.enter_context(ManagedIdentityCredential())
        vault = SecretClient(stack.emulator_env["KEY_VAULT_URL"], credential)
        clients.enter_context(vault).set_secret("db-password", SECRETS["vault"])
        receiver.scene = Scene(stack, receiver.url)
        yield receiver.scene


def test_no_secret_is_anywhere_but_in_the_containers(scene: Scene, tmp_path: Path) -> None:
    """Jobs that fail twice, are cancelled, are refused with the request quoted, and cannot be run.

    Nor is a token of their URLs in what was written: it is stored nowhere.
    """
    scene.start("fails", "exit 3", retry={"attempts": 2, "backoffSeconds": 1})
    scene.start("hangs", "echo up; sleep 600")
    files = [{"name": "files", "mountPath": "/f", "secret": {"f": {"value": SECRETS["file"]}}}]
    scene.start("unmountable", "true", volumes=files)
    assert scene.wait("hangs", "Running")["state"] == "Running"
    fails = scene.wait("fails", "Failed")
    assert fails["exitCode"] == 3
    assert "saw V\nsaw S\nsaw K\n" in fails["logs"]
    assert len(list(tmp_path.glob("logs/fails/*"))) == 2
    for container, variable in (("before", "O"), ("beside", "P")):
        assert scene.log("fails", container) == f"saw {variable}\n"
    scene.send("POST", scene.links["hangs"]["cancelUrl"])
    assert scene.wait("hangs", "Cancelled")["reason"]["code"] == "Cancelled"
    scene.wait("unmountable", "Failed")
    _refuse_and_quote(scene)
    _lose_a_key(scene)
    scene.wait_for_callbacks()
    scene.look_at_azure()
    scene.look_at_the_engine()
    scene.hunt.look_into(tmp_path)
    assert scene.hunt.found == []
    tokens = Hunt(scene.tokens())
    tokens.look_into(tmp_path)
    assert tokens.found == []
    looked_at = " ".join(scene.hunt.looked_at)
    for expected in ("functions_host.log", "aci_emulator.log", "job.log", "jobs", "(unpacked)"):
        assert expected in looked_at


def _refuse_and_quote(scene: Scene) -> None:
    """Have Azure refuse a group, and quote the request as it does."""
    admin = scene.stack.emulator_env["ACI_EMULATOR_ADMIN"]
    fault = {
        "kind": "respond",
        "operation": "ContainerGroups_CreateOrUpdate",
        "times": 1,
        "status": 400,
        "code": "InvalidRequestContent",
        "message": f"cannot read {{'secureValue': '{SECRETS['main']}'}} or '{SECRETS['registry'][:20]}",
    }
    send("POST", f"{admin}/faults", body=fault)  # not looked into: it is who quotes
    scene.start("quoted", "true")
    reason = scene.wait("quoted", "Failed")["reason"]
    assert reason["azureCode"] == "InvalidRequestContent"
    assert "'secureValue': '[hidden]'" in reason["message"]
    assert SECRETS["registry"][:20] not in reason["message"]
    send("DELETE", f"{admin}/faults")


def _lose_a_key(scene: Scene) -> None:
    """Have a job whose vault does not have its secret."""
    vault = f"{scene.stack.emulator_env['KEY_VAULT_URL']}/secrets/none"
    scene.start(
        "keyless", "true", secrets={"K": {"keyVault": vault}, "V": {"value": SECRETS["value"]}}
    )
    reason = scene.wait("keyless", "Failed")["reason"]
    assert reason["code"] == "InvalidSettings"
    assert "#/secrets/K" in reason["message"]


def test_the_hunt_finds_what_is_there(tmp_path: Path) -> None:
    """However it is packed: or it would prove nothing."""
    value = "s3cret-'ü"
    hunt = Hunt({"it": value})
    (tmp_path / "plain").write_text(f"x{value}y")
    with closing(sqlite3.connect(tmp_path / "file.db")) as file:
        file.execute("CREATE TABLE t (a BLOB)")
        file.execute("INSERT INTO t VALUES (?)", (zlib.compress(f"[{value}]".encode()),))
        file.commit()
    hunt.look_into(tmp_path)
    hunt.look("json", {"a": [value]})
    assert {found.removeprefix("it in ") for found in hunt.found} == {
        "plain",
        "file.db (unpacked)",
        "json",
    }
