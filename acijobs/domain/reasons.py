"""The failure taxonomy: why a job did not succeed, in one table.

The API, the custom status and docs/reference/reasons.md are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """The party that has to act."""

    JOB = "job"
    """Whoever submitted the job: its image, its command, its limits."""
    PLATFORM = "platform"
    """Azure; another attempt may go well."""
    OPERATOR = "operator"
    """Whoever runs this app: its settings, rights and quotas."""
    USER = "user"
    """Nobody; a user asked for this outcome."""


class Reason(StrEnum):
    """A reason's code, as the API shows it."""

    IMAGE_PULL = "ImagePullFailed"
    REGISTRY = "RegistryError"
    INVALID_REQUEST = "InvalidRequest"
    NAME_TAKEN = "NameTaken"
    QUOTA = "QuotaExceeded"
    CAPACITY = "NoCapacity"
    PROVISIONING_FAILED = "ProvisioningFailed"
    PROVISION_TIMEOUT = "ProvisionTimeout"
    QUEUE_TIMEOUT = "QueueTimeout"
    CRASH_LOOP = "CrashLoop"
    EXIT_CODE = "NonZeroExitCode"
    INIT_CONTAINER = "InitContainerFailed"
    EXIT_CODE_MISSING = "ExitCodeMissing"
    OUT_OF_MEMORY = "OutOfMemory"
    RUN_TIMEOUT = "RunTimeout"
    NO_OUTPUT = "NoOutput"
    COST_LIMIT = "CostLimit"
    EVICTED = "Evicted"
    UNHEALTHY = "Unhealthy"
    MAINTENANCE = "PlatformMaintenance"
    GROUP_VANISHED = "GroupVanished"
    AZURE_UNAVAILABLE = "AzureUnavailable"
    ACCESS_DENIED = "AccessDenied"
    INVALID_SETTINGS = "InvalidSettings"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"
    ENGINE_FAILURE = "EngineFailure"
    NOT_A_JOB = "NotAJob"
    INTERNAL = "InternalError"

    @property
    def about(self) -> About:
        """What the taxonomy says of it."""
        return TAXONOMY[self]

    @classmethod
    def of_code(cls, code: str) -> Reason:
        """Return the reason of this code; a code of another release counts as InternalError."""
        try:
            return cls(code)
        except ValueError:
            return cls.INTERNAL


@dataclass(frozen=True, kw_only=True)
class About:
    """One entry of the taxonomy.

    Attributes:
        meaning: What happened, in one sentence.
        fault: Who has to act.
        is_retryable: Whether another attempt is worth its cost by default.
        advice: What to do.
    """

    meaning: str
    fault: Fault
    is_retryable: bool
    advice: str


def _about(fault: Fault, meaning: str, advice: str, *, retryable: bool = False) -> About:
    return About(meaning=meaning, fault=fault, is_retryable=retryable, advice=advice)


