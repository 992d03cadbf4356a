"""host.json: what of it this host obeys, refuses and does not know, and its overrides.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from functions_host.problems import AppError, json_object
from functions_host.timespan import parse_timespan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_OVERRIDE_PREFIX = "azurefunctionsjobhost__"

_OTHER_EXTENSIONS = frozenset(
    {"blobs", "cosmosDB", "eventGrid", "eventHubs", "kafka", "rabbitMQ", "sendGrid", "serviceBus",
     "signalR", "sql", "tables", "warmup", "mcp", "azureSqlDatabase"}
)  # fmt: skip


def _span_s(text: Any) -> float:
    """Return the seconds of a time span."""
    if not isinstance(text, str):
        raise ValueError("a time span is a string")  # noqa: TRY004 - what pydantic reports
    span_s = parse_timespan(text).total_seconds()
    if span_s < 0:
        raise ValueError("it must not be negative")
    return span_s


def _timeout_s(value: Any) -> float | None:
    """Return the seconds of functionTimeout, or None for one without end."""
    if value in ("-1", -1):
        return None
    timeout_s = _span_s(value)
    if timeout_s == 0:
        raise ValueError("it must be longer than zero")
    return timeout_s


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


class _Part(BaseModel):
    """A section of host.json.

    Attributes:
        without_effect: Names that steer plans, scale-out, monitoring or throttling, which one machine
            has not.
        not_supported: Names that would change what an app does, and are not obeyed here; with the
            values that ask for nothing.
    """

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, strict=True, extra="allow")
    without_effect: ClassVar[frozenset[str]] = frozenset()
    not_supported: ClassVar[dict[str, tuple[Any, ...]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _spell(cls, content: Any) -> Any:
        """Give names their own spelling, as .NET's configuration ignores case; drop nulls."""
        if not isinstance(content, dict):
            return content
        aliases = [str(field.alias) for field in cls.model_fields.values()]
        own = {alias.casefold(): alias for alias in aliases}
        kept = {name: value for name, value in content.items() if value is not None}
        return {own.get(name.casefold(), name): value for name, value in kept.items()}


class QueueSettings(_Part):
    """`extensions.queues`.

    Attributes:
        max_polling_interval: The longest pause between two looks at an empty queue, in seconds.
        visibility_timeout: How long a message whose function failed stays hidden, in seconds.
        batch_size: How many messages are fetched and run at once.
        max_dequeue_count: How often a message is tried before it goes to the poison queue.
        new_batch_threshold: Fetch more once no more than this many messages are running.
        message_encoding: What message texts are on the wire.
    """

    max_polling_interval: Annotated[float, BeforeValidator(_span_s)] = 2.0
    visibility_timeout: Annotated[float, BeforeValidator(_span_s)] = 0.0
    batch_size: Annotated[int, Field(ge=1, le=32)] = 16
    max_dequeue_count: Annotated[int, Field(ge=1)] = 5
    new_batch_threshold: int = Field(
        default_factory=lambda data: data.get("batch_size", 16) // 2, ge=0, le=3200
    )
    message_encoding: Annotated[Literal["base64", "none"], BeforeValidator(_folded)] = "base64"


class DurableSettings(_Part):
    """`extensions.durableTask`, as far as an engine on one machine has use for it.

    The most functions at one time are the engine's own choice where they are None.
    """

    without_effect = frozenset({
        "appLeaseOptions", "entityMessageReorderWindowInMinutes", "extendedSessionIdleTimeoutInSeconds",
        "grpcListenAddress", "httpSettings", "localRpcEndpointEnabled", "logReplayEvents",
        "maxConcurrentEntityFunctions", "maxEntityOperationBatchSize", "maxOrchestrationActions",
        "maxQueuePollingInterval", "rollbackEntityOperationsOnExceptions", "storageProvider",
        "storeInputsInOrchestrationHistory", "tracing", "useAppLease", "useTablePartitionManagement",
    })  # fmt: skip
    not_supported: ClassVar[dict[str, tuple[Any, ...]]] = {
        "extendedSessionsEnabled": (False,),  # the real host does not start with it for Python
        "notifications": (),
        "overridableExistingInstanceStates": ("NonRunningStates",),
        "versionFailureStrategy": (),
        "versionMatchStrategy": ("None",),
    }

    hub_name: str = "TestHubName"
    default_version: str = ""
    max_concurrent_activity_functions: Annotated[int | None, Field(ge=1)] = None
    max_concurrent_orchestrator_functions: Annotated[int | None, Field(ge=1)] = None
    use_graceful_shutdown: bool = True


