"""The environment of the stack's programs: the user's, without what leads out of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The names under which azure-identity finds the user's own credentials and identity endpoints.
_CREDENTIALS = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_")
_LOCAL = {
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
}
_CHOOSABLE = (
    "AppName",
    "CallbackSecret",
    "CallbackTrustedHosts",
    "CapabilityDays",
    "DefaultCommand",
    "DefaultImage",
    "JobQueueName",
    "EventUrl",
    "ExposeManagementUrls",
    "JobStoreUrl",
    "LogArchiveUrl",
    "LogLevel",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "PollMaxSeconds",
    "PollMinSeconds",
    "RetentionDays",
    "SealKeys",
    "SecretSettingPrefix",
    "Telemetry",
)


def child_environment(shell: Mapping[str, str]) -> dict[str, str]:
    """Return the shell's environment without its Azure credentials and proxies.

    With them the app would show the user's own credentials to the emulator, or send its requests for
    this machine to a proxy. The emulator's identity endpoint is the only credential left.
    """
    kept = {name: value for name, value in shell.items() if not _leads_out(name)}
    return kept | _LOCAL


def chosen_settings(shell: Mapping[str, str]) -> dict[str, str]:
    """Return the app settings that the user has chosen in the shell."""
    return {name: shell[name] for name in _CHOOSABLE if name in shell}


def _leads_out(name: str) -> bool:
    return name.startswith(_CREDENTIALS) or name.lower().endswith("_proxy")
