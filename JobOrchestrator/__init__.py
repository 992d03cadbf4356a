"""JobOrchestrator: one job from its submission to a confirmed clean-up.

create ▸ watch ▸ collect ▸ delete ▸ report. Whatever happens once a container group may exist, even a
defect in here, the group is deleted and the deletion confirmed. It listens for the event `Cancel`,
so it never continues as new; the polling happens in WatchOrchestrator (docs/adr/0002).
"""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from acijobs.domain import wire
from acijobs.domain.ending import Ending
from acijobs.domain.errors import InvalidSpecError, JobFailedError
from acijobs.domain.job_id import group_name
from acijobs.domain.policy import WatchPolicy, retry_delay_s
from acijobs.domain.progress import CleanUp, Phase
from acijobs.domain.replying import reply_of
from acijobs.domain.report import Report
from acijobs.domain.spec import JobSpec, parse
from acijobs.domain.watch import Change, Watch, merge_logs

Steps = Generator[Any, Any, Any]

COLLECT_TIME = timedelta(minutes=5)
CLEAN_UP_TIME = timedelta(minutes=15)
WATCH_ATTEMPTS = 5
ABSENCES_TO_TRUST = 3
"""Times a group that Azure may have been asked for, and that was never seen, must be found absent."""


def orchestrate(context: df.DurableOrchestrationContext) -> Steps:
    """Run one job: input is a job specification, output and custom status are its progress.

    Raises:
        JobFailedError: the job failed or timed out; the instance ends as Failed with the reason.
    """
    report = Report(context, group_name(context.instance_id))
    try:
        spec = parse(context.get_input())
    except InvalidSpecError as error:
        report.cleaned_up(CleanUp.NOT_NEEDED)
        report.end(Ending(phase=Phase.FAILED, code="InvalidSpec", message=str(error)))
        raise JobFailedError(report.progress.summary) from error

    open_watches: list[Any] = []
    try:
        ending = yield from _run(context, report, spec, open_watches)
    except Exception as error:  # noqa: BLE001 - a defect must not leave a group behind
        message = f"{type(error).__name__}: {error}"
        ending = Ending(phase=Phase.FAILED, code="InternalError", message=message)
        report.decided(ending)
    yield from _clean_up(context, report)
    report.end(ending)
    for task in open_watches:  # a cancelled job's watch ends soon: the group is gone
        reply = yield from reply_of(task)
        report.learned(reply)
    if ending.phase in {Phase.FAILED, Phase.TIMED_OUT}:
        raise JobFailedError(report.progress.summary)
    return report.progress.to_json()


def _run(
    context: df.DurableOrchestrationContext, report: Report, spec: JobSpec, open_watches: list[Any]
) -> Steps:
    """Create the group, watch it, collect its log; return how the job ended."""
    ending = yield from _create(context, report, spec)
    if ending is not None:
        report.decided(ending)
        return ending
    ending = yield from _watch(context, report, spec, open_watches)
    report.decided(ending)
    yield from _collect(context, report, has_ended=ending.has_ended)
    return ending


def _create(context: df.DurableOrchestrationContext, report: Report, spec: JobSpec) -> Steps:
    """Create the group; return None, or how the job ended before it had one."""
    report.enter(Phase.CREATING)
    deadline = report.started + timedelta(seconds=spec.timeouts.provision_seconds)
    over = deadline + timedelta(seconds=spec.timeouts.run_seconds) + CLEAN_UP_TIME
    request = {"jobId": context.instance_id, "spec": spec.to_json(), "deadline": over.isoformat()}
    attempt = 0
    while True:
        step = context.call_activity("CreateContainerActivity", request)
        cancel = context.wait_for_external_event("Cancel")
        yield context.task_any([step, cancel])
        # A create that is under way is waited for even when cancelled: deleting first would leak.
        reply = yield from reply_of(step)
        report.asked_to_create(reply)
        if cancel.is_completed:
            return Ending.cancelled(cancel.result)
        if reply["kind"] == "refused":
            return Ending.refused(reply)
        if reply["kind"] in {"created", "adopted"}:
            return None
        attempt += 1
        again_at = context.current_utc_datetime + timedelta(
            seconds=retry_delay_s(attempt, reply.get("retryAfterSeconds"))
        )
        if again_at >= deadline:
            last = f"{reply['code']}: {reply['message']}"
            return Ending.timed_out("ProvisionTimeout", f"Azure did not take the group: {last}")
        timer: Any = context.create_timer(again_at)
        cancel = context.wait_for_external_event("Cancel")
        yield context.task_any([timer, cancel])
        if cancel.is_completed:
            if not timer.is_completed:
                timer.cancel()
            return Ending.cancelled(cancel.result)


