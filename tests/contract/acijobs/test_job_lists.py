"""The list of jobs, and what jobs tell of themselves: one contract for both stores."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import RowConflictError, RowExistsError
from acijobs.domain.listing import first_key_at, list_key
from acijobs.domain.told import Told, ToldProgress
from acijobs.rows.file import FILE, FileRows
from acijobs.rows.packing import pack_row, pack_spec
from acijobs.usecases.ports import RETENTION
from row_stores import NOW, TableStore, a_row, ids, needs_tables, settled

if TYPE_CHECKING:
    from pathlib import Path

    from acijobs.usecases.ports import Rows


def insert(rows: Rows, job_id: str, minutes: float = 0, **labels: str) -> None:
    at = NOW + timedelta(minutes=minutes)
    rows.insert(replace(a_row(job_id), accepted_at=at, labels=labels), {"image": "busybox"})


def listed(rows: Rows, **asked: Any) -> list[str]:
    return [entry.job_id for entry in rows.listed(**asked)]


def test_a_store_that_was_never_used_lists_nothing(rows: Rows) -> None:
    """Also where neither table nor file exists yet."""
    assert rows.listed() == ()
    assert rows.told("render-42").told == Told()
    assert rows.bookmark(RETENTION) == ""


def test_the_newest_job_is_listed_first(rows: Rows) -> None:
    """Whatever its id; its entry has its time and its labels."""
    insert(rows, "a", 1, team="rot", größe="🏖:x")
    insert(rows, "b", 3)
    insert(rows, "c", 2)
    insert(rows, "d", 2)
    assert listed(rows) == ["b", "c", "d", "a"]
    last = rows.listed()[-1]
    assert last.labels == {"team": "rot", "größe": "🏖:x"}
    assert last.accepted_at == NOW + timedelta(minutes=1)
    stored = rows.read("a")
    assert stored is not None
    assert last.tells_of(stored.row)


def test_a_page_begins_after_the_key_of_the_last_one(rows: Rows) -> None:
    """Also after the key of a time, or of a job that is gone."""
    for number in range(7):
        insert(rows, f"job-{number}", number)
    pages, after = [], ""
    while page := rows.listed(after=after, limit=3):
        pages.append([entry.job_id for entry in page])
        after = page[-1].key
    assert pages == [["job-6", "job-5", "job-4"], ["job-3", "job-2", "job-1"], ["job-0"]]
    assert listed(rows, after=first_key_at(NOW + timedelta(minutes=2))) == [
        "job-2",
        "job-1",
        "job-0",
    ]
    assert listed(rows, after=list_key("gone", NOW + timedelta(minutes=1.5))) == ["job-1", "job-0"]


def test_more_jobs_than_one_answer_holds_are_listed(rows: Rows) -> None:
    """As many as are asked for, up to a thousand at once, and in order."""
    threads = [
        threading.Thread(target=lambda n=n: [insert(rows, f"j{i}", i) for i in range(n, 120, 4)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert listed(rows) == [f"j{number}" for number in reversed(range(120))]
    assert len(rows.listed(limit=50)) == 50


def test_a_refused_submission_leaves_no_entry(rows: Rows) -> None:
    """The job that there is keeps its own."""
    insert(rows, "a", 1)
    with pytest.raises(RowExistsError):
        rows.insert(replace(a_row("a"), digest="other"), {})
    assert [entry.accepted_at for entry in rows.listed()] == [NOW + timedelta(minutes=1)]
    insert(rows, "a", 1)  # the same submission again, whose answer was lost
    assert len(rows.listed()) == 1


def test_a_job_that_is_removed_is_gone_and_its_id_is_free(rows: Rows) -> None:
    """With what it told, which no later job of its id may find."""
    insert(rows, "a")
    stored = rows.read("a")
    assert stored is not None
    stored = rows.swap(stored, settled(stored.row))
    rows.tell_progress("a", ToldProgress(value=0.5))
    entry = rows.listed()[0]
    rows.remove(stored)
    rows.unlist(entry)
    rows.unlist(entry)
    assert rows.read("a") is None
    assert rows.read_with_spec("a") is None
    assert rows.listed() == ()
    assert rows.told("a").told == Told()
    insert(rows, "a", 5)
    assert listed(rows) == ["a"]
    assert ids(rows.unsettled()) == ("a",)


def test_a_job_that_was_changed_or_is_gone_is_not_removed(rows: Rows) -> None:
    """Whoever removes it must have read it just now; a later job of its id is another."""
    insert(rows, "a")
    stored = rows.read("a")
    assert stored is not None
    rows.tell_progress("a", ToldProgress(value=0.5))
    changed = rows.swap(stored, settled(stored.row))
    with pytest.raises(RowConflictError):
        rows.remove(stored)
    assert rows.told("a").told.progress is not None
    rows.remove(changed)
    with pytest.raises(RowConflictError):
        rows.remove(changed)
    insert(rows, "a")
    with pytest.raises(RowConflictError):
        rows.remove(changed)
    assert rows.read("a") is not None


def test_bookmarks_do_not_disturb_one_another(rows: Rows) -> None:
    """Each kind of round has its own place."""
    rows.set_bookmark("here")
    rows.set_bookmark("there", RETENTION)
    rows.set_bookmark("elsewhere", RETENTION)
    assert (rows.bookmark(), rows.bookmark(RETENTION)) == ("here", "elsewhere")


def test_what_a_job_tells_is_kept_beside_its_row(rows: Rows) -> None:
    """Progress and outputs apart; neither changes the row or the other."""
    insert(rows, "a")
    stored = rows.read("a")
    outputs: dict[str, object] = {"ü": ["🏖", None, 1.5, {"b": True}]}
    rows.swap_told("a", rows.told("a"), Told(outputs=outputs, looks=2))
    rows.tell_progress("a", ToldProgress(value=0.25, message="é", at=NOW))
    rows.tell_progress("a", ToldProgress(value=0.5, at=NOW))
    told = rows.told("a").told
    assert told == Told(progress=ToldProgress(value=0.5, at=NOW), outputs=outputs, looks=2)
    assert rows.read("a") == stored
    assert rows.told("b").told == Told()


def test_sixteen_kb_of_outputs_are_kept(rows: Rows) -> None:
    """In any script."""
    for character in ("x", "é", "☀", "🏖", '"'):
        outputs: dict[str, object] = {"a": character * (16_000 // len(character.encode()))}
        rows.swap_told("a", rows.told("a"), Told(outputs=outputs))
        assert rows.told("a").told.outputs == outputs


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_of_two_who_change_outputs_one_is_told_to_read_again(rows: Rows, *, is_first: bool) -> None:
    """Also where nothing was told before."""
    if not is_first:
        rows.tell_progress("a", ToldProgress(value=0.1))
    read = rows.told("a")
    rows.swap_told("a", read, Told(outputs={"one": 1}))
    with pytest.raises(RowConflictError):
        rows.swap_told("a", read, Told(outputs={"two": 2}))
    rows.tell_progress("a", ToldProgress(value=0.5))
    assert rows.told("a").told.outputs == {"one": 1}


@pytest.mark.parametrize("store", [pytest.param("table", marks=needs_tables)], indirect=True)
def test_a_lists_page_is_one_request(store: TableStore) -> None:
    """However many jobs there are beside it."""
    rows = store.open()
    for number in range(5):
        insert(rows, f"job-{number}", number)
    store.requests.clear()
    assert listed(rows, limit=3) == ["job-4", "job-3", "job-2"]
    assert store.requests == ["GET"]
    store.requests.clear()
    rows.tell_progress("job-1", ToldProgress(value=0.5))
    assert store.requests == ["PATCH"]


@pytest.mark.parametrize("store", [pytest.param("table", marks=needs_tables)], indirect=True)
def test_an_entry_that_was_renewed_is_not_taken_out_by_a_refused_insert(
    store: TableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow repetition of an old job's submission must not lose a new job of its id."""
    rows, others = store.open(), store.open()
    insert(rows, "a")
    stored = rows.read("a")
    assert stored is not None
    old = rows.swap(stored, settled(stored.row))
    read = rows.read

    def forgotten_and_taken_anew(job_id: str) -> Any:
        there = read(job_id)
        monkeypatch.undo()
        others.remove(old)
        insert(others, "a", 60)
        return there

    monkeypatch.setattr(rows, "read", forgotten_and_taken_anew)
    with pytest.raises(RowExistsError):
        insert(rows, "a", 30)
    assert ids(rows.unsettled()) == ("a",)
    assert rows.listed()[0].accepted_at == NOW + timedelta(minutes=60)


