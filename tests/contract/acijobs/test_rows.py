from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.codec import encode
from acijobs.domain.errors import RowConflictError, RowExistsError, UnreadableRowError
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.progress import CleanUp
from acijobs.domain.row import cleaned, closed
from row_stores import NOW, AnyStore, a_full_row, a_row, ids, settled, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.usecases.ports import Rows, StoredRow

ROOT = Path(__file__).parents[3]


def test_a_store_that_was_never_used_has_no_jobs(rows: Rows) -> None:
    """Also where neither table nor file exists yet."""
    assert rows.read("render-42") is None
    assert spec_of(rows, "render-42") == {}
    assert ids(rows.unsettled()) == ()
    rows.forget_settled("render-42")


def test_an_inserted_job_is_read_as_it_was(rows: Rows) -> None:
    """Row and specification; its version is the one that the insert returned."""
    spec = {"image": "busybox", "environment": {"GRÜSSE": "🏖\n\u2028"}, "n": [1, 2.5, None, True]}
    inserted = rows.insert(a_row(), spec)
    assert inserted.row == a_row()
    assert rows.read("render-42") == inserted
    assert spec_of(rows, "render-42") == spec
    assert ids(rows.unsettled()) == ("render-42",)


def test_every_field_of_a_row_is_kept(rows: Rows) -> None:
    """Times to the microsecond, enums, nested objects, text beyond ASCII."""
    inserted = rows.insert(a_row(), {})
    swapped = rows.swap(inserted, a_full_row())
    found = rows.read("render-42")
    assert found == swapped
    assert found is not None
    assert found.row == a_full_row()


