"""The secrets of a job: sealed before anything is stored, opened only on their way to Azure."""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from acijobs.domain.errors import (
    AcijobsError,
    BusyError,
    InvalidSettingsError,
    InvalidSpecError,
    RefusedError,
    ServiceError,
    Violation,
)
from acijobs.domain.public_text import HIDDEN
from acijobs.domain.spec.environment import ATTEMPT, EVENT_URL, JOB_ID
from acijobs.domain.spec.secret import Secret
from acijobs.security.capability import Verb, capability_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from acijobs.domain.row import Row
    from acijobs.domain.spec.job import JobSpec
    from acijobs.usecases.ports import Outside

_NOT_FOR_AZURE = "#/callback/"
"""Opened when the callback is sent, and not before."""

_SHORT_CHARS = 4
"""Below this a value is hidden only where it stands as a word: it is in too many others."""


def kept(outside: Outside, spec: JobSpec, job_id: str) -> JobSpec:
    """Return the specification as it may be stored: every secret value sealed for this job.

    Args:
        outside: The outside.
        spec: What was submitted.
        job_id: The job that may open the seals.

    Raises:
        InvalidSpecError: a secret cannot be kept or can never be read; every such field is named.
    """
    secrets = spec.all_secrets
    if not secrets:
        return spec
    sources, seals = outside.secrets(), outside.seals()
    wrong, ready = [], {}
    for pointer, secret in secrets.items():
        complaint = sources.complaint(secret)
        if complaint is not None:
            wrong.append(Violation(pointer=f"{pointer}/{secret.kind}", detail=complaint))
        elif secret.kind == "value":
            ready[pointer] = Secret.of_sealed(seals.seal(secret.content, job_id))
    if wrong:
        raise InvalidSpecError(tuple(wrong))
    return spec.map_secrets(ready.get)


def unsealed(outside: Outside, spec: JobSpec, job_id: str) -> tuple[JobSpec, frozenset[str]]:
    """Return a job's specification as it was sent, with the sealed values open.

    Returns:
        The specification, and the pointers of the values that no key opens any more: they are empty
        in it, which no submission may be.
    """
    values: dict[str, str] = {}
    lost: set[str] = set()
    for pointer, secret in spec.all_secrets.items():
        if secret.kind != "sealed":
            continue
        try:
            values[pointer] = opened(outside, secret, job_id, name=pointer)
        except RefusedError:
            values[pointer] = ""
            lost.add(f"{pointer}/value")
    ready = spec.map_secrets(
        lambda pointer, secret: Secret.of_value(values[pointer]) if pointer in values else secret
    )
    return ready, frozenset(lost)


def opened(outside: Outside, secret: Secret, job_id: str, *, name: str) -> str:
    """Return the value of a job's secret.

    Args:
        outside: The outside.
        secret: As it is stored.
        job_id: The job.
        name: What messages call it, like `#/callback/secret`.

    Raises:
        RefusedError: there is none; the text names the secret, and says what to do.
        BusyError: its source could not answer now; nothing was done.
    """
    try:
        return outside.secrets().read(secret, job_id)
    except RefusedError as error:
        raise RefusedError(error.code, f"the secret {name}: {error.message}") from None
    except BusyError as error:
        told = f"the secret {name}: {error.message}"
        raise BusyError(
            error.code, told, retry_after_s=error.retry_after_s, is_refused=True
        ) from None


@contextmanager
def ready_for_azure(outside: Outside, row: Row, spec: JobSpec) -> Iterator[JobSpec]:
    """Yield the specification as Azure is to get it: secrets open, our variables in each container.

    No error that comes out of the block has a secret in it.

    Raises:
        RefusedError, BusyError: a secret cannot be read; each one that is refused is named.
    """
    values, url = _gathered(outside, row, spec)
    ready = spec.map_secrets(
        lambda pointer, secret: Secret.of_value(values[pointer]) if pointer in values else secret
    )
    ready = ready.with_variables({JOB_ID: row.job_id, ATTEMPT: str(row.attempt)})
    if url:
        ready = ready.with_secret_variable(EVENT_URL, Secret.of_value(url))
    with hiding([*values.values(), url]):
        yield ready


def event_url(outside: Outside, row: Row) -> str:
    """Return where the job's containers tell of it; empty where no setting has the app's address.

    It is good while the job runs, however few days the operator gives a capability: they count from
    when the job is over at the latest.
    """
    address = outside.event_url()
    if not address:
        return ""
    since = max(outside.clock.now(), row.over_at)
    capabilities = outside.capabilities()
    token = capabilities.token(row.job_id, row.accepted_at, [Verb.EVENT], now=since)
    return f"{address}/api/{capability_path(row.job_id, token, 'events')}"


@contextmanager
def hiding(values: Iterable[str]) -> Iterator[None]:
    """Hide these values in every error that leaves the block.

    Azure may quote a request in its refusal, and a defect may quote anything: of one that is not ours
    only the kind is told.
    """
    known = [value for value in values if value]
    if not known:
        yield
        return
    try:
        yield
    except ServiceError as error:
        error.say(without(known, error.message))
        error.__cause__ = error.__context__ = None
        raise
    except AcijobsError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it may quote a secret
        kind = type(error).__name__
        raise AcijobsError(f"{kind}, whose text is hidden: a secret may be in it") from None


def without(values: Iterable[str], text: str) -> str:
    """Return the text with each value hidden, however it is written, and though it is cut off."""
    for form in sorted({form for value in values for form in _forms(value)}, key=len, reverse=True):
        if len(form) < _SHORT_CHARS:
            text = re.sub(rf"\b{re.escape(form)}\b", HIDDEN, text)
        else:
            text = _without_cut(form, text.replace(form, HIDDEN))
    return text


def _forms(value: str) -> set[str]:
    data = value.encode("utf-8", "surrogatepass")
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        base64.b64encode(data).decode(),
        quote(data, safe=""),
    }


def _without_cut(form: str, text: str) -> str:
    """Return the text without the beginning of a value at its end: errors are cut to a length."""
    longest = min(len(form) - 1, len(text))
    for length in range(longest, _SHORT_CHARS - 1, -1):
        if text.endswith(form[:length]):
            return text[:-length] + HIDDEN
    return text


def _gathered(outside: Outside, row: Row, spec: JobSpec) -> tuple[dict[str, str], str]:
    """Return the secrets by their pointers, and the event URL; whatever fails, Azure was not asked."""
    try:
        return _opened_all(outside, row.job_id, spec), event_url(outside, row)
    except InvalidSettingsError as error:
        raise RefusedError("InvalidSettings", str(error)) from None
    except BusyError as error:
        raise BusyError(
            error.code, error.message, retry_after_s=error.retry_after_s, is_refused=True
        ) from None


def _opened_all(outside: Outside, job_id: str, spec: JobSpec) -> dict[str, str]:
    values: dict[str, str] = {}
    refused: list[RefusedError] = []
    known: dict[tuple[str, str], str] = {}
    for pointer, secret in spec.all_secrets.items():
        if pointer.startswith(_NOT_FOR_AZURE):
            continue
        source = (secret.kind, secret.content)
        try:
            if source not in known:
                known[source] = opened(outside, secret, job_id, name=pointer)
            values[pointer] = known[source]
        except RefusedError as error:
            refused.append(error)
    if refused:
        raise RefusedError(refused[0].code, "; ".join(error.message for error in refused))
    return values
