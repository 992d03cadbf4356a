"""What is busy for a moment is asked again within the step; what lasts is left to the orchestration."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.errors import (
    BusyError,
    RefusedError,
    RowConflictError,
    RowExistsError,
    ServiceError,
    StorageError,
)
from acijobs.domain.messages import CheckRequest, CreateRequest, DeleteRequest
from acijobs.domain.outcome import Outcome
from acijobs.domain.row import Row
from acijobs.domain.spec.job import parse
from acijobs.usecases.check_status import check_status
from acijobs.usecases.create_group import create_group
from acijobs.usecases.finish_job import finish_job
from acijobs.usecases.patience import PatientGroups, PatientRows
from acijobs_interleaving import RUN, accept, let_pass
from acijobs_world import World
from manual_clock import ManualClock
from memory_rows import MemoryRows
from scripted_azure import ScriptedAzure

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.domain.group import Scope
    from acijobs.usecases.ports import Outside

ROOT = Path(__file__).parents[3]
SPEC = parse({"image": "a"})
READS = {
    "get": lambda groups, name: groups.get(name),
    "listed": lambda groups, _: groups.listed(),
    "delete": lambda groups, name: groups.delete(name),
    "read_log": lambda groups, name: groups.read_log(name, "job"),
}
REQUESTS: dict[str, Callable[[PatientGroups, str], Any]] = READS | {
    "create": lambda groups, name: groups.create(name, SPEC, {}, location="eastus")
}


def brief(**known: Any) -> BusyError:
    return BusyError("TooManyRequests", "later", **({"is_brief": True, "is_refused": True} | known))


def patient(method: str, *troubles: ServiceError | None) -> tuple[PatientGroups, ScriptedAzure]:
    azure = ScriptedAzure(clock=ManualClock(), troubles={method: list(troubles)})
    return PatientGroups(azure, azure.clock), azure


@pytest.mark.parametrize("method", REQUESTS)
def test_a_brief_busy_answer_is_asked_again_within_the_step(method: str) -> None:
    """A step of three requests would otherwise start over whenever one of them is throttled."""
    groups, azure = patient(method, brief(), brief())
    REQUESTS[method](groups, "job-a")
    assert azure.calls[method] == 3
    assert len(azure.clock.slept) == 2


@pytest.mark.parametrize("method", REQUESTS)
def test_patience_has_an_end(method: str) -> None:
    """Five tries; then the answer is the orchestration's, whose timers survive the process."""
    groups, azure = patient(method, *[brief(retry_after_s=5)] * 9)
    with pytest.raises(BusyError, match="TooManyRequests"):
        REQUESTS[method](groups, "job-a")
    assert azure.calls[method] == 5
    assert sum(azure.clock.slept) <= 25


class _Hanging:
    """An Azure that takes connections, and answers none of them within the client's 60 s."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def hang(*_: object, **__: object) -> None:
            let_pass(self._world, 60)
            raise BusyError("ServiceResponseTimeoutError", "no answer", is_brief=True)

        return hang


class _World(World):
    """A world in which a job runs, until Azure hangs."""

    def __init__(self) -> None:
        super().__init__(script={"end_after_s": 1000})
        accept(self)
        create_group(self, CreateRequest(run=RUN))
        let_pass(self, 10)

    def groups(self, scope: Scope) -> PatientGroups:  # type: ignore[override]
        if not self.memory_rows.now_of("j").created_at:
            return super().groups(scope)  # type: ignore[return-value]
        return PatientGroups(_Hanging(self), self.clock)  # type: ignore[arg-type]


STEPS: dict[str, Callable[[Outside], object]] = {
    "poll": lambda world: check_status(world, CheckRequest(run=RUN, log_is_due=True)),
    "cancel": lambda world: finish_job(
        world, DeleteRequest(run=RUN, outcome=Outcome.cancelled(""), gives_grace=False)
    ),
    "end": lambda world: finish_job(
        world, DeleteRequest(run=RUN, outcome=Outcome.succeeded(), attempt=1)
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_azure_lets_hang_ends_long_before_the_functions_time(step: str) -> None:
    """The host ends the worker that runs a function for too long, and all other steps in it."""
    limit = json.loads((ROOT / "host.json").read_text("utf-8"))["functionTimeout"]
    hours, minutes, seconds = map(int, limit.split(":"))
    world = _World()
    since = world.clock.now()
    with suppress(BusyError):
        STEPS[step](world)
    took = world.clock.now() - since + timedelta(seconds=sum(world.clock.slept))
    assert took < timedelta(hours=hours, minutes=minutes, seconds=seconds) / 2


def test_the_pauses_grow_and_are_at_least_what_was_asked_for() -> None:
    """0.5, 1, 2, 4 seconds, each lengthened by up to a quarter."""
    for asked_s in (None, 0.0, 3.0, 5.0):
        groups, azure = patient("get", *[brief(retry_after_s=asked_s)] * 4)
        groups.get("job-a")
        least = [max(asked_s or 0, pause_s) for pause_s in (0.5, 1, 2, 4)]
        for slept_s, least_s in zip(azure.clock.slept, least, strict=True):
            assert least_s <= slept_s <= least_s * 1.25


def test_groups_that_were_put_off_together_do_not_come_back_together() -> None:
    """The pauses follow from the group's name, always in the same way."""

    def pauses(name: str) -> list[float]:
        groups, azure = patient("get", *[brief()] * 4)
        groups.get(name)
        return azure.clock.slept

    assert pauses("job-a") == pauses("job-a")
    assert len({tuple(pauses(f"job-{n}")) for n in range(20)}) == 20


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize(
    "error",
    [
        brief(is_brief=False),
        brief(retry_after_s=5.1),
        brief(retry_after_s=600),
        RefusedError("AuthorizationFailed", "no right"),
    ],
)
def test_what_lasts_longer_is_told_at_once(method: str, error: ServiceError) -> None:
    """Out of capacity or quota, a long Retry-After, a refusal: a pause here would only block."""
    groups, azure = patient(method, error)
    with pytest.raises(type(error)):
        REQUESTS[method](groups, "job-a")
    assert azure.calls[method] == 1
    assert azure.clock.slept == []


