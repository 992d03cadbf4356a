"""The Functions host as a subprocess, and the few HTTP calls that tests make to it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
APPS = REPOSITORY / "tests" / "fixtures" / "apps"
DURABLE = "/runtime/webhooks/durabletask"
TERMINAL = {"Completed", "Failed", "Terminated", "Canceled"}
_START_S = 40.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP reply, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    all_headers: list[tuple[str, str]] = field(default_factory=list)

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class HostProcess:
    """`python -m functions_host` on an app; use as a context manager."""

    def __init__(
        self,
        app: Path,
        state: Path,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.output: list[str] = []
        self._told = threading.Condition()
        unwanted = {"FUNCTIONS_HOST_CRASH_AT", "FUNCTIONS_HOST_FAULTS"}
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        environment |= {"PYTHONPATH": str(REPOSITORY / "local"), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= settings or {}
        command = [sys.executable, "-m", "functions_host", str(app), "--state", str(state)]
        if "--port" not in arguments:
            command += ["--port", "0"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self.url = self.wait_for_line(r"Serving .* on (http://[\w.:]+)")
            self.wait_for(lambda: self.get("/admin/host/status").json()["state"] == "Running")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        else:
            self._finish()

    @property
    def log(self) -> str:
        """What the host said so far."""
        return "".join(self.output)

    def stop(self, *, number: int = signal.SIGTERM, timeout_s: float = 40.0) -> int:
        """End it as Ctrl-C or a supervisor would; return its exit code."""
        self.process.send_signal(number)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._finish()
        return self.process.returncode

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process.poll() is None:
            self.process.kill()
        self._finish()

    def wait_ended(self, timeout_s: float = _START_S) -> int:
        """Return the exit code of a host that ends by itself."""
        try:
            self.process.wait(timeout_s)
        finally:
            self.kill()
        return self.process.returncode

    def wait_for_line(self, pattern: str, timeout_s: float = _START_S) -> str:
        """Return the first group, or all, of the first output that matches."""
        give_up_at = time.monotonic() + timeout_s
        with self._told:
            while (found := re.search(pattern, self.log)) is None:
                left_s = give_up_at - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(f"no line like {pattern!r} in:\n{self.log}")
                self._told.wait(min(left_s, 0.5))
        return found.group(1) if found.groups() else found.group(0)

    def wait_for(self, condition: Any, timeout_s: float = _START_S) -> Any:
        """Return the condition's first true value; the host has no way to tell when it changes."""
        give_up_at = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(ConnectionError):
                if value := condition():
                    return value
            if time.monotonic() > give_up_at or self.process.poll() is not None:
                raise AssertionError(f"it did not come true; the host said:\n{self.log}")
            time.sleep(0.03)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return the reply to one request, on a connection of its own."""
        place = urlsplit(self.url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(method, path, data, dict(headers or {}))
            response = connection.getresponse()
            pairs = response.getheaders()
            return Reply(
                status=response.status,
                headers={name.lower(): value for name, value in pairs},
                body=response.read(),
                all_headers=pairs,
            )
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Return the reply to a GET."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, content: Any = None) -> Reply:
        """Return the reply to a POST of JSON, or of nothing."""
        if content is None:
            return self.request("POST", path)
        headers = {"Content-Type": "application/json"}
        return self.request("POST", path, json.dumps(content), headers)

    def start(self, orchestrator: str, given: Any = None) -> str:
        """Start an orchestration over the management API; return its id."""
        reply = self.post(f"{DURABLE}/orchestrators/{orchestrator}", given)
        assert reply.status == 202, (reply.status, reply.text)
        instance_id: str = reply.json()["id"]
        return instance_id

    def status(self, instance_id: str) -> dict[str, Any]:
        """Return an orchestration's status."""
        status: dict[str, Any] = self.get(f"{DURABLE}/instances/{instance_id}").json()
        return status

    def raise_event(self, instance_id: str, name: str, content: Any) -> int:
        """Raise an event; return the reply's status code."""
        return self.post(f"{DURABLE}/instances/{instance_id}/raiseEvent/{name}", content).status

    def wait_end(self, instance_id: str) -> dict[str, Any]:
        """Return the status of an orchestration that has ended."""

        def ended() -> dict[str, Any] | None:
            status = self.status(instance_id)
            return status if status["runtimeStatus"] in TERMINAL else None

        status: dict[str, Any] = self.wait_for(ended)
        return status

    def run(self, orchestrator: str, given: Any = None) -> dict[str, Any]:
        """Run an orchestration to its end; return its status."""
        return self.wait_end(self.start(orchestrator, given))

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._told:
                self.output.append(line)
                self._told.notify_all()

    def _finish(self) -> None:
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
