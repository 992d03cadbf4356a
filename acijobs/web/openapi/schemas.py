"""The schemas of what the API answers, with the words of the domain."""

from __future__ import annotations

from typing import Any

from acijobs.domain.callback.event import type_of
from acijobs.domain.callback.state import CallbackStatus
from acijobs.domain.outcome import Phase
from acijobs.domain.progress import CleanUp
from acijobs.domain.reasons import Fault, Reason
from acijobs.web.links import LINKS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_FLAG: Schema = {"type": "boolean"}
_CLEAN_UPS = [clean_up.value for clean_up in CleanUp]
STATES = ["Pending", "Running", *(phase.value for phase in Phase if phase.is_end)]


def ref(name: str) -> Schema:
    """Return a reference to a schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema, description: str = "") -> Schema:
    """Return the schema of this, or of null."""
    return told({"anyOf": [schema, {"type": "null"}]}, description)


def told(schema: Schema, description: str) -> Schema:
    """Return the schema with a description, where there is one."""
    return schema | ({"description": description} if description else {})


def one_of(words: list[str]) -> Schema:
    """Return the schema of one of these words."""
    return {"type": "string", "enum": words}


def record(description: str, *, optional: tuple[str, ...] = (), **members: Schema) -> Schema:
    """Return the schema of an object; a later release may add members to it."""
    required = [name for name in members if name not in optional]
    return told({"type": "object", "properties": members, "required": required}, description)


def listed(schema: Schema, description: str = "") -> Schema:
    """Return the schema of a list."""
    return told({"type": "array", "items": schema}, description)


def by_name(schema: Schema, description: str = "") -> Schema:
    """Return the schema of an object whose members have names of their own."""
    return told({"type": "object", "additionalProperties": schema}, description)


_VIOLATION = record(
    "Something wrong in a request.",
    optional=("rule",),
    pointer=told(_TEXT, "Where: a JSON pointer in a URI fragment, or the name of a parameter."),
    detail=told(_TEXT, "What is wrong, and what would be right."),
    rule=told(_TEXT, "The operator's rule that it breaks, by the name of its app setting."),
)
_PROBLEM = record(
    "An error (RFC 9457).",
    optional=("errors", "id"),
    type=_TEXT,
    title=_TEXT,
    status=_COUNT,
    detail=told(_TEXT, "What is wrong, and what would be right."),
    errors=listed(ref("Violation"), "Everything that is wrong, at once."),
    id=told(_TEXT, "The id to repeat the request under."),
)
_REASON = record(
    "Why a job did not succeed.",
    optional=("azureCode",),
    code=one_of([reason.value for reason in Reason]),
    message=told(_TEXT, "Of this job, in one line."),
    fault=told(one_of([fault.value for fault in Fault]), "Who has to act."),
    retryable=_FLAG,
    advice=_TEXT,
    azureCode=told(_TEXT, "Azure's own error code."),
)
_ONE_LOG: Schema = {
    "archivedBytes": _COUNT,
    "truncated": told(_FLAG, "Lines may be missing, because Azure no longer had them."),
    "complete": told(_FLAG, "The last lines were fetched after the container's end."),
    "trouble": or_null(_TEXT, "Why the last fetch failed."),
}
_LOG_STATE = record(
    "What is archived of the log.",
    optional=("partial", "url", "containers"),
    **_ONE_LOG,
    partial=told(_FLAG, "The log has more than `logs` shows."),
    url=told(_TEXT, "Where all of it is."),
    containers=by_name(record("Of one container.", **_ONE_LOG), "Of its other containers."),
)
JOB_FIELDS: Schema = {
    "id": _TEXT,
    "state": one_of(STATES),
    "phase": one_of([phase.value for phase in Phase]),
    "exitCode": or_null({"type": "integer"}, "The container's; null while it is not known."),
    "reason": or_null(ref("Reason")),
    "waitingFor": or_null(_TEXT, "Why the group cannot be created yet."),
    "attempt": told(_COUNT, "Number of the current attempt, from 1."),
    "restarts": told(_COUNT, "How often the container was started again."),
    "timeline": by_name(_MOMENT, "When each phase began, and what Azure said of the container."),
    "cleanUp": told(one_of(_CLEAN_UPS), "The group's fate."),
    "cleanUpDetail": or_null(_TEXT, "Why the clean-up failed."),
    "progress": or_null(ref("Progress"), "What the job said last."),
    "outputs": or_null({"type": "object"}, "What the job has put out."),
    "labels": by_name(_TEXT, "The user's own."),
    "rerunOf": or_null(_TEXT, "The job that it runs again."),
    "firstRun": or_null(_TEXT, "The first job of that line."),
    "callback": or_null(ref("CallbackState"), "Null for a job without a callback."),
    "logState": ref("LogState"),
}
"""Members of every answer that shows a job."""

_CONTAINER = record(
    "A container, as it was when the outcome was decided.",
    optional=("exitCode",),
    name=_TEXT,
    state=_TEXT,
    exitCode={"type": "integer"},
    restarts=_COUNT,
    detail=_TEXT,
)
_EVENT = record(
    "What Azure said of the group.",
    optional=("at",),
    name=_TEXT,
    message=_TEXT,
    kind=_TEXT,
    at=_MOMENT,
)
_ATTEMPT = record(
    "An attempt that ended.",
    attempt=told(_COUNT, "Its number, from 1."),
    state=one_of(STATES),
    exitCode=or_null({"type": "integer"}),
    reason=or_null(ref("Reason")),
    counted=told(_FLAG, "Whether it used up one of the attempts."),
    group=or_null(_TEXT, "Its container group."),
    location=or_null(_TEXT, "The region it was asked for in; null for the operator's."),
    startedAt=or_null(_MOMENT),
    endedAt=or_null(_MOMENT),
    restarts=_COUNT,
    logState=ref("LogState"),
    cleanUp=one_of(_CLEAN_UPS),
    costUsd=_NUMBER,
)
_USAGE = record(
    "How long the job waited and ran, and what its groups are billed for, about.",
    waitingSeconds=_NUMBER,
    runningSeconds=_NUMBER,
    billedSeconds=_NUMBER,
    vcpuSeconds=_NUMBER,
    memoryGbSeconds=_NUMBER,
    costUsd=told(_NUMBER, "At the operator's list prices."),
)
_PROGRESS = record(
    "How far a job says that it is.",
    value=or_null({"type": "number", "minimum": 0, "maximum": 1}),
    message=or_null(_TEXT),
    at=or_null(_MOMENT),
)
_SUMMARY = record(
    "A job in the list.",
    id=_TEXT,
    state=one_of(STATES),
    phase=_TEXT,
    acceptedAt=_MOMENT,
    endedAt=or_null(_MOMENT),
    exitCode=or_null({"type": "integer"}),
    reason=or_null(_TEXT, "The reason's code."),
    labels=by_name(_TEXT),
    rerunOf=or_null(_TEXT, "The job that it runs again."),
)
_PAGE = record(
    "A page of the list.",
    jobs=listed(ref("JobSummary")),
    next=or_null(_TEXT, "Where the next page begins: for `after`; null at the end."),
)
_EVENT_BODY: Schema = {
    **record(
        "What a job tells of itself.",
        optional=("progress", "message", "outputs", "done"),
        progress={"type": "number", "minimum": 0, "maximum": 1},
        message=_TEXT,
        outputs=told({"type": "object"}, "JSON values by name, merged with those sent before."),
        done=told(_FLAG, "Whether it is to be looked at now, because it is about to end."),
    ),
    "additionalProperties": False,
    "minProperties": 1,
}
_PATCH: Schema = {
    "type": "object",
    "description": "A JSON merge patch (RFC 7396) of a `JobSpec`: null takes a field out.",
}
_NOT_ALWAYS: Schema = {
    "attempts": listed(ref("Attempt"), "The attempts that ended."),
    "containers": listed(ref("Container"), "The containers, when the outcome was decided."),
    "events": listed(ref("GroupEvent"), "What Azure said of the group, the oldest first."),
    "keptUntil": or_null(_MOMENT, "Until when the group is kept."),
    "usage": ref("Usage"),
    "logs": or_null(_TEXT, "The log, or its end. Not in answers to a DELETE."),
    "logsError": told(_TEXT, "Why the log cannot be read."),
}
_JOB = record("A job.", optional=tuple(_NOT_ALWAYS), **JOB_FIELDS, **_NOT_ALWAYS)

_CALLBACK = record(
    "What became of the message of the job's end.",
    state=one_of([*(status.value for status in CallbackStatus), "NotNeeded"]),
    tries=_COUNT,
    trouble=or_null(_TEXT, "Why the last try failed."),
)
_IN_EVENT = record(
    "A job as a callback tells of it: without its log.",
    **{name: schema for name, schema in JOB_FIELDS.items() if name != "callback"},
    **{name: schema for name, schema in _NOT_ALWAYS.items() if not name.startswith("logs")},
)
_CALLBACK_EVENT = record(
    "A job has entered a phase: a CloudEvent.",
    specversion=one_of(["1.0"]),
    id=told(_TEXT, "The event's id, and its `webhook-id`."),
    source=told({"type": "string", "format": "uri-reference"}, "Where the job can be read."),
    type=one_of([type_of(phase) for phase in Phase if phase.is_end or phase is Phase.RUNNING]),
    subject=told(_TEXT, "The job's id."),
    time=told(_MOMENT, "When the job entered the phase."),
    datacontenttype=one_of(["application/json"]),
    data=ref("JobInEvent"),
)
_URLS: dict[str, Any] = {name: {"type": "string", "format": "uri"} for name in LINKS}
_STARTED = {
    **record(
        "A job that is accepted, with URLs that need no key. Other members are URLs of Durable "
        "Functions, unless the operator withholds them.",
        optional=tuple(name for name in LINKS if name != "jobUrl"),
        id=told(_TEXT, "The job's id."),
        **_URLS,
    ),
    "additionalProperties": _TEXT,
}
_SHARE = record("What the job takes of a quota.", needed=_NUMBER, used=_NUMBER, limit=_NUMBER)
_REGION = record(
    "A region, as far as Azure told of it.",
    optional=(
        *("maxCpu", "maxMemoryGb", "containerGroups", "standardCores", "standardSpotCores"),
        *("subscriptions", "error"),
    ),
    fits=or_null(_FLAG, "Whether the job could start there now; null where it is not known."),
    maxCpu=told(_NUMBER, "Most cores of a group."),
    maxMemoryGb=told(_NUMBER, "Most GB of memory of a group."),
    containerGroups=ref("QuotaShare"),
    standardCores=ref("QuotaShare"),
    standardSpotCores=ref("QuotaShare"),
    subscriptions=record(
        "Of the operator's subscriptions, where there are several.", asked=_COUNT, withRoom=_COUNT
    ),
    error=record("Why Azure did not tell.", code=_TEXT, message=_TEXT),
)
_FORECAST = record(
    "What would become of a job.",
    spec=told({"type": "object"}, "The job with its defaults, without the values of secrets."),
    location=told(_TEXT, "The region that it would be asked for in first, as far as is known."),
    pricePerHourUsd=_NUMBER,
    runDeadlineSeconds=_COUNT,
    costAtRunDeadlineUsd=_NUMBER,
    refusals=listed(ref("Violation"), "The operator's rules that it breaks."),
    quota=by_name(ref("Region"), "Its regions."),
)

_CHECK = record(
    "How a part is that the app depends on.",
    ok=told(_FLAG, "Whether it is well."),
    seconds=told(_NUMBER, "How long it took to find out."),
    problems=listed(_TEXT, "What is wrong with it, and what would be right."),
)
_HEALTH = record("That the app is up.", status=one_of(["up"]), version=_TEXT)
_DEPTH = record(
    "How the app is.",
    status=told(one_of(["up", "down"]), "`up` if all parts are well."),
    version=told(_TEXT, "The release."),
    checks=by_name(ref("HealthCheck"), "By the part's name."),
)

SCHEMAS: dict[str, Schema] = {
    "Problem": _PROBLEM,
    "Violation": _VIOLATION,
    "Job": _JOB,
    "Reason": _REASON,
    "Attempt": _ATTEMPT,
    "Container": _CONTAINER,
    "GroupEvent": _EVENT,
    "Usage": _USAGE,
    "LogState": _LOG_STATE,
    "Started": _STARTED,
    "CallbackState": _CALLBACK,
    "CallbackEvent": _CALLBACK_EVENT,
    "JobInEvent": _IN_EVENT,
    "JobPage": _PAGE,
    "JobSummary": _SUMMARY,
    "JobEvent": _EVENT_BODY,
    "JobPatch": _PATCH,
    "Progress": _PROGRESS,
    "Told": record("The job that was told of.", id=_TEXT),
    "Forecast": _FORECAST,
    "Region": _REGION,
    "QuotaShare": _SHARE,
    "Health": _HEALTH,
    "DeepHealth": _DEPTH,
    "HealthCheck": _CHECK,
}
"""The schemas by their names."""