def _watch(
    context: df.DurableOrchestrationContext, report: Report, spec: JobSpec, open_watches: list[Any]
) -> Steps:
    """Watch until the job ended; a watch that is still open then is left in `open_watches`."""
    watch = Watch(
        job_id=context.instance_id,
        group=report.progress.group,
        restart_policy=spec.restart_policy,
        created_at=context.current_utc_datetime,
        deadline=report.started + timedelta(seconds=spec.timeouts.provision_seconds),
        policy=wire.read(WatchPolicy, report.created["watch"]),
        place=report.place,
    )
    failures = 0
    while True:
        task = context.call_sub_orchestrator("WatchOrchestrator", watch.to_json())
        # A new wait each time: the SDK leaves one that was yielded before out of a later task_any.
        cancel = context.wait_for_external_event("Cancel")
        yield context.task_any([task, cancel])
        if cancel.is_completed and not task.is_completed:
            open_watches.append(task)
            return (yield from _last_look(context, watch, Ending.cancelled(cancel.result)))
        reply = yield from reply_of(task)
        if reply.get("kind") == "busy":  # the watch itself was terminated or crashed
            failures += 1
            if failures >= WATCH_ATTEMPTS:
                return Ending(phase=Phase.FAILED, code="WatchFailed", message=reply["message"])
            continue
        was_running = watch.stage == "running"
        watch, change = Watch.from_json(reply["watch"]), wire.read(Change, reply["change"])
        report.saw(watch)
        ending = Ending.of_change(change, watch.stage)
        if ending is None and cancel.is_completed:
            ending = Ending.cancelled(cancel.result)
        if ending is not None:
            return ending
        if watch.stage == "running" and not was_running:
            run_time = timedelta(seconds=spec.timeouts.run_seconds)
            watch = watch.until(context.current_utc_datetime + run_time)


def _last_look(context: df.DurableOrchestrationContext, watch: Watch, cancelled: Ending) -> Steps:
    """Look once more before a job counts as cancelled: a container that has ended decides itself."""
    request = {"group": watch.group, "place": watch.place}
    reply = yield from reply_of(context.call_activity("CheckStatusActivity", request))
    _, change = watch.see(reply, context.current_utc_datetime)
    if change is not None and change.what == "ended":
        return Ending.of_change(change, watch.stage)
    return cancelled


def _collect(context: df.DurableOrchestrationContext, report: Report, *, has_ended: bool) -> Steps:
    """Fetch what the log gained since the last look."""
    report.enter(Phase.COLLECTING)
    request = {"jobId": context.instance_id, "group": report.progress.group, "ended": True}
    request["place"] = report.place
    reply = yield from _until(
        context,
        lambda: context.call_activity("FetchLogsActivity", request),
        within=COLLECT_TIME,
        is_done=lambda reply: reply["kind"] != "busy",
    )
    report.archived(merge_logs(report.progress.logs, reply, complete=has_ended))


def _clean_up(context: df.DurableOrchestrationContext, report: Report) -> Steps:
    """Delete the group and see it gone; what fails here is reported, and never changes the result."""
    report.enter(Phase.CLEANING)
    request: dict[str, Any] = {"jobId": context.instance_id, "group": report.progress.group}
    request["place"] = report.place
    absences = 0

    def is_done(reply: dict[str, Any]) -> bool:
        nonlocal absences
        if reply["kind"] != "absent":
            return reply["kind"] in {"gone", "notOurs"}
        # Azure may show a group late: one that was never seen is looked for more than once.
        absences += 1
        return absences >= (ABSENCES_TO_TRUST if report.may_exist_unseen else 1)

    reply = yield from _until(
        context,
        lambda: context.call_activity("DeleteContainerActivity", request),
        within=CLEAN_UP_TIME,
        is_done=is_done,
    )
    if reply["kind"] in {"gone", "absent"}:
        report.cleaned_up(CleanUp.DELETED)
    elif reply["kind"] == "notOurs":
        report.cleaned_up(CleanUp.NOT_OURS)
    else:
        why = reply.get("message") or "Azure still shows the group"
        report.cleaned_up(CleanUp.FAILED, f"{reply.get('code', reply['kind'])}: {why}")


def _until(
    context: df.DurableOrchestrationContext, call: Any, *, within: timedelta, is_done: Any
) -> Steps:
    """Ask again, with growing pauses, until a reply is final or the time is over; return the last."""
    give_up_at = context.current_utc_datetime + within
    attempt = 0
    while True:
        reply = yield from reply_of(call())
        if is_done(reply):
            return reply
        attempt += 1
        now = context.current_utc_datetime
        again_at = now + timedelta(seconds=retry_delay_s(attempt, reply.get("retryAfterSeconds")))
        if now >= give_up_at:
            return reply
        yield context.create_timer(min(again_at, give_up_at))


main = df.Orchestrator.create(orchestrate)
