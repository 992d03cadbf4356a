"""host.json: what of it this host obeys, what it warns about, and its overrides.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions_host.problems import AppError
from functions_host.timespan import parse_timespan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_OVERRIDE_PREFIX = "azurefunctionsjobhost__"

# What the schema of host.json allows; False marks what this host accepts and does not act on.
_TOP_LEVEL = {
    "version": True, "extensions": True, "functionTimeout": True, "logging": True, "functions": True,
    "extensionBundle": False, "aggregator": False, "applicationInsights": False, "concurrency": False,
    "customHandler": False, "healthMonitor": False, "managedDependency": False, "retry": False,
    "singleton": False, "watchDirectories": False, "watchFiles": False, "telemetryMode": False,
    "$schema": False,
}  # fmt: skip
_EXTENSIONS = frozenset({"http", "queues", "durableTask"})
_OTHER_EXTENSIONS = frozenset(
    {"blobs", "cosmosDB", "eventGrid", "eventHubs", "kafka", "rabbitMQ", "sendGrid", "serviceBus",
     "signalR", "sql", "tables", "warmup", "mcp", "azureSqlDatabase"}
)  # fmt: skip
_HTTP = {
    "routePrefix": True, "maxOutstandingRequests": False, "maxConcurrentRequests": False,
    "dynamicThrottlesEnabled": False, "hsts": False, "customHeaders": True,
}  # fmt: skip
_QUEUES = {
    "maxPollingInterval": True, "visibilityTimeout": True, "batchSize": True,
    "maxDequeueCount": True, "newBatchThreshold": True, "messageEncoding": True,
}  # fmt: skip
_DURABLE = {
    "hubName": True, "maxConcurrentActivityFunctions": True, "maxConcurrentOrchestratorFunctions": True,
    "useGracefulShutdown": True, "storageProvider": False, "tracing": False, "notifications": False,
    "maxConcurrentEntityFunctions": False, "extendedSessionsEnabled": False, "logReplayEvents": False,
    "extendedSessionIdleTimeoutInSeconds": False, "maxQueuePollingInterval": False,
    "overridableExistingInstanceStates": False, "entityMessageReorderWindowInMinutes": False,
    "rollbackEntityOperationsOnExceptions": False, "maxEntityOperationBatchSize": False,
    "storeInputsInOrchestrationHistory": False, "maxOrchestrationActions": False,
    "useAppLease": False, "appLeaseOptions": False, "localRpcEndpointEnabled": False,
    "httpSettings": False, "grpcListenAddress": False, "versionMatchStrategy": False,
    "defaultVersion": False, "versionFailureStrategy": False, "useTablePartitionManagement": False,
}  # fmt: skip
_SECTIONS = {"http": _HTTP, "queues": _QUEUES, "durableTask": _DURABLE}
_MAX_BATCH_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """`extensions.queues`.

    Attributes:
        max_polling_interval_s: The longest pause between two looks at an empty queue, in seconds.
        visibility_timeout_s: How long a message whose function failed stays hidden, in seconds.
        batch_size: How many messages are fetched and run at once, 1 to 32.
        max_dequeue_count: How often a message is tried before it goes to the poison queue.
        new_batch_threshold: Fetch more once no more than this many messages are running.
        base64: Whether message texts are base64 on the wire.
    """

    max_polling_interval_s: float = 2.0
    visibility_timeout_s: float = 0.0
    batch_size: int = 16
    max_dequeue_count: int = 5
    new_batch_threshold: int = 8
    base64: bool = True


@dataclass(frozen=True, kw_only=True)
class DurableSettings:
    """`extensions.durableTask`, as far as an engine on one machine has use for it.

    Attributes:
        hub_name: The task hub.
        max_concurrent_activity_functions: None means the engine's own choice.
        max_concurrent_orchestrator_functions: None means the engine's own choice.
        use_graceful_shutdown: Whether stopping waits for running functions.
    """

    hub_name: str = "TestHubName"
    max_concurrent_activity_functions: int | None = None
    max_concurrent_orchestrator_functions: int | None = None
    use_graceful_shutdown: bool = True


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    """host.json, validated.

    Attributes:
        route_prefix: Stands before each function's route, without slashes; may be empty.
        custom_headers: Headers that every reply of a function carries.
        function_timeout_s: How long one invocation may take, in seconds; None is without end.
        functions: The only functions to load; None loads all.
        log_levels: `logging.logLevel`, by category.
        warnings: One line for each part that is not obeyed.
    """

    route_prefix: str = "api"
    custom_headers: Mapping[str, str] = field(default_factory=dict)
    function_timeout_s: float | None = 1800.0
    functions: frozenset[str] | None = None
    log_levels: Mapping[str, str] = field(default_factory=dict)
    queues: QueueSettings = field(default_factory=QueueSettings)
    durable: DurableSettings = field(default_factory=DurableSettings)
    warnings: tuple[str, ...] = ()


def read_host_json(app_dir: Path, environment: Mapping[str, str]) -> HostConfig:
    """Return the app's host.json with the environment's `AzureFunctionsJobHost__` overrides.

    Raises:
        AppError: the file is missing or a part that this host obeys is wrong; the text names it.
    """
    content = _override(_parse(app_dir / "host.json"), environment)
    if content.get("version") != "2.0":
        raise AppError(
            f'host.json must declare "version": "2.0", found {json.dumps(content.get("version"))}'
        )
    return _Reader(content).config()


def _parse(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise AppError(f"no host.json in {path.parent}: this is not the folder of a Functions app")
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise AppError(f"host.json cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise AppError("host.json must hold a JSON object")
    return content


def _override(content: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    content = json.loads(json.dumps(content))
    for name in sorted(environment):
        if name.casefold().startswith(_OVERRIDE_PREFIX):
            path = name[len(_OVERRIDE_PREFIX) :].split("__")
            _put(content, path, environment[name])
    return content


def _put(part: dict[str, Any], path: list[str], value: str) -> None:
    key = next((k for k in part if k.casefold() == path[0].casefold()), path[0])
    if len(path) == 1:
        part[key] = _json_or_text(value)
        return
    if not isinstance(part.get(key), dict):
        part[key] = {}
    _put(part[key], path[1:], value)


def _json_or_text(value: str) -> Any:
    lowered = value.casefold()
    if lowered in {"true", "false"}:
        return lowered == "true"
    return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else value


class _Reader:
    """Walks host.json once and collects warnings on its way."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self._warnings: list[str] = []

    def config(self) -> HostConfig:
        self._warn_unknown("", self._content, _TOP_LEVEL)
        extensions = self._extensions()
        http = extensions["http"]
        return HostConfig(
            route_prefix=self._get(http, "http.routePrefix", str, "api").strip("/"),
            custom_headers=self._get(http, "http.customHeaders", dict, {}),
            function_timeout_s=self._timeout(),
            functions=self._functions(),
            log_levels=self._log_levels(),
            queues=self._queues(extensions["queues"]),
            durable=self._durable(extensions["durableTask"]),
            warnings=tuple(self._warnings),
        )

    def _extensions(self) -> dict[str, dict[str, Any]]:
        part = self._get(self._content, "extensions", dict, {})
        found: dict[str, dict[str, Any]] = {}
        for name in _EXTENSIONS:
            section = self._get(part, f"extensions.{name}", dict, {})
            self._warn_unknown(f"extensions.{name}.", section, _SECTIONS[name])
            found[name] = section
        for name in part.keys() - _EXTENSIONS:
            why = "has no binding here" if name in _OTHER_EXTENSIONS else "is unknown"
            self._warnings.append(f"host.json: extensions.{name} {why} and is ignored")
        return found

    def _warn_unknown(self, prefix: str, part: dict[str, Any], known: dict[str, bool]) -> None:
        for name in part.keys() - known.keys():
            self._warnings.append(f"host.json: {prefix}{name} is unknown and is ignored")

    def _get(self, part: dict[str, Any], path: str, kind: type, default: Any) -> Any:
        value = part.get(path.rsplit(".", 1)[-1])
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise AppError(f"host.json: {path} must be {_WORDS[kind]}, found {json.dumps(value)}")
        return value

    def _span_s(self, part: dict[str, Any], path: str, default_s: float) -> float:
        text = self._get(part, path, str, None)
        if text is None:
            return default_s
        try:
            span_s = parse_timespan(text).total_seconds()
        except ValueError as error:
            raise AppError(f"host.json: {path}: {error}") from error
        if span_s < 0:
            raise AppError(f"host.json: {path} must not be negative, found {text!r}")
        return span_s

    def _number(self, part: dict[str, Any], path: str, default: int, at_most: int) -> int:
        number: int = self._get(part, path, int, default)
        if not 0 <= number <= at_most:
            raise AppError(f"host.json: {path} must be from 0 to {at_most}, found {number}")
        return number

    def _positive(self, part: dict[str, Any], path: str) -> int | None:
        number: int | None = self._get(part, path, int, None)
        if number is not None and number < 1:
            raise AppError(f"host.json: {path} must be 1 or more, found {number}")
        return number

    def _timeout(self) -> float | None:
        if self._content.get("functionTimeout") in ("-1", -1):
            return None
        timeout_s = self._span_s(self._content, "functionTimeout", 1800.0)
        if timeout_s == 0:
            raise AppError("host.json: functionTimeout must be longer than zero")
        return timeout_s

    def _functions(self) -> frozenset[str] | None:
        names = self._get(self._content, "functions", list, None)
        return None if names is None else frozenset(map(str, names))

    def _log_levels(self) -> dict[str, str]:
        logging_part = self._get(self._content, "logging", dict, {})
        levels = self._get(logging_part, "logging.logLevel", dict, {})
        return {str(category): str(level) for category, level in levels.items()}

    def _queues(self, part: dict[str, Any]) -> QueueSettings:
        encoding = self._get(part, "queues.messageEncoding", str, "base64")
        if encoding.casefold() not in {"base64", "none"}:
            raise AppError(
                f"host.json: queues.messageEncoding must be base64 or none, found {encoding!r}"
            )
        batch_size = self._number(part, "queues.batchSize", 16, _MAX_BATCH_SIZE)
        if batch_size == 0:
            raise AppError("host.json: queues.batchSize must be from 1 to 32, found 0")
        return QueueSettings(
            max_polling_interval_s=self._span_s(part, "queues.maxPollingInterval", 2.0),
            visibility_timeout_s=self._span_s(part, "queues.visibilityTimeout", 0.0),
            batch_size=batch_size,
            max_dequeue_count=self._positive(part, "queues.maxDequeueCount") or 5,
            new_batch_threshold=self._number(
                part, "queues.newBatchThreshold", batch_size // 2, _MAX_BATCH_SIZE * 100
            ),
            base64=encoding.casefold() == "base64",
        )

    def _durable(self, part: dict[str, Any]) -> DurableSettings:
        activities = "durableTask.maxConcurrentActivityFunctions"
        orchestrators = "durableTask.maxConcurrentOrchestratorFunctions"
        return DurableSettings(
            hub_name=self._get(part, "durableTask.hubName", str, "TestHubName"),
            max_concurrent_activity_functions=self._positive(part, activities),
            max_concurrent_orchestrator_functions=self._positive(part, orchestrators),
            use_graceful_shutdown=self._get(part, "durableTask.useGracefulShutdown", bool, True),  # noqa: FBT003 - the default of a flag
        )


_WORDS: dict[type, str] = {
    str: "a string", dict: "an object", list: "a list", int: "a whole number", bool: "true or false",
}  # fmt: skip