class _Http(_Part):
    without_effect = frozenset(
        {"dynamicThrottlesEnabled", "hsts", "maxConcurrentRequests", "maxOutstandingRequests"}
    )

    route_prefix: str = "api"
    custom_headers: dict[str, str] = {}


class _Extensions(_Part):
    http: _Http = _Http()
    queues: QueueSettings = QueueSettings()
    durable_task: DurableSettings = DurableSettings()


class _Logging(BaseModel):
    logLevel: dict[str, str] = {}  # noqa: N815 - the rest of the section is Application Insights'


class HostConfig(_Part):
    """host.json, validated.

    Attributes:
        function_timeout: How long one invocation may take, in seconds; None is without end.
        functions: The only functions to load; None loads all.
    """

    without_effect = frozenset({
        "$schema", "aggregator", "applicationInsights", "concurrency", "extensionBundle",
        "healthMonitor", "managedDependency", "singleton", "telemetryMode", "watchDirectories",
        "watchFiles",
    })  # fmt: skip
    not_supported: ClassVar[dict[str, tuple[Any, ...]]] = {"customHandler": (), "retry": ()}

    version: Literal["2.0"]
    function_timeout: Annotated[float | None, BeforeValidator(_timeout_s)] = 1800.0
    functions: list[str] | None = None
    logging: _Logging = _Logging()
    extensions: _Extensions = _Extensions()

    @property
    def http(self) -> _Http:
        """`extensions.http`."""
        return self.extensions.http

    @property
    def queues(self) -> QueueSettings:
        """`extensions.queues`."""
        return self.extensions.queues

    @property
    def durable(self) -> DurableSettings:
        """`extensions.durableTask`."""
        return self.extensions.durable_task

    @property
    def not_obeyed(self) -> list[str]:
        """The parts that are not supported."""
        return [
            path
            for path, part, name, value in self._not_modelled()
            if name in part.not_supported and value not in part.not_supported[name]
        ]

    @property
    def warnings(self) -> list[str]:
        """One line for each part that is not known."""
        return [
            f"host.json: {path} {'has no binding here' if name in _OTHER_EXTENSIONS else 'is unknown'}"
            " and is ignored"
            for path, part, name, _ in self._not_modelled()
            if name not in part.not_supported and name not in part.without_effect
        ]

    def _not_modelled(self) -> Iterator[tuple[str, _Part, str, Any]]:
        parts = {
            "": self,
            "extensions.": self.extensions,
            "extensions.http.": self.http,
            "extensions.queues.": self.queues,
            "extensions.durableTask.": self.durable,
        }
        for prefix, part in parts.items():
            for name, value in (part.model_extra or {}).items():
                yield prefix + name, part, name, value


def read_host_json(app_dir: Path, environment: Mapping[str, str]) -> HostConfig:
    """Return the app's host.json with the environment's `AzureFunctionsJobHost__` overrides.

    Raises:
        AppError: the file is missing, or a part is wrong or not supported; the text names all of them.
    """
    path = app_dir / "host.json"
    if not path.is_file():
        raise AppError(f"no host.json in {app_dir}: this is not the folder of a Functions app")
    try:
        content = json_object(path)
    except ValueError as error:
        raise AppError(f"host.json {error}") from error
    for name in sorted(environment):
        if name.casefold().startswith(_OVERRIDE_PREFIX):
            _put(content, name[len(_OVERRIDE_PREFIX) :].split("__"), environment[name])
    try:
        config = HostConfig.model_validate(content)
    except ValidationError as error:
        raise AppError(f"host.json: {'; '.join(_problems(error))}") from error
    if config.not_obeyed:
        raise AppError(
            f"host.json: the local host does not support {', '.join(config.not_obeyed)}: remove that,"
            " or set it for Azure only, by AzureFunctionsJobHost__ settings of the function app"
        )
    return config


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


def _problems(error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        path = ".".join(map(str, one["loc"]))
        found = "" if one["type"] == "missing" else f", found {one['input']!r}"
        yield f"{path}: {one['msg']}{found}"