@pytest.mark.parametrize("make", [lambda n: os.urandom(n // 2).hex(), lambda n: "é🏖" * (n // 6)])
def test_the_largest_specification_is_kept(rows: Rows, make: Callable[[int], str]) -> None:
    """256 KB that hardly compress, and as much that grows when it is written in ASCII."""
    spec = {"a": make(128 * 1024), "b": base64.b64encode(os.urandom(96 * 1024)).decode()}
    inserted = rows.insert(a_row(), spec)
    rows.swap(inserted, replace(inserted.row, offer=2))
    assert spec_of(rows, "render-42") == spec


def test_a_long_row_is_kept_and_may_become_short_again(rows: Rows) -> None:
    """A property of a table holds 32 K characters; nothing of the long one may be left behind."""
    many = {f"t{number}": NOW for number in range(2_000)}
    inserted = rows.insert(a_row(), {})
    long = rows.swap(inserted, replace(inserted.row, times=many))
    assert rows.read("render-42") == long
    short = rows.swap(long, replace(long.row, times={}))
    assert rows.read("render-42") == short


def test_an_id_belongs_to_one_job(rows: Rows) -> None:
    """The first keeps its row and its specification."""
    first = rows.insert(a_row(), {"image": "first"})
    with pytest.raises(RowExistsError, match="render-42"):
        rows.insert(replace(a_row(), accepted_at=NOW + timedelta(seconds=1)), {"image": "second"})
    with pytest.raises(RowExistsError, match="render-42"):
        rows.insert(replace(a_row(), digest="v1:def"), {"image": "third"})
    assert rows.read("render-42") == first
    assert spec_of(rows, "render-42") == {"image": "first"}
    assert ids(rows.unsettled()) == ("render-42",)


def test_an_insert_whose_answer_was_lost_counts_as_done(rows: Rows) -> None:
    """However far the job has come when the insert is repeated."""
    inserted = rows.insert(a_row(), {"image": "busybox"})
    assert rows.insert(a_row(), {"image": "busybox"}) == inserted
    swapped = rows.swap(inserted, replace(inserted.row, offer=2))
    assert rows.insert(a_row(), {"image": "busybox"}) == swapped


def test_the_id_of_a_settled_job_is_not_listed_again(rows: Rows) -> None:
    """A second submission is refused, and leaves no entry behind."""
    inserted = rows.insert(a_row(), {})
    rows.swap(inserted, settled(inserted.row))
    with pytest.raises(RowExistsError):
        rows.insert(replace(a_row(), digest="v1:def"), {})
    assert ids(rows.unsettled()) == ()


def test_a_swap_of_an_older_version_is_a_conflict(rows: Rows) -> None:
    """The row stays as the first change made it."""
    inserted = rows.insert(a_row(), {})
    swapped = rows.swap(inserted, replace(inserted.row, offer=2))
    assert swapped.version != inserted.version
    with pytest.raises(RowConflictError, match="render-42"):
        rows.swap(inserted, replace(inserted.row, offer=3))
    assert rows.read("render-42") == swapped


def test_a_swap_whose_answer_was_lost_counts_as_done(rows: Rows) -> None:
    """The row is as it was to become; the version is the one to go on with."""
    inserted = rows.insert(a_row(), {})
    swapped = rows.swap(inserted, a_full_row())
    assert rows.swap(inserted, a_full_row()) == swapped
    assert ids(rows.unsettled()) == ()


def test_a_swap_of_a_row_that_is_gone_is_a_conflict(rows: Rows, store: AnyStore) -> None:
    """It does not come back."""
    inserted = rows.insert(a_row(), {})
    store.remove_job("render-42")
    with pytest.raises(RowConflictError):
        rows.swap(inserted, replace(inserted.row, offer=2))
    assert rows.read("render-42") is None


def test_of_two_swaps_at_once_exactly_one_wins(store: AnyStore) -> None:
    """Every time; the loser reads the winner's row."""
    through = store.open(), store.open()
    stored = through[0].insert(a_row(), {})
    for _ in range(30):
        won = swapped_by_one(stored, through)
        assert len(won) == 1
        assert through[0].read("render-42") == won[0]
        stored = won[0]


def swapped_by_one(stored: StoredRow, through: tuple[Rows, ...]) -> list[StoredRow]:
    gate, won = threading.Barrier(len(through)), []

    def swap(rows: Rows) -> None:
        changed = replace(stored.row, digest=secrets.token_hex())
        gate.wait(10)
        with suppress(RowConflictError):
            won.append(rows.swap(stored, changed))

    in_threads([partial(swap, rows) for rows in through])
    return won


def test_of_many_inserts_at_once_exactly_one_wins(store: AnyStore) -> None:
    """Also the very first ones, which make the store."""
    gate, ended = threading.Barrier(6), Counter[str]()

    def insert(number: int) -> None:
        rows = store.open()
        gate.wait(10)
        try:
            rows.insert(replace(a_row(), digest=f"v1:{number}"), {"n": number})
        except RowExistsError:
            ended["refused"] += 1
        else:
            ended["inserted"] += 1

    in_threads([partial(insert, number) for number in range(6)])
    assert ended == {"inserted": 1, "refused": 5}
    assert ids(store.open().unsettled()) == ("render-42",)


def in_threads(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_processes_lose_no_change_of_one_another(store: AnyStore) -> None:
    """Each of three counts to ten in the same row."""
    rows = store.open()
    rows.insert(a_row(), {})
    count = """
for _ in range(10):
    while True:
        stored = rows.read("render-42")
        try:
            offer = stored.row.offer + 1
            rows.swap(stored, replace(stored.row, offer=offer, digest=secrets.token_hex()))
        except RowConflictError:
            continue
        break
"""
    processes = [elsewhere(store, count) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    found = rows.read("render-42")
    assert found is not None
    assert found.row.offer == 31


def elsewhere(store: AnyStore, code: str, **options: Any) -> subprocess.Popen[str]:
    """Run code in a process of its own, where `rows` are the same store's."""
    start = f"""
import secrets
from dataclasses import replace
from pathlib import Path
from azure.data.tables import TableClient
from acijobs.domain.errors import RowConflictError
from acijobs.rows.file import FileRows
from acijobs.rows.table import TableRows
rows = {store.opened_elsewhere}
"""
    return subprocess.Popen([sys.executable, "-c", start + code], cwd=ROOT, text=True, **options)


def test_a_store_is_known_by_the_same_everywhere(store: AnyStore) -> None:
    """In another instance, another process, and after it was asked many times."""
    rows = store.open()
    known = rows.store()
    assert len(known.id) == 12
    assert known.id.isalnum()
    assert known.id == known.id.lower()
    assert len(known.digest_key) == 32
    assert rows.store() == known
    assert store.open().store() == known
    code = "store = rows.store(); print(store.id, store.digest_key.hex())"
    with elsewhere(store, code, stdout=subprocess.PIPE) as process:
        shown, _ = process.communicate(timeout=60)
    assert shown.split() == [known.id, known.digest_key.hex()]


def test_of_many_first_users_all_know_the_store_by_the_same(store: AnyStore) -> None:
    """Whoever comes second reads what the first made."""
    gate, known = threading.Barrier(6), list[Any]()

    def ask() -> None:
        rows = store.open()
        gate.wait(10)
        known.append(rows.store())

    in_threads([ask] * 6)
    assert len(known) == 6
    assert len({one.id for one in known}) == 1
    assert len({one.digest_key for one in known}) == 1


def test_unsettled_jobs_are_listed_in_order_and_in_pages(rows: Rows) -> None:
    """Each page goes on where the one before ended."""
    for number in (5, 1, 4, 2, 3):
        rows.insert(a_row(f"job-{number}"), {})
    assert ids(rows.unsettled()) == ("job-1", "job-2", "job-3", "job-4", "job-5")
    assert ids(rows.unsettled(limit=2)) == ("job-1", "job-2")
    assert ids(rows.unsettled(after="job-2", limit=2)) == ("job-3", "job-4")
    assert ids(rows.unsettled(after="job-4", limit=2)) == ("job-5",)
    assert ids(rows.unsettled(after="job-5")) == ()
    assert ids(rows.unsettled(after="job-3'x")) == ("job-4", "job-5")


def test_a_settled_job_is_not_listed_any_more(rows: Rows) -> None:
    """A closed one that is not settled still is."""
    inserted = rows.insert(a_row("job-1"), {})
    other = rows.insert(a_row("job-2", asked_at=NOW), {})
    rows.swap(inserted, settled(inserted.row))
    is_closed = closed(other.row, Outcome.succeeded(), now=NOW)
    assert is_closed is not None
    swapped = rows.swap(other, is_closed)
    assert ids(rows.unsettled()) == ("job-2",)
    is_cleaned = cleaned(swapped.row, CleanUp.DELETED, now=NOW)
    assert is_cleaned is not None
    rows.swap(swapped, is_cleaned)
    assert ids(rows.unsettled()) == ()
    assert spec_of(rows, "job-1") == {}


def test_an_unsettled_job_is_not_forgotten(rows: Rows) -> None:
    """Whatever the caller believed."""
    rows.insert(a_row(), {})
    rows.forget_settled("render-42")
    assert ids(rows.unsettled()) == ("render-42",)


@pytest.mark.parametrize(
    "job_id", ["~store", "~unsettled", "a/b", "A", "", "x" * 2_000, "é\n", "?"]
)
def test_an_odd_id_has_no_row(rows: Rows, job_id: str) -> None:
    """Anybody with a key may start an orchestration under any id."""
    rows.store()
    rows.insert(a_row(), {})
    assert rows.read(job_id) is None
    assert spec_of(rows, job_id) == {}


def test_a_row_of_a_later_release_is_read_as_far_as_it_can_be(rows: Rows, store: AnyStore) -> None:
    """Unknown fields are left out; missing and unknown values take the field's default."""
    rows.insert(a_row(), {})
    state = encode(a_full_row()) | {"invented": {"later": 1}, "cleanUp": "Vaporised", "log": 7}
    state["outcome"] |= {"phase": "Evicted", "later": True}
    del state["restarts"]
    store.write_state("render-42", json.dumps(state))
    found = rows.read("render-42")
    assert found is not None
    assert found.row.claim == a_full_row().claim
    assert found.row.clean_up is CleanUp.PENDING
    assert found.row.restarts == 0
    assert found.row.outcome is not None
    assert found.row.outcome.phase is Phase.FAILED
    swapped = rows.swap(found, replace(found.row, restarts=1))
    assert rows.read("render-42") == swapped


def test_a_swap_keeps_what_this_release_cannot_read(rows: Rows, store: AnyStore) -> None:
    """A rollback loses nothing: fields and values of a later release outlive the swaps of this one."""
    rows.insert(a_row(), {})
    later = encode(a_row()) | {"retries": 3, "cleanUp": "Postponed"}
    later["terms"] = encode(a_row().terms) | {"silentSeconds": 60}
    store.write_state("render-42", json.dumps(later))
    stored = rows.read("render-42")
    assert stored is not None
    swapped = rows.swap(stored, replace(stored.row, offer=2))
    there = rows.read("render-42")
    assert there is not None
    assert (there.row.offer, there) == (2, swapped)
    assert there.stored == later | {"offer": 2}


@pytest.mark.parametrize(
    "state", ["", "{", "[]", "{}", "null", "[" * 30_000, '{"jobId":"another"}']
)
def test_a_row_that_is_none_is_not_taken_for_a_new_job(
    rows: Rows, store: AnyStore, state: str
) -> None:
    """Defaults would make it look open and unclaimed."""
    rows.insert(a_row(), {})
    store.write_state("render-42", state)
    with pytest.raises(UnreadableRowError):
        rows.read("render-42")