TAXONOMY: dict[Reason, About] = {
    Reason.IMAGE_PULL: _about(
        Fault.JOB,
        "Azure could not pull the image: it does not exist, or needs credentials.",
        "Check the image's name and tag, and whether the registry lets this app pull it.",
    ),
    Reason.REGISTRY: _about(
        Fault.PLATFORM,
        "The registry answered with an error until queueSeconds had passed.",
        "Try again later; mirror the image into a registry of your own if it keeps happening.",
        retryable=True,
    ),
    Reason.INVALID_REQUEST: _about(
        Fault.JOB,
        "Azure refused the container group as it was described.",
        "Change what the message names, and submit the job again.",
    ),
    Reason.NAME_TAKEN: _about(
        Fault.OPERATOR,
        "A container group of the job's name exists that was not created for it.",
        "Submit the job again: each attempt has a name of its own.",
        retryable=True,
    ),
    Reason.QUOTA: _about(
        Fault.OPERATOR,
        "A quota of the subscription was used up until queueSeconds had passed.",
        "Ask Azure for a larger quota, run fewer jobs at once, or allow more queueSeconds.",
        retryable=True,
    ),
    Reason.CAPACITY: _about(
        Fault.PLATFORM,
        "The region had no capacity for this size until queueSeconds had passed, or for a group that "
        "Azure had accepted.",
        "Ask for less cpu or memory, name more locations, or allow more queueSeconds.",
        retryable=True,
    ),
    Reason.PROVISIONING_FAILED: _about(
        Fault.PLATFORM,
        "Azure accepted the container group and then failed to start it.",
        "Read the message; it is Azure's own.",
        retryable=True,
    ),
    Reason.PROVISION_TIMEOUT: _about(
        Fault.PLATFORM,
        "The container did not run within provisionSeconds.",
        "Allow more provisionSeconds for a large image; otherwise try again.",
        retryable=True,
    ),
    Reason.QUEUE_TIMEOUT: _about(
        Fault.OPERATOR,
        "Azure did not take the container group within queueSeconds, and did not say why.",
        "Try again; allow more queueSeconds if it keeps happening.",
        retryable=True,
    ),
    Reason.CRASH_LOOP: _about(
        Fault.JOB,
        "The container ended again and again, until a deadline passed while it waited for a restart.",
        "Read the log; fix what makes the command exit, or use the restart policy Never.",
    ),
    Reason.EXIT_CODE: _about(
        Fault.JOB,
        "The container exited with a code other than 0.",
        "Read the log; the exit code is the container's own.",
    ),
    Reason.INIT_CONTAINER: _about(
        Fault.JOB,
        "An init container exited with a code other than 0, so that the job's own never started.",
        "Read the init container's log: it has one of its own.",
    ),
    Reason.EXIT_CODE_MISSING: _about(
        Fault.PLATFORM,
        "The container ended and Azure gave no exit code, as after a stop from outside.",
        "Find out who stopped the container group; otherwise try again.",
        retryable=True,
    ),
    Reason.OUT_OF_MEMORY: _about(
        Fault.JOB,
        "The container used more memory than it had asked for, and was killed.",
        "Ask for more memoryGb.",
    ),
    Reason.RUN_TIMEOUT: _about(
        Fault.JOB,
        "The container ran longer than runSeconds.",
        "Allow more runSeconds, or make the work smaller.",
    ),
    Reason.NO_OUTPUT: _about(
        Fault.JOB,
        "The running container added nothing to its log for silentSeconds.",
        "Find out what it waited for; let it print now and then, or allow more silentSeconds.",
    ),
    Reason.COST_LIMIT: _about(
        Fault.JOB,
        "The job has run for as long as its maxCostUsd pays for.",
        "Allow a higher maxCostUsd, or ask for less cpu and memory.",
    ),
    Reason.EVICTED: _about(
        Fault.PLATFORM,
        "Azure took the capacity of a Spot group back, and started its container again by itself.",
        "Allow another attempt with retry, or use the priority Regular.",
        retryable=True,
    ),
    Reason.UNHEALTHY: _about(
        Fault.PLATFORM,
        "Azure called the container group Unhealthy or was repairing it when a deadline passed.",
        "Try again.",
        retryable=True,
    ),
    Reason.MAINTENANCE: _about(
        Fault.PLATFORM,
        "Azure stopped the container for maintenance (exit code 7147 or 7148).",
        "Try again.",
        retryable=True,
    ),
    Reason.GROUP_VANISHED: _about(
        Fault.PLATFORM,
        "The container group is gone, though the job had not deleted it.",
        "Find out who deletes container groups in the job's resource group.",
        retryable=True,
    ),
    Reason.AZURE_UNAVAILABLE: _about(
        Fault.PLATFORM,
        "Azure Resource Manager did not answer usefully until a deadline.",
        "Try again when the outage is over.",
        retryable=True,
    ),
    Reason.ACCESS_DENIED: _about(
        Fault.OPERATOR,
        "Azure denied this app the right to do what the job needs.",
        "Give the app's identity the role the message names, at the job resource group.",
    ),
    Reason.INVALID_SETTINGS: _about(
        Fault.OPERATOR,
        "App settings are missing or wrong.",
        "Correct the settings that the message names.",
    ),
    Reason.CANCELLED: _about(
        Fault.USER,
        "Somebody cancelled the job.",
        "Nothing, unless nobody should have.",
    ),
    Reason.TERMINATED: _about(
        Fault.USER,
        "Somebody terminated or purged the job's orchestration.",
        "Cancel jobs with DELETE instead: it is quicker, and keeps the last log lines.",
    ),
    Reason.ENGINE_FAILURE: _about(
        Fault.PLATFORM,
        "The durable engine lost the job's orchestration too often.",
        "Look for crashes of the worker in the app's own telemetry.",
        retryable=True,
    ),
    Reason.NOT_A_JOB: _about(
        Fault.USER,
        "The orchestration was started past the job API.",
        "Start jobs with POST /api/jobs.",
    ),
    Reason.INTERNAL: _about(
        Fault.PLATFORM,
        "A defect of acijobs.",
        "Report it with the message.",
        retryable=True,
    ),
}

_OF_AZURE = {
    "InaccessibleImage": Reason.IMAGE_PULL,
    "RegistryErrorResponse": Reason.REGISTRY,
    "ContainerGroupQuotaReached": Reason.QUOTA,
    "ServiceUnavailable": Reason.CAPACITY,
    "InsufficientCapacity": Reason.CAPACITY,
    "AuthorizationFailed": Reason.ACCESS_DENIED,
    "LinkedAuthorizationFailed": Reason.ACCESS_DENIED,
    "AuthenticationFailed": Reason.ACCESS_DENIED,
    "InvalidSettings": Reason.INVALID_SETTINGS,
    "MissingSubscriptionRegistration": Reason.INVALID_SETTINGS,
    "ResourceGroupNotFound": Reason.INVALID_SETTINGS,
    "SubscriptionNotFound": Reason.INVALID_SETTINGS,
    "NameTaken": Reason.NAME_TAKEN,
    **dict.fromkeys(
        (
            *("InternalServerError", "ServerTimeout", "GatewayTimeout", "BadGateway"),
            *("ServiceRequestError", "ServiceResponseError", "HTTP 408"),
        ),
        Reason.AZURE_UNAVAILABLE,
    ),
}
"""Azure's error codes. Source: container-instances-troubleshooting, learn.microsoft.com; recordings."""


def reason_of_azure(code: str) -> Reason:
    """Return the reason that an error code of Azure Resource Manager, or one of ours, stands for."""
    if code in _OF_AZURE:
        return _OF_AZURE[code]
    if code in {"HTTP 401", "HTTP 403"}:
        return Reason.ACCESS_DENIED
    if code.startswith("HTTP 5"):
        return Reason.AZURE_UNAVAILABLE
    return Reason.INVALID_REQUEST
