"""The durable store."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from functions_host.durable.events import Event, EventType, event
from functions_host.durable.store import sqlite as sqlite_store
from functions_host.durable.store.errors import StoreError, StoreInUseError, StoreVersionError
from functions_host.durable.store.records import (
    ActivityTask,
    AddMessage,
    CommitEntity,
    CommitEpisode,
    CreateInstance,
    DiscardMessages,
    Entity,
    Instance,
    InstanceQuery,
    Message,
    ParentLink,
    Purge,
    RecordResult,
    Rewind,
    Status,
    Timer,
)
from functions_host.durable.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Return an open store."""
    opened = SqliteStore(tmp_path / "s.sqlite3")
    opened.open()
    yield opened
    opened.close()


def an_event(text: str = "e") -> Event:
    return event(EventType.EVENT_RAISED, NOW, Name=text, Input="1")


def a_message(message_id: int, target_id: str = "one") -> Message:
    return Message(
        message_id=message_id,
        target_id=target_id,
        execution_id=None,
        event=an_event(str(message_id)),
    )


def an_instance(instance_id: str = "one", created_us: int = 1, **changes: object) -> Instance:
    plain = Instance(
        instance_id=instance_id,
        execution_id=f"x-{instance_id}",
        name="Works",
        version="",
        status=Status.PENDING,
        input='"in"',
        created_us=created_us,
        updated_us=created_us,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_creation(message_id: int, instance_id: str = "one", created_us: int = 1) -> CreateInstance:
    return CreateInstance(
        instance=an_instance(instance_id, created_us), message=a_message(message_id, instance_id)
    )


def test_a_created_instance_and_its_message_are_found(store: SqliteStore) -> None:
    """The instance is as given, and its message is under way."""
    store.apply([a_creation(7)])
    assert store.find_instance("one") == an_instance()
    assert store.backlog().messages == [a_message(7)]
    assert store.find_instance("other") is None


def test_an_episode_changes_everything_together(store: SqliteStore) -> None:
    """History grows, messages are consumed, tasks, timers, messages and children appear."""
    store.apply([a_creation(1)])
    task = ActivityTask(
        row_id=5, instance_id="one", execution_id="x-one", task_id=0, name="A", payload="1"
    )
    timer = Timer(instance_id="one", execution_id="x-one", timer_id=1, fire_us=99)
    link = ParentLink(instance_id="one", execution_id="x-one", name="Works", task_id=2)
    child = CreateInstance(
        instance=an_instance("child", parent=link), message=a_message(8, "child")
    )
    running = an_instance(status=Status.RUNNING, custom_status='{"a":1}', updated_us=2)
    store.apply(
        [
            CommitEpisode(
                instance=running,
                consumed=[1],
                fired=[],
                first_sequence=0,
                events=[an_event("a"), an_event("b")],
                tasks=[task],
                timers=[timer],
                messages=[a_message(9, "@counter@k")],
                children=[child],
            )
        ]
    )
    backlog = store.backlog()
    assert store.find_instance("one") == running
    assert [item.fields["Name"] for item in store.read_history("one")] == ["a", "b"]
    assert backlog.tasks == [task]
    assert backlog.timers == [timer]
    assert backlog.messages == [a_message(8, "child"), a_message(9, "@counter@k")]
    assert store.list_children("one") == [child.instance]


def test_a_later_episode_appends_and_clears_fired_timers(store: SqliteStore) -> None:
    """The history goes on where it was; a fired timer is gone."""
    timers = [Timer(instance_id="one", execution_id="x-one", timer_id=n, fire_us=n) for n in (1, 2)]
    first = CommitEpisode(
        instance=an_instance(status=Status.RUNNING),
        consumed=[1],
        fired=[],
        first_sequence=0,
        events=[an_event("a")],
        timers=timers,
    )
    store.apply([a_creation(1)])
    store.apply([first])
    second = replace(first, fired=[1], first_sequence=1, events=[an_event("b")], timers=())
    store.apply([second])
    assert [item.fields["Name"] for item in store.read_history("one")] == ["a", "b"]
    assert store.backlog().timers == [timers[1]]


def test_the_end_of_an_execution_drops_its_timers_and_history(store: SqliteStore) -> None:
    """Continuing as new starts an empty history with the new execution id."""
    timer = Timer(instance_id="one", execution_id="x-one", timer_id=1, fire_us=1)
    first = CommitEpisode(
        instance=an_instance(status=Status.RUNNING),
        consumed=[1],
        fired=[],
        first_sequence=0,
        events=[an_event("a")],
        timers=[timer],
    )
    store.apply([a_creation(1)])
    store.apply([first])
    renewed = replace(first.instance, execution_id="y", input='"next"')
    store.apply([replace(first, instance=renewed, events=[], timers=(), ends_execution=True)])
    assert store.find_instance("one") == renewed
    assert store.read_history("one") == []
    assert store.backlog().timers == []


def test_a_result_counts_once(store: SqliteStore) -> None:
    """A second result of the same task changes nothing."""
    task = ActivityTask(
        row_id=5, instance_id="one", execution_id="x-one", task_id=0, name="A", payload=None
    )
    store.apply([a_creation(1)])
    store.apply(
        [
            CommitEpisode(
                instance=an_instance(status=Status.RUNNING),
                consumed=[1],
                fired=[],
                first_sequence=0,
                events=[],
                tasks=[task],
            )
        ]
    )
    store.apply([RecordResult(row_id=5, message=a_message(6))])
    store.apply([RecordResult(row_id=5, message=a_message(7))])
    assert store.backlog().tasks == []
    assert store.backlog().messages == [a_message(6)]


def test_creating_again_replaces_what_was(store: SqliteStore) -> None:
    """The old history and timers are gone, the instance is last in lists."""
    store.apply([a_creation(1), a_creation(2, "two")])
    store.apply(
        [
            CommitEpisode(
                instance=an_instance(status=Status.COMPLETED),
                consumed=[1],
                fired=[],
                first_sequence=0,
                events=[an_event()],
                ends_execution=True,
            )
        ]
    )
    store.apply([a_creation(3)])
    assert store.read_history("one") == []
    found = store.list_instances(InstanceQuery()).instances
    assert [one.instance_id for one in found] == ["two", "one"]


def test_lists_are_filtered_and_paged(store: SqliteStore) -> None:
    """Prefix, times, statuses and pages select; the last page names no next one."""
    store.apply([a_creation(n, f"job-{n}", created_us=n) for n in range(1, 6)])
    store.apply([a_creation(9, "Job_other", created_us=3)])
    first = store.list_instances(InstanceQuery(id_prefix="job-", limit=2))
    assert [one.instance_id for one in first.instances] == ["job-1", "job-2"]
    assert first.next_after is not None
    rest = store.list_instances(InstanceQuery(id_prefix="job-", limit=3, after=first.next_after))
    assert [one.instance_id for one in rest.instances] == ["job-3", "job-4", "job-5"]
    assert rest.next_after is None
    timed = store.list_instances(InstanceQuery(created_from_us=2, created_to_us=3))
    assert [one.instance_id for one in timed.instances] == ["job-2", "job-3", "Job_other"]
    none = store.list_instances(InstanceQuery(statuses=frozenset({Status.FAILED})))
    assert none.instances == []
    pending = store.list_instances(InstanceQuery(statuses=frozenset({Status.PENDING})))
    assert len(pending.instances) == 6


def test_a_prefix_is_no_pattern(store: SqliteStore) -> None:
    """Percent signs and underscores of a prefix mean themselves."""
    store.apply([a_creation(1, "a%b"), a_creation(2, "axb")])
    found = store.list_instances(InstanceQuery(id_prefix="a%"))
    assert [one.instance_id for one in found.instances] == ["a%b"]


def test_a_purge_leaves_nothing(store: SqliteStore) -> None:
    """Instance, history and timers are gone."""
    store.apply([a_creation(1), DiscardMessages(message_ids=[1])])
    store.apply([Purge(instance_ids=["one", "never"])])
    assert store.find_instance("one") is None
    assert store.read_history("one") == []
    assert store.backlog().messages == []


def test_a_rewind_rewrites_the_history(store: SqliteStore) -> None:
    """The history is the given one and the message is under way."""
    store.apply([a_creation(1)])
    again = an_instance(status=Status.RUNNING)
    store.apply([Rewind(instance=again, events=[an_event("new")], message=a_message(4))])
    assert store.find_instance("one") == again
    assert [item.fields["Name"] for item in store.read_history("one")] == ["new"]
    assert a_message(4) in store.backlog().messages


def test_an_entity_batch_is_one_change(store: SqliteStore) -> None:
    """State, consumed signals and answers change together; deleted entities are not listed."""
    entity = Entity(entity_id="@counter@k", exists=True, state="7", updated_us=5)
    gone = Entity(entity_id="@counter@gone", exists=False, state=None, updated_us=5)
    store.apply([AddMessage(message=a_message(1, "@counter@k"))])
    store.apply(
        [
            CommitEntity(entity=entity, consumed=[1], messages=[a_message(2)]),
            CommitEntity(entity=gone, consumed=[]),
        ]
    )
    assert store.find_entity("@counter@k") == entity
    assert store.backlog().messages == [a_message(2)]
    assert store.list_entities("Counter") == [entity]
    assert store.list_entities("count") == []
    assert store.list_entities("") == [entity]


def test_a_closed_sqlite_store_keeps_everything(tmp_path: Path) -> None:
    """Opening again finds what was applied."""
    store = SqliteStore(tmp_path / "s.sqlite3")
    store.open()
    store.apply([a_creation(1)])
    store.close()
    store.open()
    assert store.find_instance("one") == an_instance()
    store.close()


def test_a_failed_group_changes_nothing(tmp_path: Path) -> None:
    """If one change cannot be written, none is; the error is about that change, not the store."""
    store = SqliteStore(tmp_path / "s.sqlite3")
    store.open()
    store.apply([a_creation(1)])
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        store.apply([a_creation(2, "two"), AddMessage(message=a_message(1))])
    assert store.find_instance("two") is None
    store.close()


@pytest.mark.parametrize("what", ["deleted", "replaced"])
def test_a_file_that_is_gone_is_noticed(tmp_path: Path, what: str) -> None:
    """Nothing is written into a file that nobody will find again: the host ends with this line."""
    path = tmp_path / "s.sqlite3"
    store = SqliteStore(path)
    store.open()
    store.apply([a_creation(1)])
    path.unlink()
    if what == "replaced":
        path.touch()
    with pytest.raises(StoreError, match=r"s\.sqlite3 (is gone|was replaced)"):
        store.apply([a_creation(2, "two")])
    store.close()


def test_the_file_is_the_users_alone(tmp_path: Path) -> None:
    """Those beside it too, also when an older program made it for all to read."""
    path = tmp_path / "s.sqlite3"
    path.touch(mode=0o644)
    store = SqliteStore(path)
    store.open()
    store.apply([a_creation(1)])
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes) == {f"s.sqlite3{end}" for end in ("", "-wal", "-shm", ".lock")}
    assert set(modes.values()) == {0o600}
    store.close()


