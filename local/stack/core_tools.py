"""What the app needs around it to run under Azure Functions Core Tools, and its local.settings.json."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from stack.azurite import Azurite
from stack.child import is_listening
from stack.environment import child_environment
from stack.kept_keys import storage_key
from stack.local_stack import LocalStack, StackError

if TYPE_CHECKING:
    from typing import Self

    from stack.local_stack import StackOptions

FILE_NAME = "local.settings.json"
QUEUE = "acijobs-jobs"
_PRIVATE = 0o600
_SERVICES = 3  # of storage, at ports one after the other
_THREADS = "16"
"""As the templates set it, since the worker's own number is small."""
_NOT_SET = (
    "ACI_EMULATOR_ADMIN",
    "AzureWebJobs.QueueStart.Disabled",
    "CONTAINER_GATEWAY",
    "JobStoreUrl",
    "KEY_VAULT_URL",
    "LogArchiveUrl",
)
"""What our own stack sets: here the queue is read, and rows and logs are in Azurite."""


class CoreToolsStack:
    """The ACI emulator and Azurite, and the file that tells Core Tools of them.

    The file says the same each time, so that it may be kept: ports, keys and certificates are those of
    the state folder.

    Args:
        options: As for the local stack; `port` is where Core Tools will serve. The emulator's identity
            endpoint and key vault are at the two ports after `arm_port`.
        storage_port: Where Azurite serves blobs; queues and tables are at the two ports after it.
        replaces: Whether a file that says something else is replaced.

    Raises:
        StackError: a port is 0: the file names all of them.
    """

    def __init__(self, options: StackOptions, *, storage_port: int, replaces: bool) -> None:
        if not all((options.port, options.arm_port, storage_port)):
            raise StackError("PORT, ARM_PORT and STORAGE_PORT must not be 0: the file names them")
        control, vault = str(options.arm_port + 1), str(options.arm_port + 2)
        fixed = ("--control-port", control, "--vault-port", vault)
        self.path = options.app / FILE_NAME
        self._options = options
        self._replaces = replaces
        self._storage_port = storage_port
        self._emulator = LocalStack(
            replace(options, emulator_options=(*options.emulator_options, *fixed))
        )
        self._storage = ""
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._storage = starting.enter_context(self._new_azurite()).connection
            starting.callback(self._emulator.stop)
            self._emulator.start_emulator()
            self._emulator.start_doorway()
            self._write()
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def check(self) -> None:
        """Raise if a part has ended.

        Raises:
            StackError: it names the part and shows its last output.
        """
        self._emulator.check()

    def settings(self) -> dict[str, str]:
        """Return the app settings: those of Azure, with other values."""
        found = self._emulator.app_settings()
        for name in _NOT_SET:
            found.pop(name, None)
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": self._storage,
            "PYTHON_THREADPOOL_THREAD_COUNT": _THREADS,
            **child_environment({}),
            **found,
            "JobQueueName": found.get("JobQueueName", QUEUE),
        }

    def _new_azurite(self) -> Azurite:
        ports = range(self._storage_port, self._storage_port + _SERVICES)
        if taken := [port for port in ports if is_listening(port)]:
            raise StackError(
                f"port {taken[0]} is taken, by another Azurite perhaps: end it, or choose three ports, "
                "one after the other, with make env STORAGE_PORT=..."
            )
        state = self._options.state
        key = storage_key(state)
        return Azurite(state / "azurite", key=key, first_port=self._storage_port)

    def _write(self) -> None:
        content = {
            "IsEncrypted": False,
            "Host": {"LocalHttpPort": self._options.port},
            "Values": dict(sorted(self.settings().items())),
        }
        text = json.dumps(content, indent=2) + "\n"
        if self.path.exists():
            if self.path.read_text("utf-8") == text:
                self.path.chmod(_PRIVATE)
                return
            if not self._replaces:
                raise StackError(f"{self.path} says something else: make env FORCE=1 replaces it")
        self.path.touch(mode=_PRIVATE)
        self.path.chmod(_PRIVATE)  # one that was there, as `func init` makes it, is open to all
        self.path.write_text(text, "utf-8")
