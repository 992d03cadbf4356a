"""The app under acceptance: at a URL, on a Durable engine that a command serves, or on our own host."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from log_requests import follow_log
from stack.engine_stack import EngineOptions, EngineStack
from stack.http import NoAnswerError, send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.http import Reply

ROOT = Path(__file__).resolve().parents[2]
IMAGE = os.environ.get("ACCEPT_IMAGE", "alpine:3.20")
QUICK = {"PollMinSeconds": "1", "PollMaxSeconds": "1"}
"""Settings of the stacks that are started here, so that a watch polls a job after some seconds."""
TIMEOUT_S = float(os.environ.get("ACCEPT_TIMEOUT_S", "180"))


@dataclass(kw_only=True)
class App:
    """An app that serves the job API, spoken to by HTTP only.

    Attributes:
        url: Where it answers.
        key: Its function key; empty where it asks for none.
        watched_after_s: Seconds after which a watch certainly polls a job that runs.
    """

    url: str
    key: str = ""
    watched_after_s: float = 55.0

    def new_id(self, name: str) -> str:
        """Return an id that no other run of this suite has."""
        return f"accept-{name}-{secrets.token_hex(3)}"

    def shell(self, script: str, **fields: Any) -> dict[str, Any]:
        """Return a job that runs this script."""
        return {"image": IMAGE, "command": ["/bin/sh", "-c", script], **fields}

    def post(self, spec: object, path: str = "", **headers: str) -> Reply:
        """POST /api/jobs, or what is below it."""
        return self._send("POST", path, spec, headers)

    def list(self, query: str) -> Reply:
        """GET /api/jobs."""
        return self._send("GET", query)

    def get(self, job_id: str, query: str = "") -> Reply:
        """GET /api/jobs/{id}."""
        return self._send("GET", f"/{job_id}{query}")

    def follow(self, job_id: str) -> Iterator[str]:
        """GET /api/jobs/{id}/logs, again and again, until the log is complete."""
        return follow_log(f"{self.url}/api/jobs/{job_id}/logs", self._headers())

    def delete(self, job_id: str, query: str = "") -> Reply:
        """DELETE /api/jobs/{id}."""
        return self._send("DELETE", f"/{job_id}{query}")

    def make_round(self) -> None:
        """Have the Reconciler make a round now, where that needs no master key; else it comes."""
        url = f"{self.url}/admin/functions/Reconcile"
        send("POST", url, body={}, headers=self._headers())

    def start(self, spec: dict[str, Any]) -> Started:
        """Start a job, which must be accepted."""
        reply = self.post(spec)
        assert reply.status == 202, reply.body
        return Started(app=self, id=reply.body["id"], urls=reply.body)

    def _send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Ask as the API says: after a 503 again, when it says, and for a new job under its id."""
        url, give_up_at = f"{self.url}/api/jobs{path}", time.monotonic() + TIMEOUT_S
        while True:
            reply = send(method, url, body=body, headers=self._headers(headers))
            if reply.status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > give_up_at:
                return reply
            time.sleep(float(reply.headers.get("retry-after", "1")))
            if isinstance(reply.body, dict) and "id" in reply.body:
                body = body | {"id": reply.body["id"]}

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


def pytest_configure(config: pytest.Config) -> None:
    """Serve the app on the engine once, for all workers: they find its URL in their environment."""
    engine = os.environ.get("ENGINE")
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.collectonly:
        return
    if os.environ.get("ACCEPT_URL"):
        _require_key()
        return
    if not engine:
        return
    ends = ExitStack()
    config.add_cleanup(ends.close)
    state = Path(ends.enter_context(TemporaryDirectory(prefix="accept-"))) / "state"
    options = EngineOptions(app=ROOT, engine=engine, state=state, runtime="process", settings=QUICK)
    os.environ["ACCEPT_URL"] = ends.enter_context(EngineStack(options)).base_url
    os.environ["ACCEPT_WATCHED_AFTER_S"] = "30"


def _require_key() -> None:
    """End at once, and not in every test, where no app answers or it asks for a key."""
    deployed = App(url=os.environ["ACCEPT_URL"].rstrip("/"), key=os.environ.get("ACCEPT_KEY", ""))
    if not deployed.url.startswith(("http://", "https://")):
        raise pytest.UsageError(f"URL is {deployed.url!r}, which must begin with https://")
    try:
        status = deployed.list("").status
    except NoAnswerError as error:
        raise pytest.UsageError(f"no app answers at URL: {error}") from None
    if status == HTTPStatus.UNAUTHORIZED:
        raise pytest.UsageError(f"{deployed.url} asks for its key: make accept URL=... KEY=...")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app: at ACCEPT_URL, where the one that ENGINE serves is too, or on our own host."""
    if url := os.environ.get("ACCEPT_URL"):
        yield App(
            url=url.rstrip("/"),
            key=os.environ.get("ACCEPT_KEY", ""),
            watched_after_s=float(os.environ.get("ACCEPT_WATCHED_AFTER_S", App.watched_after_s)),
        )
        return
    if os.environ.get("ENGINE"):
        pytest.fail("the engine is served where pytest is called with tests/acceptance alone")
    state = tmp_path_factory.mktemp("accept") / "state"
    options = StackOptions(app=ROOT, state=state, runtime="process", settings=QUICK)
    with LocalStack(options) as stack:
        yield App(url=stack.base_url, watched_after_s=30)
