# ruff: noqa: N802 - functions are named as in Azure
"""What cannot be stored fails alone: no other instance, no slot and no caller waits for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from durable_harness import Harness
from functions_host.durable.store.errors import ChangeRefusedError
from functions_host.durable.store.records import CommitEntity, CommitEpisode, RecordResult, Status
from functions_host.durable.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import azure.durable_functions as df

    from durable_app import Context, SdkApp, Steps
    from durable_clock import VirtualClock
    from functions_host.durable.store.records import Change


LONE = "a\ud800b"
WHOLE = "a\ufffdb"


class PickyStore(SqliteStore):
    """A store that refuses the changes it is told to, as SQLite refuses values that it cannot take."""

    refuses: Callable[[Change], bool] = staticmethod(lambda _: False)

    def apply(self, changes: Any) -> None:
        """Refuse, or write."""
        if any(self.refuses(change) for change in changes):
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        super().apply(changes)


@pytest.fixture
def store(tmp_path: Path) -> PickyStore:
    return PickyStore(tmp_path / "picky.sqlite3")


@pytest.fixture
async def picky(
    app: SdkApp, clock: VirtualClock, tmp_path: Path, store: PickyStore
) -> AsyncIterator[Harness]:
    """Return an engine with one slot for orchestrators, so that a lost one shows."""
    harness = Harness(app, clock, tmp_path, store)
    await harness.start(max_concurrent_orchestrator_functions=1)
    yield harness
    await harness.stop()


@pytest.fixture(autouse=True)
def functions(app: SdkApp) -> None:
    @app.activity
    def Say(argument: Any) -> Any:
        return argument

    @app.orchestrator
    def Says(context: Context) -> Steps:
        return (yield context.call_activity("Say", context.get_input()))

    @app.orchestrator
    def Shows(context: Context) -> Steps:
        context.set_custom_status(LONE)
        heard = yield context.wait_for_external_event("Go")
        child = yield context.call_sub_orchestrator("Says", LONE)
        raise ValueError(f"{heard} {child} {LONE}")

    @app.entity
    def Keeps(context: df.DurableEntityContext) -> None:
        context.set_state(context.get_input())
        context.set_result("kept")

    @app.orchestrator
    def Asks(context: Context) -> Steps:
        import azure.durable_functions as df

        return (yield context.call_entity(df.EntityId("Keeps", "one"), "set", context.get_input()))


async def test_a_lone_surrogate_becomes_the_replacement_character(host: Harness) -> None:
    """In input, result, status, event, child and failure, as on Azure; a pair stays what it is."""
    assert host.output(await host.begin("Says", [LONE, "\U0001f600"])) == [WHOLE, "\U0001f600"]
    shown = await host.begin("Shows")
    assert json.loads(host.status(shown).custom_status or "") == WHOLE
    await host.event(shown, "Go", LONE)
    assert f"{WHOLE} {WHOLE} {WHOLE}" in host.failure(shown)


async def test_an_instance_beside_a_lone_surrogate_is_not_harmed(host: Harness) -> None:
    """All of one group commit come to their ends."""
    begun = [
        await host.client.start_new("Says", json.dumps(json.dumps(word)))
        for word in ["one", LONE, "two"]
    ]
    await host.engine.wait_until_quiet()
    assert [host.output(one) for one in begun] == ["one", WHOLE, "two"]


def of_instance(kind: type, instance_id: str) -> Callable[[Change], bool]:
    """Return what selects an instance's changes of this kind, but for the one that says it failed."""

    def selects(change: Change) -> bool:
        if isinstance(change, RecordResult) and kind is RecordResult:
            event = change.message.event
            return change.message.target_id == instance_id and "Result" in event.fields
        if isinstance(change, CommitEpisode) and kind is CommitEpisode:
            is_failure = change.instance.status is Status.FAILED
            return change.instance.instance_id == instance_id and not is_failure
        return False

    return selects


@pytest.mark.parametrize("kind", [CommitEpisode, RecordResult])
async def test_what_cannot_be_stored_fails_its_own_instance_only(
    picky: Harness, store: PickyStore, kind: type
) -> None:
    """The one ends as Failed and says why; the others end, and new ones run."""
    store.refuses = of_instance(kind, "poisoned")
    for instance_id in ["before", "poisoned", "after"]:
        await picky.client.start_new("Says", json.dumps(json.dumps("word")), instance_id)
    await picky.engine.wait_until_quiet()
    assert "cannot be recorded: UnicodeEncodeError" in picky.failure("poisoned")
    assert [picky.output(one) for one in ["before", "after"]] == ["word", "word"]
    assert picky.output(await picky.begin("Says", "later")) == "later"
    assert not store.backlog().tasks
    assert not store.backlog().messages


async def test_an_instance_whose_failure_cannot_be_stored_either_takes_no_slot(
    picky: Harness, store: PickyStore
) -> None:
    """It hangs alone."""
    store.refuses = lambda c: isinstance(c, CommitEpisode) and c.instance.instance_id == "poisoned"
    await picky.begin("Says", "word", "poisoned")
    assert picky.output(await picky.begin("Says", "later")) == "later"


async def test_a_caller_is_told_that_its_request_cannot_be_stored(
    picky: Harness, store: PickyStore
) -> None:
    """Instead of waiting for ever; the id is free again."""
    store.refuses = lambda change: getattr(change, "instance", None) is not None
    with pytest.raises(ChangeRefusedError, match="surrogates not allowed"):
        await picky.client.start_new("Says", None, "mine")
    store.refuses = lambda _: False
    assert picky.output(await picky.begin("Says", 1, "mine")) == 1


async def test_an_entitys_batch_that_cannot_be_stored_is_told_to_its_callers(
    picky: Harness, store: PickyStore
) -> None:
    """Its state stays, and the next operation runs."""
    assert picky.output(await picky.begin("Asks", "good")) == "kept"
    store.refuses = lambda c: isinstance(c, CommitEntity) and "bad" in (c.entity.state or "")
    assert "cannot be recorded" in picky.failure(await picky.begin("Asks", "bad"))
    assert picky.output(await picky.begin("Asks", "better")) == "kept"


async def test_a_history_that_cannot_be_read_stops_nobody_else(
    picky: Harness, store: PickyStore, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Its instance stands still, and the log says so."""
    await picky.begin("Shows", None, "damaged")
    await picky.restart()
    read = store.read_history

    def damaged(instance_id: str) -> Any:
        if instance_id == "damaged":
            raise ValueError("damaged")
        return read(instance_id)

    monkeypatch.setattr(store, "read_history", damaged)
    await picky.event("damaged", "Go", 1)
    assert "damaged cannot be read" in caplog.text
    assert picky.output(await picky.begin("Says", "later")) == "later"


async def test_a_child_whose_id_cannot_be_looked_up_fails_its_parent(
    picky: Harness, store: PickyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's slot is free again."""
    await picky.begin("Shows", None, "parent")
    find = store.find_instance

    def picky_find(instance_id: str) -> Any:
        if ":" in instance_id:  # a child's own id
            raise ValueError("no such text")
        return find(instance_id)

    monkeypatch.setattr(store, "find_instance", picky_find)
    await picky.event("parent", "Go", 1)
    assert "cannot be recorded: ValueError: no such text" in picky.failure("parent")
    assert picky.output(await picky.begin("Says", "later")) == "later"
