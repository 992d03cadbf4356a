from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from acijobs.aci.client import AciContainerGroups
from acijobs.logs import blob
from acijobs.rows import entities
from acijobs.usecases.telemetry import NO_TELEMETRY
from acijobs_interleaving import RUN, accept
from acijobs_world import World
from row_stores import AnyStore, FileStore, needs_tables, own_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aci_emulator.in_process import InProcessEmulator
    from acijobs.domain.group import GroupRef, Scope
    from acijobs.usecases.ports import Outside, Rows
    from acijobs.usecases.telemetry import Telemetry


@dataclass(kw_only=True)
class EmulatedWorld(World):
    """An outside whose container groups are the emulator's, through the SDK."""

    real: AciContainerGroups

    def groups(self, scope: Scope) -> AciContainerGroups:  # type: ignore[override]
        """Return the container groups of the emulator."""
        del scope
        return self.real

    def accept(self, *words: str, **fields: object) -> None:
        """Store the job `j`, which runs this script."""
        accept(self, **{"image": "alpine:3.20", "command": ["script", *words]} | fields)

    @property
    def group(self) -> GroupRef:
        """The group of the job `j`."""
        group = self.memory_rows.now_of(RUN.job_id).group
        assert group is not None
        return group


@pytest.fixture(autouse=True)
def _patient_with_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azurite shares the machine with other tests, and may be slower than Azure's limit."""
    monkeypatch.setattr(entities, "_CONNECT_SECONDS", 20.0)
    monkeypatch.setattr(entities, "_ANSWER_SECONDS", 30.0)
    monkeypatch.setattr(blob, "_CONNECT_SECONDS", 20.0)
    monkeypatch.setattr(blob, "_ANSWER_SECONDS", 30.0)


@pytest.fixture(params=["file", pytest.param("table", marks=needs_tables)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    """A store that was never used."""
    if request.param == "file":
        yield FileStore(tmp_path / "deep" / "rows")
        return
    with own_table() as table:
        yield table


@pytest.fixture
def rows(store: AnyStore) -> Rows:
    """The rows of that store."""
    return store.open()


@pytest.fixture
def connect(
    aci_emulator: InProcessEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AciContainerGroups]]:
    """Makes clients of the emulator, over HTTPS and with its own identity endpoint's tokens."""
    env = aci_emulator.env
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as open_now:

        def connect(
            resource_group: str = env["RESOURCE_GROUP"], telemetry: Telemetry = NO_TELEMETRY
        ) -> AciContainerGroups:
            groups = AciContainerGroups(
                lambda: open_now.enter_context(ManagedIdentityCredential()),
                subscription_id=env["AZURE_SUBSCRIPTION_ID"],
                resource_group=resource_group,
                arm_endpoint=env["ARM_ENDPOINT"],
                arm_scope=env["ARM_SCOPE"],
                telemetry=telemetry,
            )
            open_now.callback(_close, groups)
            return groups

        yield connect


@pytest.fixture
def groups(connect: Callable[..., AciContainerGroups]) -> AciContainerGroups:
    """The container groups of the emulator's resource group."""
    return connect()


@pytest.fixture
def world(groups: AciContainerGroups) -> EmulatedWorld:
    """Everything that the use cases need, on the emulator's groups."""
    world = EmulatedWorld(real=groups)
    _: Outside = world
    return world


def _close(groups: AciContainerGroups) -> None:
    groups._client.close()  # the one it has in the end: a 401 made it take another