def test_a_second_sqlite_store_is_refused(tmp_path: Path) -> None:
    """The message names the folder and says what to do; after a close it opens."""
    first, second = SqliteStore(tmp_path / "s.sqlite3"), SqliteStore(tmp_path / "s.sqlite3")
    first.open()
    with pytest.raises(StoreInUseError, match=r"in use by another host \(process \d+\)"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A store of a later program is left alone."""
    path = tmp_path / "s.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreVersionError, match="schema version 99"):
        SqliteStore(path).open()


def test_an_older_schema_is_upgraded_with_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The missing scripts run in order, once, and what was stored stays."""
    path, script = tmp_path / "s.sqlite3", tmp_path / "next.sql"
    old = SqliteStore(path)
    old.open()
    old.apply([a_creation(1)])
    old.close()
    script.write_text("CREATE TABLE added (n INTEGER); INSERT INTO added VALUES (1);")
    monkeypatch.setattr(sqlite_store, "MIGRATIONS", (*sqlite_store.MIGRATIONS, str(script)))
    for _ in range(2):
        store = SqliteStore(path)
        store.open()
        assert store.find_instance("one") == an_instance()
        assert store._db.execute("SELECT count(*) FROM added").fetchone()[0] == 1
        store.close()


def test_a_failed_upgrade_leaves_the_old_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a script that fails half way is kept."""
    path, script = tmp_path / "s.sqlite3", tmp_path / "next.sql"
    old = SqliteStore(path)
    old.open()
    old.apply([a_creation(1)])
    old.close()
    script.write_text("CREATE TABLE added (n INTEGER); INSERT INTO missing VALUES (1);")
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_store, "MIGRATIONS", (*sqlite_store.MIGRATIONS, str(script)))
        with pytest.raises(StoreError, match="cannot be used: no such table: missing"):
            SqliteStore(path).open()
    old.open()
    assert old.find_instance("one") == an_instance()
    tables = old._db.execute("SELECT name FROM sqlite_master WHERE name = 'added'").fetchall()
    assert tables == []
    old.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "s.sqlite3"
    path.write_text("not a database, and long enough to be read as one" * 20)
    with pytest.raises(StoreError, match=r"s\.sqlite3 cannot be used"):
        SqliteStore(path).open()
