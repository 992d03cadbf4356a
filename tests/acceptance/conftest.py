"""The app under acceptance: at a URL, on a Durable engine that a command serves, or on our own host."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from log_requests import follow_log
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.http import Reply

ROOT = Path(__file__).resolve().parents[2]
IMAGE = os.environ.get("ACCEPT_IMAGE", "alpine:3.20")
TIMEOUT_S = float(os.environ.get("ACCEPT_TIMEOUT_S", "180"))


@dataclass(kw_only=True)
class App:
    """An app that serves the job API, spoken to by HTTP only.

    Attributes:
        url: Where it answers.
        key: Its function key; empty where it asks for none.
    """

    url: str
    key: str = ""

    def new_id(self, name: str) -> str:
        """Return an id that no other run of this suite has."""
        return f"accept-{name}-{secrets.token_hex(3)}"

    def shell(self, script: str, **fields: Any) -> dict[str, Any]:
        """Return a job that runs this script."""
        return {"image": IMAGE, "command": ["/bin/sh", "-c", script], **fields}

    def post(self, spec: object, path: str = "", **headers: str) -> Reply:
        """POST /api/jobs, or what is below it."""
        return send("POST", f"{self.url}/api/jobs{path}", body=spec, headers=self._headers(headers))

    def list(self, query: str) -> Reply:
        """GET /api/jobs."""
        return send("GET", f"{self.url}/api/jobs{query}", headers=self._headers())

    def get(self, job_id: str, query: str = "") -> Reply:
        """GET /api/jobs/{id}."""
        return send("GET", f"{self.url}/api/jobs/{job_id}{query}", headers=self._headers())

    def follow(self, job_id: str) -> Iterator[str]:
        """GET /api/jobs/{id}/logs, again and again, until the log is complete."""
        return follow_log(f"{self.url}/api/jobs/{job_id}/logs", self._headers())

    def delete(self, job_id: str, query: str = "") -> Reply:
        """DELETE /api/jobs/{id}."""
        return send("DELETE", f"{self.url}/api/jobs/{job_id}{query}", headers=self._headers())

    def start(self, spec: dict[str, Any]) -> Started:
        """Start a job, which must be accepted."""
        reply = self.post(spec)
        assert reply.status == 202, reply.body
        return Started(app=self, id=reply.body["id"], urls=reply.body)

    def _headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        sent = {name.replace("_", "-"): value for name, value in (more or {}).items()}
        return sent | ({"x-functions-key": self.key} if self.key else {})


@dataclass(kw_only=True)
class Started:
    """A job that was started.

    Attributes:
        app: Where.
        id: Its id.
        urls: What the 202 answered.
    """

    app: App
    id: str
    urls: dict[str, Any]

    def until(self, *phases: str) -> dict[str, Any]:
        """Wait until the job is in one of these phases."""
        return self._wait(lambda job: job["phase"] in phases)

    def end(self) -> dict[str, Any]:
        """Wait until the job has ended and its group is gone; return it."""
        ends = {"Succeeded", "Failed", "Cancelled", "TimedOut"}
        return self._wait(lambda job: job["state"] in ends and job["cleanUp"] != "Pending")

    def instance(self) -> dict[str, Any]:
        """Wait until the job's orchestration has ended; return its status."""
        give_up_at = time.monotonic() + TIMEOUT_S
        while (reply := send("GET", self.urls["statusQueryGetUri"])).status == 202:
            assert time.monotonic() < give_up_at, reply.body
            time.sleep(0.3)
        found: dict[str, Any] = reply.body
        return found

    def _wait(self, is_so: Any) -> dict[str, Any]:
        give_up_at = time.monotonic() + TIMEOUT_S
        while not is_so(job := self.app.get(self.id).body):
            assert time.monotonic() < give_up_at, job
            time.sleep(0.3)
        found: dict[str, Any] = job
        return found


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app: at ACCEPT_URL, or on the engine that ENGINE serves, or on our own host."""
    if url := os.environ.get("ACCEPT_URL"):
        yield App(url=url.rstrip("/"), key=os.environ.get("ACCEPT_KEY", ""))
        return
    state = tmp_path_factory.mktemp("accept") / "state"
    if engine := os.environ.get("ENGINE"):
        options = EngineOptions(app=ROOT, engine=engine, state=state, runtime="process")
        with EngineStack(options) as served:
            yield App(url=served.base_url)
        return
    with LocalStack(
        StackOptions(app=ROOT, state=state, port=0, arm_port=0, runtime="process")
    ) as stack:
        yield App(url=stack.base_url)
