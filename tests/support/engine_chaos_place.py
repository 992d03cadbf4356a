"""Where a chaos run takes place: the app on a given Durable engine, or on our own host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from acijobs.rows.file import FileRows
from acijobs.rows.table import TableRows

if TYPE_CHECKING:
    from stack.azurite import Azurite
    from stack.local_stack import LocalStack


class Killable(Protocol):
    """What serves the app."""

    @property
    def runs(self) -> bool:
        """Whether it runs, whether or not it answers."""

    def start(self) -> None:
        """Start it, or start it again; return once it serves."""

    def kill(self, *roles: str) -> None:
        """Kill its `host`, its `worker`, or both."""

    def suspend_worker(self) -> None:
        """Let the worker stand still."""


class Place(Protocol):
    """The app, served, with the emulator beside it."""

    @property
    def engine(self) -> Killable:
        """What serves it."""

    @property
    def azurite(self) -> Azurite | None:
        """Its storage, if that is of its own."""

    @property
    def storage(self) -> str:
        """Its storage's connection string, or the URL of the folder of its rows."""

    @property
    def state(self) -> Path:
        """The folder for everything that is written."""

    @property
    def base_url(self) -> str:
        """Where the app answers."""

    @property
    def admin(self) -> str:
        """Where the emulator's admin API answers."""

    @property
    def emulator_env(self) -> dict[str, str]:
        """What the emulator told of itself."""


def rows_of(place: Place) -> TableRows | FileRows:
    """Return the rows of its jobs."""
    if place.storage.startswith("file://"):
        return FileRows(Path(unquote(urlsplit(place.storage).path)))
    return TableRows.from_connection_string(place.storage)


class OwnHost:
    """The app on our own Functions host, whose worker is the host itself.

    Args:
        stack: It, running.
    """

    azurite = None

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self.base_url = stack.base_url
        self.emulator_env = stack.emulator_env
        self.admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
        self.state = stack.options.state
        self.storage = stack.app_settings()["JobStoreUrl"]

    @property
    def engine(self) -> OwnHost:
        """The host."""
        return self

    @property
    def runs(self) -> bool:
        """Whether it runs, whether or not it answers."""
        return self._stack.host_exit_code is None

    def start(self) -> None:
        """Start it again, at the same address."""
        self._stack.start_host()

    def kill(self, *roles: str) -> None:
        """Kill it, whatever part of it was meant."""
        del roles
        self._stack.kill_host()

    def deploy(self, app: Path) -> None:
        """Stop it, and start it with another app in its place, or again if it was killed."""
        for child in self._stack.children[:1]:
            child.stop()
        self._stack.options = replace(self._stack.options, app=app)
        self._stack.start_host()

    def suspend_worker(self) -> None:
        """Do nothing: it has no worker that could stand still while it goes on."""
