"""The app on a Durable engine that a command serves, with Azurite and the ACI emulator beside it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stack.azurite import Azurite
from stack.child import ChildError
from stack.engine import Engine
from stack.environment import child_environment
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

# Shows which acijobs a worker loads that puts the app's folder first, as the real one does.
_SHOW_LOADED = (
    "import sys; sys.path.insert(0, sys.argv[1]); import acijobs; print(acijobs.__file__)"
)


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """How to serve the app.

    Attributes:
        app: The function app's folder.
        engine: The command that serves an app on a Durable engine. It gets `--app DIR --state DIR
            --port N --storage CONNECTION --hub NAME` appended, and finds the app's settings in its
            environment.
        state: Folder for everything that is written; made here.
        storage: A connection string; None for an Azurite of its own.
        runtime: What runs containers, as for the local stack.
        settings: App settings that win over those of the local stack.
        gone_s: How long the emulator shows a deleted group as Deleting.
        emulator_options: Further options of the emulator's command.
    """

    app: Path
    engine: str
    state: Path
    storage: str | None = None
    runtime: str = "scripted"
    settings: Mapping[str, str] = field(default_factory=dict)
    gone_s: float = 0.0
    emulator_options: tuple[str, ...] = ()


class EngineStack:
    """The app, served; everything is ended at the end of the `with` block.

    Attributes:
        hub: The name of its task hub.
        azurite: Its storage, None where that was given.
        storage: Its storage's connection string.
        engine: The engine that serves it.
        state: The folder for everything that is written.
    """

    storage: str
    engine: Engine

    def __init__(self, options: EngineOptions) -> None:
        self.hub = f"hub{secrets.token_hex(4)}"
        self.azurite: Azurite | None = None
        self.state = options.state
        self._options = options
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        self._options.state.mkdir(parents=True)
        try:
            self._start(self._options.storage)
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def base_url(self) -> str:
        """Where the app answers."""
        return self.engine.url

    @property
    def admin(self) -> str:
        """Where the emulator's admin API answers."""
        return self.emulator_env["ACI_EMULATOR_ADMIN"]

    @property
    def emulator_env(self) -> dict[str, str]:
        """What the emulator told of itself."""
        return self._emulator.emulator_env

    @property
    def engine_pid(self) -> int:
        """The process id of the engine's command."""
        return self.engine.pid

    def new_engine(
        self, name: str, *, app: Path | None = None, command: str | None = None
    ) -> Engine:
        """Return another engine on the same hub, not started; the end of the `with` block ends it.

        Args:
            name: Of its folder.
            app: The function app's folder, None for that of the options.
            command: What serves it, None for the command of the options.
        """
        given = {
            "--app": str(app or self._options.app),
            "--storage": self.storage,
            "--hub": self.hub,
        }
        engine = Engine(
            command or self._options.engine,
            given,
            environment=self._environment,
            state=self._options.state / name,
        )
        self._ends.callback(engine.stop)
        return engine

    def check(self) -> None:
        """Raise if a program has ended.

        Raises:
            ChildError: the engine has.
            StackError: the emulator has.
        """
        self.engine.check()
        self._emulator.check()

    def _start(self, storage: str | None) -> None:
        if storage is None:
            self.azurite = self._ends.enter_context(Azurite(self._options.state / "azurite"))
            storage = self.azurite.connection
        self.storage = storage
        self._emulator = self._start_emulator()
        self._environment = self._engine_environment()
        self._check_what_is_loaded()
        self.engine = self.new_engine("engine")
        self.engine.start()

    def _start_emulator(self) -> LocalStack:
        options = StackOptions(
            app=self._options.app,
            state=self._options.state,
            runtime=self._options.runtime,
            # Empty, they leave logs and rows to AzureWebJobsStorage, as in Azure.
            settings={"AppName": "engine", "LogArchiveUrl": "", "JobStoreUrl": ""},
            is_unlimited=True,
            gone_s=self._options.gone_s,
            emulator_options=self._options.emulator_options,
        )
        emulator = LocalStack(options)
        self._ends.callback(emulator.stop)
        emulator.start_emulator()
        return emulator

    def _engine_environment(self) -> dict[str, str]:
        """Return the engine's environment: this Python first, and no path to this checkout."""
        shell = child_environment(os.environ)
        shell.pop("PYTHONPATH", None)
        path = os.pathsep.join([str(Path(sys.executable).parent), shell.get("PATH", os.defpath)])
        settings = self._emulator.app_settings() | dict(self._options.settings)
        return shell | settings | {"PATH": path, "AzureWebJobsStorage": self.storage}

    def _check_what_is_loaded(self) -> None:
        found = subprocess.run(  # noqa: S603 - our own words, no shell
            ["python", "-c", _SHOW_LOADED, str(self._options.app)],  # noqa: S607 - the first in PATH
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        loaded = Path(found.stdout.strip()).resolve()
        if not loaded.is_relative_to(self._options.app):
            raise ChildError(f"{self._options.app} would run with the acijobs of {loaded.parent}")