OLD_SCHEMA = """
CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL, spec BLOB NOT NULL,
    accepted_at TEXT NOT NULL, over_at TEXT NOT NULL, settled INTEGER NOT NULL
);
CREATE INDEX unsettled ON jobs (job_id) WHERE settled = 0;
CREATE TABLE store (id TEXT NOT NULL, digest_key BLOB NOT NULL, bookmark TEXT NOT NULL);
INSERT INTO store VALUES ('abc', x'00', 'x');
"""


def test_a_file_of_an_earlier_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """By several threads at once; its jobs are there, and in no list."""
    row = a_row("old")
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.executescript(OLD_SCHEMA)
        file.execute(
            "INSERT INTO jobs VALUES (?, 1, ?, ?, ?, ?, 0)",
            ("old", pack_row(row), pack_spec({"image": "a"}), "2026-11-25", "2026-11-26"),
        )
    stores = [FileRows(tmp_path) for _ in range(4)]
    threads = [
        threading.Thread(target=insert, args=(rows, f"new-{n}", n)) for n, rows in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = FileRows(tmp_path)
    assert listed(rows) == ["new-3", "new-2", "new-1", "new-0"]
    stored = rows.read("old")
    assert stored is not None
    assert stored.row == row
    rows.swap(stored, settled(stored.row))