def test_a_create_that_azure_may_have_taken_is_not_repeated() -> None:
    """A second PUT may come after the group's end; the row decides whether it may be sent."""
    groups, azure = patient("create", brief(is_refused=False))
    with pytest.raises(BusyError):
        groups.create("job-a", SPEC, {}, location="eastus")
    assert azure.calls["create"] == 1


@pytest.mark.parametrize("method", READS)
def test_reads_and_deletes_are_repeated_whatever_became_of_the_first(method: str) -> None:
    """They may be done twice."""
    groups, azure = patient(method, brief(is_refused=False))
    REQUESTS[method](groups, "job-a")
    assert azure.calls[method] == 2


def change(rows: PatientRows) -> None:
    stored = rows.read("j")
    assert stored is not None
    rows.swap(stored, Row(job_id="j", restarts=1))


STORAGE: dict[str, Callable[[PatientRows], Any]] = {
    "store": lambda rows: rows.store(),
    "insert": lambda rows: rows.insert(Row(job_id="new"), {"image": "a"}),
    "read": lambda rows: rows.read("j"),
    "read_with_spec": lambda rows: rows.read_with_spec("j"),
    "swap": change,
    "unsettled": lambda rows: rows.unsettled(),
}


def stored(method: str, *troubles: Exception) -> tuple[PatientRows, MemoryRows, ManualClock]:
    """Return rows with the job `j`, whose method has these troubles first."""
    clock, waiting = ManualClock(), list(troubles)
    rows = MemoryRows(clock)
    rows.insert(Row(job_id="j"), {"image": "a"})

    def hook() -> None:
        if waiting:
            raise waiting.pop(0)

    rows.before[method] = hook
    return PatientRows(rows, clock), rows, clock


@pytest.mark.parametrize("method", STORAGE)
def test_storage_that_does_not_answer_for_a_moment_is_asked_again(method: str) -> None:
    """A step would otherwise be put off by seconds, and a run's status with it."""
    rows, _, clock = stored(method, StorageError("down"), StorageError("down"))
    STORAGE[method](rows)
    assert len(clock.slept) == 2
    assert sum(clock.slept) <= 4


@pytest.mark.parametrize("method", STORAGE)
def test_storage_that_stays_down_is_told(method: str) -> None:
    """Three tries; then the answer is the orchestration's."""
    rows, _, clock = stored(method, *[StorageError("down")] * 3)
    with pytest.raises(StorageError):
        STORAGE[method](rows)
    assert len(clock.slept) == 2


def test_a_row_that_others_changed_is_told_at_once() -> None:
    """It is no outage: the row is read again and judged."""
    rows, memory, clock = stored("swap")
    known = rows.read("j")
    assert known is not None
    memory.swap(known, Row(job_id="j", restarts=2))
    with pytest.raises(RowConflictError):
        rows.swap(known, Row(job_id="j", restarts=1))
    with pytest.raises(RowExistsError):
        rows.insert(Row(job_id="j"), {})
    assert clock.slept == []


def test_a_settled_row_leaves_the_list_through_patient_rows() -> None:
    """Like any other call."""
    rows, _, clock = stored("unsettled")
    rows.forget_settled("j")
    assert rows.unsettled() == ()
    assert clock.slept == []
